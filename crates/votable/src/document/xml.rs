//! Writes XML, and collects the IDs in it.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesText, Event};
use taploom_model::{Error, ErrorKind, Result};

use crate::document::element::Element;
use crate::document::ids::Ids;
use crate::text::xml_characters;
use crate::version::Version;

/// Elements in sequence, each on its own line. A FIELD or PARAM with its children is one line.
pub(crate) struct Xml {
    writer: Writer<Vec<u8>>,
    version: Version,
    ids: Ids,
    /// Number of elements around this point that are written on one line.
    inline: usize,
}

impl Xml {
    pub(crate) fn new(version: Version) -> Self {
        Self { writer: Writer::new(Vec::new()), version, ids: Ids::default(), inline: 0 }
    }

    /// The text written since the last call.
    pub(crate) fn take(&mut self) -> Result<String> {
        String::from_utf8(std::mem::take(self.writer.get_mut())).map_err(internal)
    }

    /// Checks that every reference leads to an ID.
    pub(crate) fn check_ids(&self) -> Result<()> {
        self.ids.check()
    }

    /// Checks that the version of the document has a feature.
    pub(crate) fn needs(&self, version: Version, what: &str) -> Result<()> {
        if self.version >= version {
            return Ok(());
        }
        let (has, needs) = (self.version.as_str(), version.as_str());
        let message = format!("VOTable {has} has no {what}; write version {needs}");
        Err(Error::new(ErrorKind::InvalidRequest, message))
    }

    pub(crate) fn declaration(&mut self) -> Result<()> {
        self.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        self.line()
    }

    /// Begins an element that [`close`](Self::close) ends.
    pub(crate) fn open(&mut self, element: Element<'_>) -> Result<()> {
        self.ids.add(&element)?;
        self.event(Event::Start(element.start))?;
        self.line()
    }

    pub(crate) fn close(&mut self, name: &str) -> Result<()> {
        self.event(Event::End(BytesEnd::new(name)))?;
        self.line()
    }

    /// An empty element.
    pub(crate) fn empty(&mut self, element: Element<'_>) -> Result<()> {
        self.ids.add(&element)?;
        self.event(Event::Empty(element.start))?;
        self.line()
    }

    /// An element with a text.
    pub(crate) fn text(&mut self, element: Element<'_>, text: &str) -> Result<()> {
        self.ids.add(&element)?;
        let end = element.start.to_end().into_owned();
        self.event(Event::Start(element.start))?;
        self.event(Event::Text(BytesText::new(&xml_characters(text))))?;
        self.event(Event::End(end))?;
        self.line()
    }

    /// An element with the elements that `children` write, each on its own line.
    pub(crate) fn block(
        &mut self,
        element: Element<'_>,
        children: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.ids.add(&element)?;
        let before = self.written();
        self.event(Event::Start(element.start.borrow()))?;
        self.line()?;
        let opened = self.written();
        children(self)?;
        if self.written() == opened {
            self.writer.get_mut().truncate(before);
            self.event(Event::Empty(element.start))?;
        } else {
            self.event(Event::End(element.start.to_end()))?;
        }
        self.line()
    }

    /// An element with the elements that `children` write, all on one line.
    pub(crate) fn inline(
        &mut self,
        element: Element<'_>,
        children: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.inline += 1;
        let written = self.block(element, children);
        self.inline -= 1;
        written?;
        self.line()
    }

    fn line(&mut self) -> Result<()> {
        match self.inline {
            0 => self.event(Event::Text(BytesText::from_escaped("\n"))),
            _ => Ok(()),
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<()> {
        self.writer.write_event(event).map_err(internal)
    }

    fn written(&self) -> usize {
        self.writer.get_ref().len()
    }
}

/// Writing to memory fails only by a defect of the writer.
fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Internal, "can't write the VOTable document").with_source(cause)
}
