#![doc = include_str!("../README.md")]

mod blocks;
mod elements;
mod json;
mod value;

pub use blocks::{Block, Blocks, Cells, ColumnText};
pub use elements::{Elements, elements_of};
pub use json::{append_json_string, append_json_strings};
pub use value::{BITS, Spelling, TABLEDATA, Value, WORDS};
