//! The options of VOParquet.

use std::num::NonZeroU64;

use parquet::basic::{
    Compression, Encoding as ParquetEncoding, GzipLevel, Type as PhysicalType, ZstdLevel,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of VOParquet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VoparquetOptions {
    /// How column chunks are compressed: none, snappy, zstd, zstd(LEVEL), gzip, gzip(LEVEL) or
    /// lz4_raw.
    pub compression: Codec,
    /// Columns with another codec: NAME=CODEC, separated by commas.
    pub column_compression: ColumnCodecs,
    /// Maximum number of rows of a row group.
    pub row_group_rows: NonZeroU64,
    /// Maximum size of the rows of a row group in bytes, before they are encoded.
    pub row_group_bytes: NonZeroU64,
    /// How values are encoded: auto, smallest, compatible, plain, dictionary, delta, delta_length or byte_stream_split.
    pub encoding: Encoding,
    /// Columns with another encoding: NAME=ENCODING, separated by commas.
    pub column_encoding: ColumnEncodings,
    /// Columns that get a bloom filter: names separated by commas.
    pub bloom_filters: ColumnNames,
    /// Which minima and maxima are written.
    pub statistics: Statistics,
    /// The order of floats in minima and maxima: type, which every reader knows, or total (IEEE 754).
    pub float_order: FloatOrder,
    /// Whether every page has a checksum: on or off.
    pub checksums: Checksums,
    /// How timestamps and dates are written: as in the source, as text, or as TIMESTAMP in microseconds.
    pub timestamp: Timestamp,
    /// Whether the footer has keys with the length of the longest text of every column, as astropy
    /// needs them.
    pub astropy_lengths: bool,
    /// The arraysize in the FIELDs of text with arraysize `*`: the length of the longest text, or
    /// `*` as declared.
    pub text_arraysize: TextArraysize,
}

impl Default for VoparquetOptions {
    fn default() -> Self {
        Self {
            compression: Codec(Compression::SNAPPY),
            column_compression: ColumnCodecs::default(),
            row_group_rows: NonZeroU64::new(100_000).unwrap_or(NonZeroU64::MIN),
            row_group_bytes: NonZeroU64::new(1 << 30).unwrap_or(NonZeroU64::MIN),
            encoding: Encoding::default(),
            column_encoding: ColumnEncodings::default(),
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
    /// No statistics.
    None,
    /// Minima and maxima of column chunks.
    Chunk,
    /// Minima and maxima of column chunks and of pages.
    #[default]
    Page,
}

/// The order of floats in minima and maxima.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FloatOrder {
    /// Parquet's order by type; chunks with NaNs have no minima and maxima.
    #[default]
    Type,
    /// The total order of IEEE 754, with the number of NaNs.
    Total,
}

/// Whether pages have checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Checksums {
    /// Pages have checksums.
    #[default]
    On,
    /// Pages have no checksums.
    Off,
}

/// How the values of column chunks are encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// The smallest encoding for each chunk, among the encodings that current readers support.
    #[default]
    Auto,
    /// The smallest encoding for each chunk, among all encodings that the Parquet format has for
    /// its type.
    Smallest,
    /// The smaller of dictionary and plain, which every reader supports.
    Compatible,
    /// Plain values.
    Plain,
    /// A dictionary, or plain if the dictionary would be too large.
    Dictionary,
    /// Integers and text as differences from the previous value.
    Delta,
    /// Text, with all lengths stored before it.
    DeltaLength,
    /// Numbers split into streams of bytes by the position of the byte.
    ByteStreamSplit,
}

