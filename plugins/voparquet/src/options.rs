//! What can be chosen.

use std::num::NonZeroU64;

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of VOParquet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VoparquetOptions {
    /// How column chunks are compressed: none, snappy, zstd, zstd(LEVEL), gzip, gzip(LEVEL) or
    /// lz4_raw.
    pub compression: Codec,
    /// Rows that a row group has at most.
    pub row_group_rows: NonZeroU64,
    /// Which minima and maxima are written.
    pub statistics: Statistics,
}

impl Default for VoparquetOptions {
    fn default() -> Self {
        Self {
            compression: Codec(Compression::SNAPPY),
            row_group_rows: NonZeroU64::new(100_000).unwrap_or(NonZeroU64::MIN),
            statistics: Statistics::Page,
        }
    }
}

/// Which minima and maxima are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Statistics {
    /// None.
    None,
    /// Those of column chunks.
    Chunk,
    /// Those of column chunks and of pages.
    #[default]
    Page,
}

/// How column chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Codec(pub(crate) Compression);

impl TryFrom<String> for Codec {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            "it takes none, snappy, zstd, zstd(1) to zstd(22), gzip, gzip(0) to gzip(9), lz4_raw"
                .to_owned()
        };
        let text = text.trim().to_ascii_lowercase();
        let (name, level) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((name, level)) => (name, Some(level)),
            None => (text.as_str(), None),
        };
        let codec = match (name, level) {
            ("none" | "uncompressed", None) => Compression::UNCOMPRESSED,
            ("snappy", None) => Compression::SNAPPY,
            ("lz4_raw", None) => Compression::LZ4_RAW,
            ("zstd", None) => Compression::ZSTD(ZstdLevel::default()),
            ("gzip", None) => Compression::GZIP(GzipLevel::default()),
            ("zstd", Some(level)) => {
                let level = level.parse().ok().filter(|level| *level > 0);
                let level = level.and_then(|level| ZstdLevel::try_new(level).ok());
                Compression::ZSTD(level.ok_or_else(wrong)?)
            }
            ("gzip", Some(level)) => {
                let level = level.parse().ok().and_then(|level| GzipLevel::try_new(level).ok());
                Compression::GZIP(level.ok_or_else(wrong)?)
            }
            _ => return Err(wrong()),
        };
        Ok(Self(codec))
    }
}

impl From<Codec> for String {
    fn from(codec: Codec) -> Self {
        match codec.0 {
            Compression::UNCOMPRESSED => "none".to_owned(),
            Compression::ZSTD(level) => format!("zstd({})", level.compression_level()),
            Compression::GZIP(level) => format!("gzip({})", level.compression_level()),
            other => other.to_string().to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_by_name_and_level() {
        for (given, codec) in [
            ("none", "none"),
            ("SNAPPY", "snappy"),
            ("zstd", "zstd(1)"),
            ("zstd(19)", "zstd(19)"),
            ("gzip", "gzip(6)"),
            ("lz4_raw", "lz4_raw"),
        ] {
            assert_eq!(Codec::try_from(given.to_owned()).map(String::from), Ok(codec.to_owned()));
        }
        for wrong in ["", "lz4", "brotli", "zstd(0)", "zstd(23)", "zstd(x)", "snappy(1)", "zstd("] {
            assert!(Codec::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
