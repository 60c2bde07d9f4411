//! Declares the metadata that a format keeps.

use serde::Serialize;
use serde_json::Value;

/// The metadata that a format keeps and that its oracle reads back.
///
/// The names are the member names in the JSON of `ColumnMetadata` and `TableMetadata`; nested members
/// are written with a slash: `resource/coosys`. The suite compares the declared metadata, and fails
/// if the oracle reads metadata that are not declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptMetadata {
    /// Of every column.
    pub columns: &'static [&'static str],
    /// Of the table, and of the elements around it.
    pub table: &'static [&'static str],
}

/// All metadata of a column except its name, which every format keeps.
pub const COLUMN_METADATA: &[&str] = &[
    "datatype",
    "arraysize",
    "xtype",
    "unit",
    "ucd",
    "utype",
    "description",
    "ID",
    "ref",
    "width",
    "precision",
    "values",
    "links",
];

/// All metadata of a table, of its RESOURCE, and of the document.
pub const TABLE_METADATA: &[&str] = &[
    "name",
    "description",
    "ID",
    "ref",
    "ucd",
    "utype",
    "infos",
    "params",
    "groups",
    "links",
    "resource/name",
    "resource/ID",
    "resource/utype",
    "resource/description",
    "resource/infos",
    "resource/coosys",
    "resource/timesys",
    "resource/params",
    "resource/groups",
    "resource/links",
    "resource/resources",
    "document/ID",
    "document/description",
    "document/infos",
    "document/coosys",
    "document/timesys",
    "document/params",
    "document/groups",
    "document/resources",
];

impl KeptMetadata {
    /// Only names and rows, as in CSV.
    pub const NONE: Self = Self { columns: &[], table: &[] };

    /// All metadata of VOTable.
    pub const ALL: Self = Self { columns: COLUMN_METADATA, table: TABLE_METADATA };
}

/// A member of some metadata, without its empty members.
pub(crate) fn member(metadata: &impl Serialize, path: &str) -> Option<Value> {
    let json = serde_json::to_value(metadata).ok()?;
    let member = json.pointer(&format!("/{path}"))?.clone();
    compact(member)
}

/// A value without nulls and empty members, which are equivalent to missing members.
fn compact(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(Value::Array(
            items.into_iter().map(|item| compact(item).unwrap_or(Value::Null)).collect(),
        )),
        Value::Object(members) => {
            let members = members.into_iter();
            let members: serde_json::Map<_, _> =
                members.filter_map(|(name, value)| Some((name, compact(value)?))).collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        scalar => Some(scalar),
    }
}
