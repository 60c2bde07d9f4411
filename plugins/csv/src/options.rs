//! What can be chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of CSV and TSV.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    /// Whether the first record holds the names of the columns; RFC 4180, 3.
    pub header: Header,
}

/// Whether the first record holds the names of the columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// It does.
    #[default]
    Present,
    /// It is a row like any other.
    Absent,
}
