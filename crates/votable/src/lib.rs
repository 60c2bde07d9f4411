#![doc = include_str!("../README.md")]

mod document;
mod frame;
mod reader;
mod text;

pub use frame::{Frame, Version};
pub use reader::{Charset, CountOf, ReadOptions, TableChoice, VotableReader};
pub use text::{altered_names, xml_characters};
