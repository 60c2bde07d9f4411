//! The document around the rows.

use taploom_model::{Column, Completion, Envelope, Error, ErrorKind, Result, ResultSchema};

use crate::document::Document;
use crate::version::Version;

/// A VOTable document in two halves: a header that ends after the FIELDs, and a footer that begins
/// with `</TABLE>`. DATA, if any, goes between them.
///
/// The header has the `QUERY_STATUS` OK before the TABLE. If the result overflows or fails, the footer has
/// another one after the TABLE; DALI 1.1, 4.4.1. All of [`TableMetadata`](taploom_model::TableMetadata) is
/// written in the order of the standard: the RESOURCEs beside the TABLE are in the footer, and everything
/// else is in the header.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_model::{Completion, ResultSchema};
/// use taploom_votable::{Frame, Version};
///
/// let arrow = Schema::new(vec![Field::new("ra", DataType::Float64, true)]);
/// let frame = Frame::new(&ResultSchema::derived(Arc::new(arrow)), Version::default())?;
/// assert!(frame.header().ends_with("<FIELD name=\"ra\" datatype=\"double\"/>\n"));
/// assert!(frame.footer(&Completion::Overflow)?.contains("value=\"OVERFLOW\""));
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Frame(Content);

#[derive(Debug, Clone)]
enum Content {
    Written(Document),
    Given(Envelope),
}

impl Frame {
    /// The document of a result, with the names of its columns unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming a column that has no VOTable datatype, and
    /// [`ErrorKind::InvalidRequest`] for metadata that don't make a valid document: an ID that is used twice,
    /// a reference to a missing ID, an element that the version does not have.
    pub fn new(schema: &ResultSchema, version: Version) -> Result<Self> {
        let names: Vec<&str> = schema.columns().iter().map(Column::name).collect();
        Self::with_names(schema, &names, version)
    }

    /// The document of a result, with other names for its columns.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_names(
        schema: &ResultSchema,
        names: &[impl AsRef<str>],
        version: Version,
    ) -> Result<Self> {
        Ok(Self(Content::Written(Document::new(schema, names, version)?)))
    }

    /// The document of a given envelope, unchanged.
    pub fn given(envelope: &Envelope) -> Self {
        Self(Content::Given(envelope.clone()))
    }

    /// The document from the XML declaration to the beginning of DATA.
    pub fn header(&self) -> &str {
        match &self.0 {
            Content::Written(document) => document.header(),
            Content::Given(envelope) => &envelope.header,
        }
    }

    /// The document from `</TABLE>` to the end.
    ///
    /// # Errors
    /// [`ErrorKind::Failed`] if the result failed and the document is an envelope, which has no footer for
    /// failures.
    pub fn footer(&self, completion: &Completion) -> Result<String> {
        match (&self.0, completion) {
            (Content::Written(document), _) => document.footer(completion),
            (Content::Given(envelope), Completion::Complete) => Ok(envelope.footer.clone()),
            (Content::Given(envelope), Completion::Overflow) => {
                Ok(envelope.footer_overflow.clone())
            }
            (Content::Given(_), Completion::Failed { message }) => {
                Err(Error::new(ErrorKind::Failed, message.clone()))
            }
        }
    }

    /// The size of the document on the heap, in bytes.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Content::Written(document) => document.heap_bytes(),
            Content::Given(envelope) => {
                envelope.header.len() + envelope.footer.len() + envelope.footer_overflow.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};
    use taploom_model::{ColumnMetadata, TableMetadata};

    use super::*;

    #[test]
    fn the_whole_document() {
        let arrow = Schema::new(vec![
            Field::new("n", DataType::Int32, true),
            Field::new("date", DataType::Date32, true),
        ]);
        let n = ColumnMetadata {
            name: Some("a<b & \"c\"\n'd'\u{1}".into()),
            unit: Some("km/s".into()),
            ucd: Some("meta.number".into()),
            description: Some("1 < 2 & ]]>".into()),
            null_value: Some("-1".into()),
            id: Some("n".parse().unwrap()),
            ..Default::default()
        };
        let schema =
            ResultSchema::new(Arc::new(arrow), vec![n, ColumnMetadata::default()]).unwrap();
        let schema = schema.with_table(TableMetadata {
            name: Some("stars".into()),
            description: Some("All of them".into()),
            ..Default::default()
        });
        let frame = Frame::new(&schema, Version::default()).unwrap();
        assert_eq!(
            frame.header(),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/>
<TABLE name="stars">
<DESCRIPTION>All of them</DESCRIPTION>
<FIELD ID="n" name="a&lt;b &amp; &quot;c&quot;&#10;&apos;d&apos;�" datatype="int" unit="km/s" ucd="meta.number"><DESCRIPTION>1 &lt; 2 &amp; ]]&gt;</DESCRIPTION><VALUES null="-1"/></FIELD>
<FIELD name="date" datatype="char" arraysize="*" xtype="timestamp"/>
"#
        );
        assert_eq!(
            frame.footer(&Completion::Failed { message: "no <more> rows".into() }).unwrap(),
            "</TABLE>\n<INFO name=\"QUERY_STATUS\" value=\"ERROR\">no &lt;more&gt; rows</INFO>\n\
             </RESOURCE>\n</VOTABLE>\n"
        );
        assert_eq!(
            frame.footer(&Completion::Complete).unwrap(),
            "</TABLE>\n</RESOURCE>\n</VOTABLE>\n"
        );
    }

    #[test]
    fn an_envelope_is_used_as_it_is() {
        let envelope = Envelope {
            header: "<VOTABLE>".into(),
            footer: "</VOTABLE>".into(),
            footer_overflow: "<INFO/></VOTABLE>".into(),
        };
        let frame = Frame::given(&envelope);
        assert_eq!(frame.header(), "<VOTABLE>");
        assert_eq!(frame.footer(&Completion::Overflow).unwrap(), "<INFO/></VOTABLE>");
        let failed = frame.footer(&Completion::Failed { message: "gone".into() });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Failed);
    }
}