impl Encoding {
    /// The encoding of the Parquet format for values of a type; `None` if the type has no such encoding, or if the
    /// values decide.
    pub(crate) fn of(self, values: PhysicalType) -> Option<ParquetEncoding> {
        use PhysicalType::{BOOLEAN, BYTE_ARRAY, INT32, INT64, INT96};
        match (self, values) {
            (Self::Plain, _) => Some(ParquetEncoding::PLAIN),
            // Used if the dictionary is too large.
            (Self::Dictionary, values) => (values != BOOLEAN).then_some(ParquetEncoding::PLAIN),
            (Self::Delta, INT32 | INT64) => Some(ParquetEncoding::DELTA_BINARY_PACKED),
            (Self::Delta, BYTE_ARRAY) => Some(ParquetEncoding::DELTA_BYTE_ARRAY),
            (Self::DeltaLength, BYTE_ARRAY) => Some(ParquetEncoding::DELTA_LENGTH_BYTE_ARRAY),
            (Self::ByteStreamSplit, BOOLEAN | BYTE_ARRAY | INT96) => None,
            (Self::ByteStreamSplit, _) => Some(ParquetEncoding::BYTE_STREAM_SPLIT),
            _ => None,
        }
    }

    /// The encodings that can be set for a single column.
    pub(crate) const OF_COLUMNS: [(&'static str, Self); 5] = [
        ("plain", Self::Plain),
        ("dictionary", Self::Dictionary),
        ("delta", Self::Delta),
        ("delta_length", Self::DeltaLength),
        ("byte_stream_split", Self::ByteStreamSplit),
    ];
}

/// How timestamps and dates are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Timestamp {
    /// As in the source, unless their metadata give a datatype.
    #[default]
    AsGiven,
    /// As strings.
    Text,
    /// As TIMESTAMP in microseconds; the FIELD is a `long` with unit `us` and a TIMESYS.
    Micros,
}

/// The arraysize in the FIELDs of text with arraysize `*`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextArraysize {
    /// `*`.
    Declared,
    /// `N*`, where N is the length of the longest text, so that readers can reserve memory for it.
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

/// Encodings of single columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ColumnEncodings(pub(crate) Vec<(String, Encoding)>);

impl TryFrom<String> for ColumnEncodings {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let names = || Encoding::OF_COLUMNS.map(|(name, _)| name).join(", ");
            let pair = pair.rsplit_once('=').ok_or("it takes NAME=ENCODING,NAME=ENCODING")?;
            let (column, given) = (pair.0.trim(), pair.1.trim().to_ascii_lowercase());
            let known = Encoding::OF_COLUMNS.into_iter().find(|(name, _)| *name == given);
            let (_, encoding) = known.ok_or_else(|| {
                format!("column {column:?} can't be {given:?}; a column takes {}", names())
            })?;
            Ok::<_, String>((column.to_owned(), encoding))
        });
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }
}

impl From<ColumnEncodings> for String {
    fn from(encodings: ColumnEncodings) -> Self {
        let known = |encoding| Encoding::OF_COLUMNS.into_iter().find(|(_, one)| *one == encoding);
        let pair = |(column, encoding)| Some(format!("{column}={}", known(encoding)?.0));
        encodings.0.into_iter().filter_map(pair).collect::<Vec<_>>().join(",")
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
            ("zstd", None) => Compression::ZSTD(zstd_level(3).ok_or_else(wrong)?),
            ("gzip", None) => Compression::GZIP(GzipLevel::default()),
            ("zstd", Some(level)) => {
                let level = level.parse().ok().and_then(zstd_level);
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

fn zstd_level(level: i32) -> Option<ZstdLevel> {
    ZstdLevel::try_new(level).ok().filter(|_| level > 0)
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
    fn encodings_of_single_columns() {
        let text = "ra=byte_stream_split, a=b = delta,".to_owned();
        let encodings = ColumnEncodings::try_from(text).unwrap();
        assert_eq!(String::from(encodings), "ra=byte_stream_split,a=b=delta");
        for wrong in ["ra", "ra=auto", "ra=rle", "=;"] {
            let error = ColumnEncodings::try_from(wrong.to_owned()).unwrap_err();
            assert!(error.contains("takes"), "{wrong}: {error}");
        }
    }

    #[test]
    fn codecs_by_name_and_level() {
        for (given, codec) in [
            ("none", "none"),
            ("SNAPPY", "snappy"),
            ("zstd", "zstd(3)"),
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
