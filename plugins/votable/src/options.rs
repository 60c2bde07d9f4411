//! The options of VOTable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taploom_votable::Version;

/// Options of the VOTable format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VotableOptions {
    /// How the rows are written.
    pub serialization: Serialization,
    /// The version of VOTable that the document declares.
    pub version: Version,
    /// Characters of base64 per line; 0 for one line. For BINARY and BINARY2.
    pub line_length: u32,
    /// What the count before an array of two or more dimensions counts. For BINARY and
    /// BINARY2.
    pub array_count: ArrayCount,
}

/// How the rows of a VOTable are written; VOTable 1.4, section 5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Serialization {
    /// Binary rows with null flags, in base64; VOTable 1.4, section 5.4.
    #[default]
    Binary2,
    /// Binary rows in base64; VOTable 1.4, section 5.3.
    Binary,
    /// Text in XML; VOTable 1.4, section 5.1.
    TableData,
}

/// The meaning of the count before an array of variable length, for two or more dimensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArrayCount {
    /// All values of the array, as in VOTable 1.4, section 5.3, and STIL.
    #[default]
    Primitives,
    /// Steps of the last dimension, as in astropy.
    Outer,
}
