//! XML as a stream of elements: tags by quick-xml, text by pieces, so that none has to be held.

use std::io::Read;

use memchr::{memchr2, memchr3};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::Prefix;
use taploom_model::{Error, ErrorKind, Result};

use super::input::Input;
use super::passed_over::{PassedOver, shown};

/// Elements within each other; VOTable needs some ten, a data model beside it twice that.
const DEPTH: usize = 128;

/// Attributes of one element, and bytes of its name.
const ATTRIBUTES: usize = 128;
const NAME: usize = 1024;

/// What an element costs beside its text, about what its fields take in memory.
const ELEMENT: usize = 1024;

/// The elements of VOTable 1.0 to 1.5; all others are foreign.
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
pub(super) struct Tag {
    /// The name without its prefix; empty for an element that is not of VOTable.
    pub(super) name: &'static str,
    /// The name as it stands, where it is not of VOTable.
    foreign: String,
    attributes: Vec<(String, String)>,
    /// Where it begins.
    pub(super) at: u64,
    /// Memory that it was charged for.
    cost: usize,
}

impl Tag {
    /// Takes an attribute out; `None` where there is none.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let place = self.attributes.iter().position(|(known, _)| known == name)?;
        Some(self.attributes.swap_remove(place).1)
    }

    /// The value of an attribute.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The name for messages.
    pub(super) fn shown(&self) -> String {
        shown(if self.name.is_empty() { &self.foreign } else { self.name })
    }
}

/// What comes next.
pub(super) enum Node {
    Open(Tag),
    Close,
    /// The document has ended, and all its elements.
    End,
}

/// A document that is read from its start to its end.
pub(super) struct Xml<R> {
    reader: Reader<Input<R>>,
    tag: Vec<u8>,
    depth: usize,
    /// The element just opened was empty: its end comes next.
    closes: bool,
    in_cdata: bool,
    prefix: Option<String>,
    limit: usize,
    /// Memory that metadata may still take.
    left: usize,
    pub(super) passed_over: PassedOver,
}

impl<R: Read> Xml<R> {
    /// A document of which no tag, text or cell, nor all metadata together, may be longer than
    /// `limit` bytes.
    pub(super) fn new(source: R, limit: usize) -> Self {
        Self {
            reader: Reader::from_reader(Input::new(source)),
            tag: Vec::new(),
            depth: 0,
            closes: false,
            in_cdata: false,
            prefix: None,
            limit,
            left: limit,
            passed_over: PassedOver::default(),
        }
    }

    /// The start tag of the root element.
    pub(super) fn root(&mut self) -> Result<Tag> {
        let beginning = self.input().peek(4).map_err(unreadable)?;
        if matches!(beginning, [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, b'<', ..] | [b'<', 0, ..])
        {
            return Err(damaged("the document is in UTF-16; only UTF-8 is read: convert it first"));
        }
        loop {
            let at = self.position();
            let mut tag = std::mem::take(&mut self.tag);
            tag.clear();
            let event = self.event(&mut tag)?;
            let (start, closes) = match event {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                Event::Decl(declaration) => {
                    if let Some(encoding) = declaration.encoding() {
                        let encoding = encoding.map_err(|error| self.ill_formed(&error.into()))?;
                        self.check_encoding(&encoding)?;
                    }
                    continue;
                }
                Event::Text(text) if text.chars().all(is_space) => continue,
                Event::DocType(doctype) => {
                    if doctype.contains('[') {
                        self.passed_over.add("declarations in DOCTYPE".to_owned(), at);
                    }
                    continue;
                }
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof => {
                    return Err(damaged("the document is empty; a VOTable has an element VOTABLE"));
                }
                _ => {
                    return Err(damaged(
                        "the document begins with something else than an element; it is no VOTable",
                    ));
                }
            };
            let prefix = start.name().prefix().map(|prefix| prefix.into_inner().to_owned());
            self.prefix = prefix;
            let found = self.start(&start, at);
            self.tag = tag;
            let found = found?;
            self.closes = closes;
            self.depth = 1;
            return Ok(found);
        }
    }

    /// The next start or end tag. Text before it that is not only space is passed over.
    pub(super) fn next(&mut self) -> Result<Node> {
        if std::mem::take(&mut self.closes) {
            self.depth -= 1;
            return Ok(Node::Close);
        }
        let at = self.position();
        if !self.skip_text()? {
            self.passed_over.add("text between elements".to_owned(), at);
        }
        if self.depth == 0 && self.input().available().map_err(unreadable)?.is_empty() {
            return Ok(Node::End);
        }
        self.markup()
    }

