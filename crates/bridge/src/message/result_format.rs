//! The format and the columns of a result, as a message gives them.

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use taploom_format::{Arraysize, Datatype, Envelope};

use super::json::{Object, object};

/// The format and the columns of a result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultFormat {
    /// The format and its serialization.
    #[serde(deserialize_with = "object")]
    pub format: Format,
    /// The XML around the rows.
    #[serde(deserialize_with = "envelope")]
    pub envelope: Envelope,
    /// The columns, by position.
    #[serde(deserialize_with = "columns")]
    pub column_types: Vec<ColumnType>,
    /// The base of rewritten URLs, used if the settings of the bridge have none.
    pub base_url: Option<String>,
}

/// A format by the names of the TAP service: `VOTable` and `BINARY2`, or `Parquet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// A short name, id or extension of a format.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value of the option `serialization` of that format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialization: Option<String>,
}

/// The type of a column of the result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnType {
    /// The name, for error messages. Columns are matched by position.
    pub name: String,
    /// The primitive.
    pub datatype: Datatype,
    /// The shape; `None` for a single value or character.
    #[serde(default)]
    pub arraysize: Option<Arraysize>,
    /// Whether the URLs in this column are rewritten to the DataLink service of this site.
    #[serde(default)]
    pub requires_url_rewrite: Option<bool>,
}

fn columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ColumnType>, D::Error> {
    let columns = Vec::<Object<ColumnType>>::deserialize(deserializer)?;
    if columns.is_empty() {
        return Err(de::Error::custom("it is empty; a table needs at least one column"));
    }
    Ok(columns.into_iter().map(|Object(column)| column).collect())
}

/// Parses an [`Envelope`] and ignores unknown members.
fn envelope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Envelope, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        header: String,
        footer: String,
        footer_overflow: String,
    }
    let Given { header, footer, footer_overflow } = object(deserializer)?;
    Ok(Envelope { header, footer, footer_overflow })
}
