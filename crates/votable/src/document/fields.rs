//! FIELD, and PARAM, which is a FIELD with a value; VOTable 1.4, 4.

use taploom_model::{
    Arraysize, Bound, Column, ColumnMetadata, Datatype, Error, ErrorKind, Param, Precision, Result,
    ValueOption, ValuesType,
};

use crate::document::annotations::{description, links};
use crate::document::element::Element;
use crate::document::xml::Xml;

/// A FIELD or PARAM.
pub(crate) struct Field<'a> {
    name: &'a str,
    datatype: Datatype,
    arraysize: Option<&'a Arraysize>,
    xtype: Option<&'a str>,
    metadata: &'a ColumnMetadata,
    /// The value of a PARAM.
    value: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// The FIELD of a column.
    pub(crate) fn of_column(column: &'a Column, name: &'a str) -> Result<Self> {
        let vo_type = column.vo_type()?;
        Ok(Self {
            name,
            datatype: vo_type.datatype,
            arraysize: vo_type.arraysize.as_ref(),
            xtype: vo_type.xtype.as_deref(),
            metadata: column.metadata(),
            value: None,
        })
    }

    /// A PARAM. It has no Arrow type from which a datatype could be derived.
    pub(crate) fn of_param(param: &'a Param) -> Result<Self> {
        let metadata = &param.field;
        let wrong = |message: String| Error::new(ErrorKind::InvalidRequest, message);
        let name = metadata.name.as_deref().ok_or_else(|| {
            wrong(format!("the PARAM with the value {:?} has no name", param.value))
        })?;
        let datatype = metadata.datatype.ok_or_else(|| {
            wrong(format!("PARAM {name:?} has no datatype; text is char with arraysize \"*\""))
        })?;
        Ok(Self {
            name,
            datatype,
            arraysize: metadata.arraysize.as_ref(),
            xtype: metadata.xtype.as_deref(),
            metadata,
            value: Some(&param.value),
        })
    }

    pub(crate) fn write(&self, xml: &mut Xml) -> Result<()> {
        let metadata = self.metadata;
        let arraysize = self.arraysize.map(Arraysize::to_string);
        let width = metadata.width.map(|width| width.to_string());
        let precision = metadata.precision.as_ref().map(Precision::to_string);
        let element = Element::new(if self.value.is_some() { "PARAM" } else { "FIELD" })
            .with("ID", metadata.id.as_deref())
            .with("name", self.name)
            .with("datatype", self.datatype.as_str())
            .with("arraysize", arraysize.as_deref())
            .with("width", width.as_deref())
            .with("precision", precision.as_deref())
            .with("xtype", self.xtype)
            .with("unit", metadata.unit.as_deref())
            .with("ucd", metadata.ucd.as_deref())
            .with("utype", metadata.utype.as_deref())
            .with("ref", metadata.reference.as_deref())
            .with("value", self.value);
        xml.inline(element, |xml| {
            description(xml, metadata.description.as_deref())?;
            values(xml, metadata)?;
            links(xml, &metadata.links)
        })
    }
}

/// VALUES: the domain, and the value that stands for null.
fn values(xml: &mut Xml, metadata: &ColumnMetadata) -> Result<()> {
    let null = metadata.null_value.as_deref();
    let Some(values) = &metadata.values else {
        return match null {
            Some(null) => xml.empty(Element::new("VALUES").with("null", null)),
            None => Ok(()),
        };
    };
    let element = Element::new("VALUES")
        .with("ID", values.id.as_deref())
        .with("type", values.values_type.map(ValuesType::as_str))
        .with("null", null)
        .with("ref", values.reference.as_deref());
    xml.block(element, |xml| {
        bound(xml, "MIN", values.min.as_ref())?;
        bound(xml, "MAX", values.max.as_ref())?;
        options(xml, &values.options)
    })
}

fn bound(xml: &mut Xml, tag: &'static str, bound: Option<&Bound>) -> Result<()> {
    let Some(bound) = bound else { return Ok(()) };
    let inclusive = bound.inclusive.map(|inclusive| if inclusive { "yes" } else { "no" });
    xml.empty(Element::new(tag).with("value", bound.value.as_str()).with("inclusive", inclusive))
}

fn options(xml: &mut Xml, all: &[ValueOption]) -> Result<()> {
    all.iter().try_for_each(|option| {
        let element = Element::new("OPTION")
            .with("name", option.name.as_deref())
            .with("value", option.value.as_str());
        xml.block(element, |xml| options(xml, &option.options))
    })
}
