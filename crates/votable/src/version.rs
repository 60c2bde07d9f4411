//! The versions of VOTable that can be written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of a document. All versions have one namespace; they differ in their elements and attributes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Version {
    /// 1.3: no TIMESYS.
    #[serde(rename = "1.3")]
    V1_3,
    /// 1.4: the version that present readers accept without false errors.
    #[default]
    #[serde(rename = "1.4")]
    V1_4,
    /// 1.5: `refposition` of a COOSYS.
    #[serde(rename = "1.5")]
    V1_5,
}

impl Version {
    /// The value of the attribute `version`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
        }
    }
}
