//! A column of an ECSV file: its type, and how its values are parsed.

use taploom_model::{Arraysize, ColumnMetadata, Datatype, Result};

use crate::error::damaged;
use crate::file::csv::{ColumnBuilder, TextType};

/// A column in the header.
pub(super) struct EcsvColumn {
    pub(super) name: String,
    pub(super) datatype: String,
    pub(super) subtype: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) description: Option<String>,
    pub(super) ucd: Option<String>,
    pub(super) utype: Option<String>,
    pub(super) xtype: Option<String>,
}

/// The type of a column's values, or of the elements of its arrays.
struct EcsvType {
    text: TextType,
    datatype: Option<Datatype>,
    arraysize: Option<Arraysize>,
}

impl EcsvColumn {
    /// A builder that parses the values.
    ///
    /// # Errors
    /// If ECSV does not have the datatype, or it is not supported.
    pub(super) fn builder(&self, has_empty_text: bool) -> Result<ColumnBuilder> {
        let Some(EcsvType { text, .. }) = self.vo_type() else {
            let subtype = self.subtype.as_ref().map(|text| format!(" with the subtype {text:?}"));
            return Err(damaged(format!(
                "column {:?}: the datatype {:?}{} is not supported",
                self.name,
                self.datatype,
                subtype.unwrap_or_default()
            )));
        };
        Ok(ColumnBuilder::of_text_type(&self.name, text, has_empty_text))
    }

    pub(super) fn metadata(&self) -> ColumnMetadata {
        let vo_type = self.vo_type();
        ColumnMetadata {
            datatype: vo_type.as_ref().and_then(|vo_type| vo_type.datatype),
            arraysize: vo_type.and_then(|vo_type| vo_type.arraysize),
            unit: self.unit.clone(),
            description: self.description.clone(),
            ucd: self.ucd.clone(),
            utype: self.utype.clone(),
            xtype: self.xtype.clone(),
            ..ColumnMetadata::default()
        }
    }

    fn vo_type(&self) -> Option<EcsvType> {
        let Some(subtype) = self.subtype.as_deref().filter(|_| self.datatype == "string") else {
            let (text, datatype) = scalar(&self.datatype)?;
            let arraysize = match text {
                TextType::Text => Some(Arraysize::FREE),
                TextType::Complex32 | TextType::Complex64 => Some(Arraysize::ONE),
                _ => None,
            };
            return Some(EcsvType { text, datatype, arraysize });
        };
        if subtype == "json" {
            let (text, datatype) = (TextType::Text, Some(Datatype::UnicodeChar));
            return Some(EcsvType { text, datatype, arraysize: Some(Arraysize::FREE) });
        }
        let (element, shape) = subtype.strip_suffix(']')?.split_once('[')?;
        let (text, datatype) = scalar(element.trim())?;
        if matches!(text, TextType::Complex32 | TextType::Complex64) {
            return None;
        }
        // In ECSV the last dimension varies fastest; in VOTable, the first.
        let extents = shape.split(',').map(|extent| match extent.trim() {
            "null" => Some("*".to_owned()),
            extent => extent.parse::<u32>().ok().map(|extent| extent.to_string()),
        });
        let mut extents = extents.collect::<Option<Vec<String>>>()?;
        extents.reverse();
        let is_flat = extents.iter().any(|extent| extent == "*");
        let size = if is_flat { "*".to_owned() } else { extents.join("x") };
        let is_text = matches!(text, TextType::Text);
        Some(EcsvType {
            // The texts in an array have no declared length, so VOTable has no arraysize for it.
            arraysize: if is_text { None } else { size.parse().ok() },
            datatype: datatype.filter(|_| !is_text),
            text: TextType::Json(Box::new(text)),
        })
    }
}

/// The datatypes of APE 6. If VOTable lacks one, its datatype is derived from the Arrow type.
fn scalar(datatype: &str) -> Option<(TextType, Option<Datatype>)> {
    Some(match datatype {
        "bool" => (TextType::Boolean, Some(Datatype::Boolean)),
        "int8" => (TextType::Int8, None),
        "uint8" => (TextType::UInt8, Some(Datatype::UnsignedByte)),
        "int16" => (TextType::Int16, Some(Datatype::Short)),
        "uint16" => (TextType::UInt16, None),
        "int32" => (TextType::Int32, Some(Datatype::Int)),
        "uint32" => (TextType::UInt32, None),
        "int64" => (TextType::Int64, Some(Datatype::Long)),
        "uint64" => (TextType::UInt64, None),
        "float16" | "float32" => (TextType::Float32, Some(Datatype::Float)),
        // Python writes float128 with the digits of a double; further digits are lost.
        "float64" | "float128" => (TextType::Float64, Some(Datatype::Double)),
        "complex64" => (TextType::Complex32, Some(Datatype::FloatComplex)),
        "complex128" | "complex256" => (TextType::Complex64, Some(Datatype::DoubleComplex)),
        "string" => (TextType::Text, Some(Datatype::UnicodeChar)),
        _ => return None,
    })
}
