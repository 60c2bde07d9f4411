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
    /// Columns that are compressed in another way: NAME=CODEC, separated by commas.
    pub column_compression: ColumnCodecs,
    /// Rows that a row group has at most.
    pub row_group_rows: NonZeroU64,
    /// Bytes that the rows of a row group take at most, before they are encoded.
    pub row_group_bytes: NonZeroU64,
    /// Which column chunks get a dictionary: those where it pays, all, or none.
    pub dictionary: Dictionary,
    /// Whether the bytes of floats are stored by their place, which helps the codecs.
    pub byte_stream_split: bool,
    /// Columns that get a bloom filter: names separated by commas.
    pub bloom_filters: ColumnNames,
    /// Which minima and maxima are written.
    pub statistics: Statistics,
    /// The order of floats in minima and maxima: type, which every reader knows, or total (IEEE 754).
    pub float_order: FloatOrder,
    /// Whether every page has a checksum: on or off.
    pub checksums: Checksums,
    /// What timestamps and dates become: what they are in the source, text, or TIMESTAMP with microseconds.
    pub timestamp: Timestamp,
    /// Whether the footer says how long the texts of every column are, as astropy needs it.
    pub astropy_lengths: bool,
    /// What the FIELDs of free text say: the longest text, or `*` as declared.
    pub text_arraysize: TextArraysize,
}

impl Default for VoparquetOptions {
    fn default() -> Self {
        Self {
            compression: Codec(Compression::SNAPPY),
            column_compression: ColumnCodecs::default(),
            row_group_rows: NonZeroU64::new(100_000).unwrap_or(NonZeroU64::MIN),
            row_group_bytes: NonZeroU64::new(1 << 30).unwrap_or(NonZeroU64::MIN),
            dictionary: Dictionary::default(),
            byte_stream_split: false,
            bloom_filters: ColumnNames::default(),
            statistics: Statistics::Page,
            float_order: FloatOrder::default(),
            checksums: Checksums::default(),
            timestamp: Timestamp::default(),
            astropy_lengths: true,
            text_arraysize: TextArraysize::default(),
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

/// The order of floats in minima and maxima.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FloatOrder {
    /// Parquet's order by type; no minima and maxima where there are NaNs.
    #[default]
    Type,
    /// The total order of IEEE 754, with counts of NaNs.
    Total,
}

/// Whether pages have checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Checksums {
    /// They have.
    #[default]
    On,
    /// They have not.
    Off,
}

/// Which column chunks get a dictionary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dictionary {
    /// Those in which values repeat enough.
    #[default]
    Auto,
    /// All but those of booleans.
    On,
    /// None.
    Off,
}

/// What timestamps and dates become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Timestamp {
    /// What they are in the source, unless their metadata give a datatype.
    #[default]
    AsGiven,
    /// Strings.
    Text,
    /// TIMESTAMP in microseconds; the FIELD is a `long` with unit `us` and a TIMESYS.
    Micros,
}

/// What the FIELDs of text with arraysize `*` say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextArraysize {
    /// `*`.
    Declared,
    /// `N*`, where the longest text has N characters, so that readers can reserve room for it.
    #[default]
    Longest,
}

/// Names of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ColumnNames(pub(crate) Vec<String>);

impl From<String> for ColumnNames {
    fn from(text: String) -> Self {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Self(names.map(str::to_owned).collect())
    }
}

impl From<ColumnNames> for String {
    fn from(names: ColumnNames) -> Self {
        names.0.join(",")
    }
}

/// Codecs of single columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ColumnCodecs(pub(crate) Vec<(String, Codec)>);

impl TryFrom<String> for ColumnCodecs {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, codec) = pair.rsplit_once('=').ok_or("it takes NAME=CODEC,NAME=CODEC")?;
            Ok::<_, String>((name.trim().to_owned(), Codec::try_from(codec.to_owned())?))
        });
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }
}

impl From<ColumnCodecs> for String {
    fn from(codecs: ColumnCodecs) -> Self {
        let pair = |(name, codec)| format!("{name}={}", Self::from(codec));
        codecs.0.into_iter().map(pair).collect::<Vec<_>>().join(",")
    }
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
    fn codecs_of_single_columns() {
        let codecs = ColumnCodecs::try_from("ra=zstd(3), dec = none,".to_owned()).unwrap();
        assert_eq!(String::from(codecs), "ra=zstd(3),dec=none");
        assert_eq!(ColumnCodecs::try_from(String::new()), Ok(ColumnCodecs::default()));
        for wrong in ["ra", "ra=lzma", "=;"] {
            assert!(ColumnCodecs::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

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
