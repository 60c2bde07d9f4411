//! The options of JSON and JSON Lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of JSON and JSON Lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonOptions {
    /// How NaN and the infinities are written, for which JSON has no numbers; RFC 8259,
    /// section 6.
    pub nonfinite: Nonfinite,
}

/// How NaN and the infinities are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nonfinite {
    /// As `"NaN"`, `"Infinity"` and `"-Infinity"`: nothing is lost, but a column of numbers
    /// then has strings in it.
    #[default]
    String,
    /// As `null`; the cell is counted as altered.
    Null,
}
