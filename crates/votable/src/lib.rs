#![doc = include_str!("../README.md")]

mod document;
mod frame;
mod part;
mod reader;
mod text;
mod version;

pub use frame::Frame;
pub use part::{DocumentPart, Flaw};
pub use reader::{Charset, CountOf, ReadOptions, TableChoice, VotableReader};
pub use text::{altered_names, xml_characters};
pub use version::Version;
