//! What can be chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of the VOTable format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VotableOptions {
    /// How the rows are written.
    pub serialization: Serialization,
}

/// How the rows of a VOTable are written; VOTable 1.4, 5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Serialization {
    /// Binary rows with flags for nulls, in base64; VOTable 1.4, 5.4.
    #[default]
    Binary2,
}
