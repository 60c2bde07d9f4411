//! The options of ECSV.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ECSV has no options: the delimiter is the comma, which more programs read than the space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EcsvOptions {}
