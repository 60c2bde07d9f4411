#![doc = include_str!("../README.md")]

mod decimals;
mod kernel;
mod number;
mod portable;
mod rows;
mod values;

pub use decimals::{Decimals, Words};
pub use kernel::Kernel;
pub use number::Number;
pub use rows::{Cell, Rows};
pub use values::{Validity, Values};
