//! XML as a stream of elements. quick-xml parses the tags; the text between them is read in pieces.

mod ahead;
mod tag;
mod text;

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::Event;
use taploom_model::{Error, ErrorKind, Result};

use super::input::Input;
use super::passed_over::{PassedOver, shown};

pub(super) use self::tag::Tag;
pub(super) use self::text::{REFERENCE, resolved};

/// The deepest nesting of elements. VOTable needs about ten levels, and an embedded data model about twice
/// as many.
const DEPTH: usize = 128;

/// The next event of a document.
pub(super) enum Node {
    Open(Tag),
    Close,
    /// The document has ended, with all of its elements.
    End,
}

/// A document that is read from its start to its end.
pub(super) struct Xml<R> {
    reader: Reader<Input<R>>,
    tag: Vec<u8>,
    depth: usize,
    /// Whether the element that was just opened is empty, so that its end comes next.
    closes: bool,
    in_cdata: bool,
    prefix: Option<String>,
    limit: usize,
    /// The memory that metadata may still take.
    left: usize,
    pub(super) passed_over: PassedOver,
}

impl<R: Read> Xml<R> {
    /// A document in which no tag, no text, no cell, and not all metadata together may take more than
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
                        "the document does not begin with an element, so it is not a VOTable",
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

    /// The next start or end tag. Text before it is skipped, with a note unless it is white space.
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

    /// Skips the rest of an open element, with a note.
    pub(super) fn pass_over(&mut self, tag: &Tag) -> Result<()> {
        self.passed_over.add(format!("element {}", tag.shown()), tag.at);
        self.skip(tag)
    }

    /// Reads to the end of an open element of any length.
    pub(super) fn skip(&mut self, tag: &Tag) -> Result<()> {
        let outside = self.depth - 1;
        // The element is not kept, so its memory is released.
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

    /// Reads to the end of an element that should have no children. Elements inside it are skipped.
    pub(super) fn close(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Node::Open(tag) => self.pass_over(&tag)?,
                Node::Close | Node::End => return Ok(()),
            }
        }
    }

    /// Notes which attributes of a tag were not taken. Attributes of XML itself are not noted.
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

    /// Sets the memory that metadata may still take, for elements of rows, which are not kept.
    pub(super) fn restore(&mut self, left: usize) {
        self.left = left;
    }

    /// The memory that metadata may still take.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Charges metadata for memory.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.too_long("the metadata take")),
        }
    }

    /// The number of bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.reader.get_ref().position()
    }

    /// The largest size of a text or cell, in bytes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The error for something that is larger than the limit.
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

    /// The error for a document that ends inside an element.
    pub(super) fn cut_short(&self) -> Error {
        damaged(&format!(
            "the document is cut short: it ends at byte {} inside an element",
            self.position()
        ))
    }

    fn input(&mut self) -> &mut Input<R> {
        self.reader.get_mut()
    }

    /// Reads the tag that follows.
    fn markup(&mut self) -> Result<Node> {
        let at = self.position();
        let mut tag = std::mem::take(&mut self.tag);
        tag.clear();
        let (node, closes) = match self.event(&mut tag)? {
            Event::Start(start) => (Some(self.start(&start, at)?), false),
            Event::Empty(start) => (Some(self.start(&start, at)?), true),
            Event::End(_) => (None, false),
            Event::Eof => return Err(self.cut_short()),
            _ => return Err(damaged(&format!("a declaration inside the document at byte {at}"))),
        };
        // Releases the memory of a long tag.
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
            return Err(damaged(&format!("more than {DEPTH} nested elements at byte {at}")));
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

/// The largest capacity that a buffer keeps between elements.
const CALM: usize = 64 * 1024;

/// The white space of XML 1.0, 2.3.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// The error for input that is not a whole VOTable.
pub(super) fn damaged(message: &str) -> Error {
    Error::new(ErrorKind::Source, message)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    damaged("can't read the document").with_source(error)
}
