//! The options of Arrow.

use arrow_ipc::CompressionType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of Arrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArrowOptions {
    /// How the buffers of batches are compressed.
    pub compression: Compression,
}

/// How buffers are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Uncompressed, so that readers can use the buffers without a copy.
    #[default]
    None,
    /// LZ4 frames.
    Lz4,
    /// Zstandard, level 3.
    Zstd,
}

impl Compression {
    pub(crate) fn codec(self) -> Option<CompressionType> {
        match self {
            Self::None => None,
            Self::Lz4 => Some(CompressionType::LZ4_FRAME),
            Self::Zstd => Some(CompressionType::ZSTD),
        }
    }
}
