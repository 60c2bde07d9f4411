//! The header of an ECSV file.

use serde::Deserialize;
use serde_json::Value;
use taploom_model::{Result, TableMetadata};

use super::column::EcsvColumn;
use crate::error::damaged;

/// The contents of a header.
pub(super) struct Header {
    pub(super) columns: Vec<EcsvColumn>,
    pub(super) delimiter: u8,
    pub(super) table: TableMetadata,
    pub(super) notes: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    datatype: Vec<ColumnEntry>,
    #[serde(default)]
    delimiter: Option<String>,
    #[serde(default)]
    meta: Option<Value>,
}

#[derive(Deserialize)]
struct ColumnEntry {
    name: Value,
    datatype: String,
    #[serde(default)]
    subtype: Option<String>,
    #[serde(default)]
    unit: Option<Value>,
    #[serde(default)]
    description: Option<Value>,
    #[serde(default)]
    meta: Option<Value>,
}

impl Header {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let document: Document = serde_saphyr::from_str(text).map_err(|error| {
            // The error of the crate draws the place in several lines.
            let why = error.without_snippet().to_string();
            damaged("its header is not the header of an ECSV file").with_source(why)
        })?;
        let delimiter = match document.delimiter.as_deref() {
            None | Some(" ") => b' ',
            Some(",") => b',',
            Some(other) => {
                return Err(damaged(format!(
                    "its delimiter is {other:?}, neither a space nor a comma"
                )));
            }
        };
        let columns = document.datatype.into_iter().map(|entry| {
            let name = text_of(&entry.name)
                .ok_or_else(|| damaged("a column in its header has no name that is text"))?;
            let meta =
                |key| entry.meta.as_ref().and_then(|meta| member(meta, key)).and_then(text_of);
            Ok(EcsvColumn {
                datatype: entry.datatype,
                subtype: entry.subtype,
                unit: entry.unit.as_ref().and_then(unit),
                description: entry.description.as_ref().and_then(text_of),
                ucd: meta("ucd"),
                utype: meta("utype"),
                xtype: meta("xtype"),
                name,
            })
        });
        let meta =
            |key| document.meta.as_ref().and_then(|meta| member(meta, key)).and_then(text_of);
        let table = TableMetadata {
            name: meta("name"),
            description: meta("description"),
            ..TableMetadata::default()
        };
        let mixed = document.meta.as_ref().and_then(|meta| member(meta, "__serialized_columns__"));
        let note = "it has columns that astropy divided, such as Time or SkyCoord; they are read as their parts";
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
            delimiter,
            table,
            notes: mixed.map(|_| note.to_owned()).into_iter().collect(),
        })
    }
}

/// A member of a mapping, or of a sequence of mappings (`!!omap`).
fn member<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| member(item, key)),
        Value::Object(members) => members.get(key),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A unit, written as text or as an object of astropy.
fn unit(value: &Value) -> Option<String> {
    text_of(value).or_else(|| member(value, "unit").and_then(text_of))
}