    /// The text of the element just opened, up to its end. Elements within are passed over.
    pub(super) fn text(&mut self) -> Result<String> {
        let mut text = Vec::new();
        while !self.closes {
            let limit = self.left.saturating_add(1);
            self.append_text(&mut text, limit)?;
            self.charge(text.len())?;
            match self.markup()? {
                Node::Open(tag) => self.pass_over(&tag)?,
                Node::Close | Node::End => return self.utf8(text),
            }
        }
        self.closes = false;
        self.depth -= 1;
        Ok(String::new())
    }

    /// Appends a piece of the text that follows, until there are `most` bytes in all or a tag
    /// stands next; `false` in the latter case. References are resolved, CDATA taken apart, and
    /// line ends normalised (XML 1.0, 2.11).
    pub(super) fn append_text(&mut self, text: &mut Vec<u8>, most: usize) -> Result<bool> {
        if self.closes {
            return Ok(false);
        }
        while text.len() < most {
            let room = most - text.len();
            let in_cdata = self.in_cdata;
            let input = self.reader.get_mut();
            let available = input.available().map_err(unreadable)?;
            let special = match in_cdata {
                true => memchr2(b']', b'\r', available),
                false => memchr3(b'<', b'&', b'\r', available),
            };
            match special {
                _ if available.is_empty() => {
                    if self.depth == 0 {
                        return Ok(false);
                    }
                    return Err(self.cut_short());
                }
                Some(0) => {}
                plain => {
                    let length = plain.unwrap_or(available.len()).min(room);
                    text.extend_from_slice(&available[..length]);
                    input.take(length);
                    continue;
                }
            }
            match input.peek(9).map_err(unreadable)? {
                [b'\r', b'\n', ..] => input.take(1),
                [b'\r', ..] => {
                    input.take(1);
                    text.push(b'\n');
                }
                [b']', b']', b'>', ..] => {
                    input.take(3);
                    self.in_cdata = false;
                }
                [b']', ..] => {
                    input.take(1);
                    text.push(b']');
                }
                [b'<', b'!', b'-', b'-', ..] => {
                    input.take(4);
                    self.skip_past(b"-->")?;
                }
                [b'<', b'?', ..] => {
                    input.take(2);
                    self.skip_past(b"?>")?;
                }
                b"<![CDATA[" => {
                    input.take(9);
                    self.in_cdata = true;
                }
                beginning if beginning.starts_with(b"<![CDATA[") => {
                    input.take(9);
                    self.in_cdata = true;
                }
                [b'<', ..] => return Ok(false),
                _ => self.reference(text)?,
            }
        }
        Ok(true)
    }

    /// Passes over the rest of an element that was opened, and says so.
    pub(super) fn pass_over(&mut self, tag: &Tag) -> Result<()> {
        self.passed_over.add(format!("element {}", tag.shown()), tag.at);
        self.skip(tag)
    }

    /// Reads up to the end of the element that was opened, whatever its length.
    pub(super) fn skip(&mut self, tag: &Tag) -> Result<()> {
        let outside = self.depth - 1;
        // What is not kept costs nothing.
        let left = self.left + tag.cost;
        while self.depth > outside {
            self.left = left;
            if std::mem::take(&mut self.closes) {
                self.depth -= 1;
            } else {
                self.skip_text()?;
                self.markup()?;
            }
        }
        Ok(())
    }

