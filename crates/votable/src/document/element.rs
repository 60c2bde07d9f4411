//! One element with its attributes.

use quick_xml::events::BytesStart;

use crate::text::xml_characters;

/// An element to be written. Attributes that are `None` are left out.
pub(crate) struct Element<'a> {
    pub(crate) start: BytesStart<'a>,
    pub(crate) tag: &'static str,
    pub(crate) name: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) reference: Option<&'a str>,
}

impl<'a> Element<'a> {
    pub(crate) fn new(tag: &'static str) -> Self {
        Self { start: BytesStart::new(tag), tag, name: None, id: None, reference: None }
    }

    pub(crate) fn with(
        mut self,
        attribute: &'static str,
        value: impl Into<Option<&'a str>>,
    ) -> Self {
        let Some(value) = value.into() else { return self };
        self.start.push_attribute((attribute, &*xml_characters(value)));
        match attribute {
            "name" => self.name = Some(value),
            "ID" => self.id = Some(value),
            "ref" => self.reference = Some(value),
            _ => {}
        }
        self
    }
}
