//! The document around the rows.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taploom_encoder::{Column, Completion, Envelope, Error, ErrorKind, Result, ResultSchema};

use crate::text::xml_characters;

/// The version of the document. They share a namespace and differ in what they may hold.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Version {
    /// 1.3: no TIMESYS.
    #[serde(rename = "1.3")]
    V1_3,
    /// 1.4: what readers of the day take without false errors.
    #[default]
    #[serde(rename = "1.4")]
    V1_4,
    /// 1.5: `refposition` of a COOSYS.
    #[serde(rename = "1.5")]
    V1_5,
}

impl Version {
    /// As it stands in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
        }
    }
}

/// The namespace of every version from 1.3 on; VOTable 1.4, 3.1.
const NAMESPACE: &str = "http://www.ivoa.net/xml/VOTable/v1.3";

/// A VOTable document in two halves: a header that ends after the last FIELD, and a footer that
/// begins with `</TABLE>`. DATA, if any, goes between them.
///
/// The header says `QUERY_STATUS` OK before the TABLE. A result that overflowed or failed says so
/// after it; DALI 1.1, 4.4.1.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_encoder::{Completion, ResultSchema};
/// use taploom_votable::{Frame, Version};
///
/// let arrow = Schema::new(vec![Field::new("ra", DataType::Float64, true)]);
/// let frame = Frame::new(&ResultSchema::derived(Arc::new(arrow)), Version::default())?;
/// assert!(frame.header().ends_with("<FIELD name=\"ra\" datatype=\"double\"/>\n"));
/// assert!(frame.footer(&Completion::Overflow)?.contains("value=\"OVERFLOW\""));
/// # Ok::<(), taploom_encoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Frame {
    header: String,
    given: Option<Envelope>,
}

impl Frame {
    /// The document of a result, with the names of its columns as they are.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming a column that has no VOTable datatype.
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
        Ok(Self { header: header(schema, names, version)?, given: None })
    }

    /// A document that is given, as it is.
    pub fn given(envelope: &Envelope) -> Self {
        Self { header: envelope.header.clone(), given: Some(envelope.clone()) }
    }

    /// From the XML declaration to the end of the last FIELD.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// From `</TABLE>` to the end of the document.
    ///
    /// # Errors
    /// [`ErrorKind::Failed`] for a failure in a document that is given: it has no footer for that.
    pub fn footer(&self, completion: &Completion) -> Result<String> {
        match (&self.given, completion) {
            (None, _) => footer(completion),
            (Some(given), Completion::Complete) => Ok(given.footer.clone()),
            (Some(given), Completion::Overflow) => Ok(given.footer_overflow.clone()),
            (Some(_), Completion::Failed { message }) => {
                Err(Error::new(ErrorKind::Failed, message.clone()))
            }
        }
    }

    /// Heap that the document takes, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let given = |e: &Envelope| e.header.len() + e.footer.len() + e.footer_overflow.len();
        self.header.capacity() + self.given.as_ref().map_or(0, given)
    }
}

/// An element in the making: attributes that are `None` are left out.
struct Element<'a>(BytesStart<'a>);

impl<'a> Element<'a> {
    fn new(name: &'a str) -> Self {
        Self(BytesStart::new(name))
    }

    fn with(mut self, name: &str, value: impl Into<Option<&'a str>>) -> Self {
        if let Some(value) = value.into() {
            self.0.push_attribute((name, &*xml_characters(value)));
        }
        self
    }
}

