//! The options of FITS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// FITS has no options, because readers do not agree on choices that the standard leaves open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FitsOptions {}
