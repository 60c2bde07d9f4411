//! What can be chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of JSON and JSON Lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonOptions {
    /// What stands for NaN and the infinities, which JSON has no numbers for; RFC 8259, 6.
    pub nonfinite: Nonfinite,
}

/// What stands for NaN and the infinities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nonfinite {
    /// `"NaN"`, `"Infinity"`, `"-Infinity"`: nothing is lost, and a column of numbers has strings in it.
    #[default]
    String,
    /// `null`, and the cell is counted as altered.
    Null,
}