fn header(schema: &ResultSchema, names: &[impl AsRef<str>], version: Version) -> Result<String> {
    let mut types = Vec::with_capacity(names.len());
    for column in schema.columns() {
        types.push(column.vo_type()?);
    }
    let mut xml = Writer::new(Vec::new());
    let written: io::Result<()> = (|| {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        line(&mut xml)?;
        open(
            &mut xml,
            Element::new("VOTABLE").with("version", version.as_str()).with("xmlns", NAMESPACE),
        )?;
        line(&mut xml)?;
        open(&mut xml, Element::new("RESOURCE").with("type", "results"))?;
        line(&mut xml)?;
        status(&mut xml, &Completion::Complete)?;
        open(&mut xml, Element::new("TABLE").with("name", schema.table().name.as_deref()))?;
        line(&mut xml)?;
        if let Some(description) = &schema.table().description {
            text_element(&mut xml, "DESCRIPTION", description)?;
            line(&mut xml)?;
        }
        for ((column, vo_type), name) in schema.columns().iter().zip(types).zip(names) {
            let arraysize = vo_type.arraysize.as_ref().map(ToString::to_string);
            let metadata = column.metadata();
            let field = Element::new("FIELD")
                .with("ID", metadata.id.as_deref())
                .with("name", name.as_ref())
                .with("datatype", vo_type.datatype.as_str())
                .with("arraysize", arraysize.as_deref())
                .with("xtype", vo_type.xtype.as_deref())
                .with("unit", metadata.unit.as_deref())
                .with("ucd", metadata.ucd.as_deref())
                .with("utype", metadata.utype.as_deref())
                .with("ref", metadata.reference.as_deref());
            if metadata.description.is_none() && metadata.null_value.is_none() {
                xml.write_event(Event::Empty(field.0))?;
            } else {
                open(&mut xml, field)?;
                if let Some(description) = &metadata.description {
                    text_element(&mut xml, "DESCRIPTION", description)?;
                }
                if let Some(null) = metadata.null_value.as_deref() {
                    xml.write_event(Event::Empty(Element::new("VALUES").with("null", null).0))?;
                }
                close(&mut xml, "FIELD")?;
            }
            line(&mut xml)?;
        }
        Ok(())
    })();
    finish(xml, written)
}

fn footer(completion: &Completion) -> Result<String> {
    let mut xml = Writer::new(Vec::new());
    let written: io::Result<()> = (|| {
        close(&mut xml, "TABLE")?;
        line(&mut xml)?;
        if *completion != Completion::Complete {
            status(&mut xml, completion)?;
        }
        close(&mut xml, "RESOURCE")?;
        line(&mut xml)?;
        close(&mut xml, "VOTABLE")?;
        line(&mut xml)
    })();
    finish(xml, written)
}

type Xml = Writer<Vec<u8>>;

fn open(xml: &mut Xml, element: Element<'_>) -> io::Result<()> {
    xml.write_event(Event::Start(element.0))
}

fn close(xml: &mut Xml, name: &str) -> io::Result<()> {
    xml.write_event(Event::End(BytesEnd::new(name)))
}

fn line(xml: &mut Xml) -> io::Result<()> {
    xml.write_event(Event::Text(BytesText::from_escaped("\n")))
}

fn text_element(xml: &mut Xml, name: &str, text: &str) -> io::Result<()> {
    open(xml, Element::new(name))?;
    xml.write_event(Event::Text(BytesText::new(&xml_characters(text))))?;
    close(xml, name)
}

/// The QUERY_STATUS INFO, on a line of its own.
fn status(xml: &mut Xml, completion: &Completion) -> io::Result<()> {
    let info =
        Element::new("INFO").with("name", "QUERY_STATUS").with("value", completion.query_status());
    if let Completion::Failed { message } = completion {
        open(xml, info)?;
        xml.write_event(Event::Text(BytesText::new(&xml_characters(message))))?;
        close(xml, "INFO")?;
    } else {
        xml.write_event(Event::Empty(info.0))?;
    }
    line(xml)
}

/// Writing into memory fails only where the writer itself is wrong.
fn finish(xml: Xml, written: io::Result<()>) -> Result<String> {
    let internal = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Internal, "can't write the VOTable document").with_source(cause)
    };
    written.map_err(|error| internal(error.into()))?;
    String::from_utf8(xml.into_inner()).map_err(|error| internal(error.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};
    use taploom_encoder::{ColumnMetadata, TableMetadata};

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
            id: Some("n".into()),
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
