//! Start tags of elements.

use std::io::Read;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::name::Prefix;
use taploom_model::Result;

use super::{Xml, damaged};
use crate::reader::passed_over::shown;
use crate::text::forbidden;

/// The most attributes that one element may have.
const ATTRIBUTES: usize = 128;

/// The longest name of an element, in bytes.
const NAME: usize = 1024;

/// The memory that an element is charged for in addition to its text: about the size of its fields.
pub(super) const ELEMENT: usize = 1024;

/// The elements of VOTable 1.0 to 1.5. All others are foreign.
const NAMES: [&str; 28] = [
    "VOTABLE",
    "RESOURCE",
    "TABLE",
    "FIELD",
    "PARAM",
    "GROUP",
    "FIELDref",
    "PARAMref",
    "INFO",
    "DESCRIPTION",
    "COOSYS",
    "TIMESYS",
    "LINK",
    "VALUES",
    "MIN",
    "MAX",
    "OPTION",
    "DEFINITIONS",
    "DATA",
    "TABLEDATA",
    "TR",
    "TD",
    "BINARY",
    "BINARY2",
    "FITS",
    "PARQUET",
    "STREAM",
    "",
];

/// A start tag.
pub(in crate::reader) struct Tag {
    /// The name without its prefix, or empty for an element that is not in VOTable.
    pub(in crate::reader) name: &'static str,
    /// The full name of an element that is not in VOTable.
    foreign: String,
    pub(super) attributes: Vec<(String, String)>,
    /// The byte at which it begins.
    pub(in crate::reader) at: u64,
    /// The memory that it was charged for.
    pub(super) cost: usize,
}

impl Tag {
    /// Takes an attribute out of the tag.
    pub(in crate::reader) fn take(&mut self, name: &str) -> Option<String> {
        let place = self.attributes.iter().position(|(known, _)| known == name)?;
        Some(self.attributes.swap_remove(place).1)
    }

    /// The value of an attribute.
    pub(in crate::reader) fn peek(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The name as messages show it.
    pub(in crate::reader) fn shown(&self) -> String {
        shown(if self.name.is_empty() { &self.foreign } else { self.name })
    }
}

impl<R: Read> Xml<R> {
    /// Reads the name and the attributes of a start tag, and charges for them.
    pub(super) fn start(&mut self, start: &BytesStart<'_>, at: u64) -> Result<Tag> {
        let cost = start.len() + ELEMENT;
        self.charge(cost)?;
        let name = start.name();
        if name.into_inner().len() > NAME {
            return Err(damaged(&format!(
                "the name of an element at byte {at} is longer than {NAME} bytes"
            )));
        }
        let (local, prefix) = name.decompose();
        let is_ours = prefix.map(Prefix::into_inner) == self.prefix.as_deref();
        let known = NAMES.iter().find(|known| is_ours && **known == local.into_inner());
        let known = known.copied().unwrap_or_default();
        let foreign = if known.is_empty() { name.into_inner().to_owned() } else { String::new() };
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.ill_formed(&error.into()))?;
            if attributes.len() == ATTRIBUTES {
                return Err(damaged(&format!(
                    "an element at byte {at} has more than {ATTRIBUTES} attributes"
                )));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| self.ill_formed(&error))?;
            let key = attribute.key.into_inner();
            if let Some(character) = forbidden(&value) {
                return Err(damaged(&format!(
                    "the attribute {} of {} at byte {at} has {character}",
                    shown(key),
                    shown(name.into_inner())
                )));
            }
            attributes.push((key.to_owned(), value.into_owned()));
        }
        Ok(Tag { name: known, foreign, attributes, at, cost })
    }
}