    /// The end of an element that holds no others; those that it has are passed over.
    pub(super) fn close(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Node::Open(tag) => self.pass_over(&tag)?,
                Node::Close | Node::End => return Ok(()),
            }
        }
    }

    /// Says which attributes of a tag were not taken; those of XML itself do not count.
    pub(super) fn rest(&mut self, tag: &Tag) {
        for (name, _) in &tag.attributes {
            let of_xml = name == "xmlns"
                || ["xmlns:", "xml:", "xsi:"].iter().any(|prefix| name.starts_with(prefix));
            if !of_xml {
                self.passed_over
                    .add(format!("attribute {} of {}", shown(name), tag.shown()), tag.at);
            }
        }
    }

    /// Makes the elements that follow free, or no more: those of the rows are not kept.
    pub(super) fn restore(&mut self, left: usize) {
        self.left = left;
    }

    /// Memory that metadata may still take.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes memory for metadata.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.too_long("the metadata take")),
        }
    }

    /// Bytes of the document that were read.
    pub(super) fn position(&self) -> u64 {
        self.reader.get_ref().position()
    }

    /// The longest text or cell.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Something that is longer than the limit.
    pub(super) fn too_long(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Resources,
            format!(
                "{what} more than the memory limit of {} bytes (at byte {}); raise memory_limit if \
                 the document is sound",
                self.limit,
                self.position()
            ),
        )
    }

    /// A document that ends before its root element does.
    pub(super) fn cut_short(&self) -> Error {
        damaged(&format!(
            "the document is cut short: it ends at byte {} within an element",
            self.position()
        ))
    }

    pub(super) fn utf8(&self, bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).map_err(|error| {
            damaged(&format!("text that ends at byte {} is not UTF-8", self.position()))
                .with_source(error.utf8_error())
        })
    }

    fn input(&mut self) -> &mut Input<R> {
        self.reader.get_mut()
    }

    /// The tag that stands next.
    fn markup(&mut self) -> Result<Node> {
        let at = self.position();
        let mut tag = std::mem::take(&mut self.tag);
        tag.clear();
        let (node, closes) = match self.event(&mut tag)? {
            Event::Start(start) => (Some(self.start(&start, at)?), false),
            Event::Empty(start) => (Some(self.start(&start, at)?), true),
            Event::End(_) => (None, false),
            Event::Eof => return Err(self.cut_short()),
            _ => return Err(damaged(&format!("declaration within the document at byte {at}"))),
        };
        // One long tag does not hold its memory for ever.
        tag.clear();
        tag.shrink_to(CALM);
        self.tag = tag;
        let Some(tag) = node else {
            self.depth -= 1;
            return Ok(Node::Close);
        };
        if self.depth == 0 {
            return Err(damaged(&format!("a second root element {} at byte {at}", tag.shown())));
        }
        if self.depth == DEPTH {
            return Err(damaged(&format!(
                "more than {DEPTH} elements within each other at byte {at}"
            )));
        }
        self.depth += 1;
        self.closes = closes;
        Ok(Node::Open(tag))
    }

    fn event<'b>(&mut self, tag: &'b mut Vec<u8>) -> Result<Event<'b>> {
        let limit = self.limit;
        self.input().allow(limit);
        match self.reader.read_event_into(tag) {
            Ok(event) => Ok(event),
            Err(quick_xml::Error::Io(_)) if self.reader.get_ref().is_exhausted() => {
                Err(self.too_long("a tag takes"))
            }
            Err(quick_xml::Error::Io(error)) => Err(unreadable(error)),
            Err(error) => Err(self.ill_formed(&error)),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, at: u64) -> Result<Tag> {
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
            attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
        }
        Ok(Tag { name: known, foreign, attributes, at, cost })
    }

    /// Takes text up to the next tag; whether it was nothing but space.
    fn skip_text(&mut self) -> Result<bool> {
        let (mut text, mut is_space) = (Vec::new(), true);
        loop {
            let more = self.append_text(&mut text, CALM)?;
            is_space &= text.iter().all(|byte| self::is_space(char::from(*byte)));
            text.clear();
            if !more {
                return Ok(is_space);
            }
        }
    }

    fn skip_past(&mut self, end: &[u8]) -> Result<()> {
        loop {
            let input = self.reader.get_mut();
            let available = input.peek(end.len()).map_err(unreadable)?;
            if available.len() < end.len() {
                return Err(self.cut_short());
            }
            if let Some(place) = memchr::memmem::find(available, end) {
                input.take(place + end.len());
                return Ok(());
            }
            // The end may have begun.
            let passed = available.len() - (end.len() - 1);
            input.take(passed);
        }
    }

    /// A reference to a character or to one of the five entities of XML.
    fn reference(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let at = self.position();
        let input = self.reader.get_mut();
        let available = input.peek(16).map_err(unreadable)?;
        let available = &available[..available.len().min(16)];
        let length = available.iter().position(|byte| *byte == b';').map(|place| place + 1);
        let resolved = length
            .and_then(|length| std::str::from_utf8(&available[..length]).ok())
            .and_then(|reference| unescape(reference).ok());
        let (Some(length), Some(resolved)) = (length, resolved) else {
            return Err(damaged(&format!(
                "an & at byte {at} begins no reference to a character or to one of the entities of XML"
            )));
        };
        text.extend_from_slice(resolved.as_bytes());
        input.take(length);
        Ok(())
    }

    fn check_encoding(&self, encoding: &str) -> Result<()> {
        if ["utf-8", "utf8", "us-ascii", "ascii"]
            .iter()
            .any(|known| encoding.eq_ignore_ascii_case(known))
        {
            return Ok(());
        }
        Err(damaged(&format!(
            "the document is in {}; only UTF-8 is read: convert it first",
            shown(encoding)
        )))
    }

    fn ill_formed(&self, error: &quick_xml::Error) -> Error {
        damaged(&format!("not well-formed XML near byte {}", self.position()))
            .with_source(shown(&error.to_string()))
    }
}

/// Memory that buffers keep between elements.
const CALM: usize = 64 * 1024;

/// The white space of XML 1.0, 2.3.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Input that is no whole VOTable.
pub(super) fn damaged(message: &str) -> Error {
    Error::new(ErrorKind::Source, message)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    damaged("can't read the document").with_source(error)
}
