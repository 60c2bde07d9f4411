//! The options of CSV and TSV.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of CSV and TSV.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    /// Whether the first record has the names of the columns; RFC 4180, section 3.
    pub header: Header,
}

/// Whether the first record has the names of the columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// The first record has the names.
    #[default]
    Present,
    /// The first record is a row.
    Absent,
}
