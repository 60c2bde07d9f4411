#![doc = include_str!("../README.md")]

mod blocks;
mod cells;
mod cut;
mod elements;
mod json;
mod quoted;
mod records;
mod short;
mod value;

pub use blocks::{Blocks, ColumnText, Frame, TextBlock};
pub use cells::Cells;
pub use elements::{Elements, elements_of};
pub use json::{append_json_string, append_json_strings};
pub use quoted::append_quoted;
pub use records::Records;
pub use value::{BITS, Spelling, TABLEDATA, Value, WORDS};
