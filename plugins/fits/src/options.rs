//! What can be chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// FITS has no options: the standard leaves nothing to choose that readers agree on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FitsOptions {}
