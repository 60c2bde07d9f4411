#![doc = include_str!("../README.md")]

mod document;
mod frame;
mod text;

pub use frame::{Frame, Version};
pub use text::{altered_names, xml_characters};
