#![doc = include_str!("../README.md")]

mod blocks;
mod cells;
mod cut;
mod elements;
mod json;
mod quoted;
mod records;
mod spelling;

pub use blocks::{BlockPlan, Blocks, ColumnText, Frame, TextBlock};
pub use cells::{Cells, Escaping};
pub use elements::{Elements, elements_of};
pub use json::{append_json_string, append_json_strings};
pub use quoted::append_quoted;
pub use records::{RecordPlan, Records};
pub use spelling::{BITS, Spelling, TABLEDATA, WORDS};
