#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "only the kernels for x86-64 need it")
)]

#[cfg(target_arch = "x86_64")]
mod call;
mod cells;
mod decimals;
mod kernel;
mod number;
mod portable;
mod rows;
mod values;
mod words;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use decimals::Decimals;
pub use kernel::Kernel;
pub use number::Number;
pub use rows::{Cell, Rows};
pub use values::{Validity, Values};
pub use words::Words;
