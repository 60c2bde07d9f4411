//! What can be chosen.

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
    /// Columns that are compressed in another way: NAME=CODEC, separated by commas.
    pub column_compression: ColumnCodecs,
    /// Rows that a row group has at most.
    pub row_group_rows: NonZeroU64,
    /// Bytes that the rows of a row group take at most, before they are encoded.
    pub row_group_bytes: NonZeroU64,
    /// How values are encoded: auto, smallest, compatible, plain, dictionary, delta, delta_length or byte_stream_split.
    pub encoding: Encoding,
    /// Columns that are encoded in another way: NAME=ENCODING, separated by commas.
    pub column_encoding: ColumnEncodings,
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

/// How the values of column chunks are encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As is smallest for each chunk, of the encodings that current readers know.
    #[default]
    Auto,
    /// As is smallest for each chunk, of all encodings of the Parquet format for its type.
    Smallest,
    /// With a dictionary where that is smaller, else plain: every reader knows both.
    Compatible,
    /// As they are.
    Plain,
    /// With a dictionary, or plain where that would be too large.
    Dictionary,
    /// Integers and text by their differences from the value before.
    Delta,
    /// Text with all lengths before it.
    DeltaLength,
    /// Bytes of numbers by their place.
    ByteStreamSplit,
}

impl Encoding {
    /// The encoding of the Parquet format for values of a type; `None` if there is none for it, or if values decide.
    pub(crate) fn of(self, values: PhysicalType) -> Option<ParquetEncoding> {
        use PhysicalType::{BOOLEAN, BYTE_ARRAY, INT32, INT64, INT96};
        match (self, values) {
            (Self::Plain, _) => Some(ParquetEncoding::PLAIN),
            // What a dictionary that is too large falls back to.
            (Self::Dictionary, values) => (values != BOOLEAN).then_some(ParquetEncoding::PLAIN),
            (Self::Delta, INT32 | INT64) => Some(ParquetEncoding::DELTA_BINARY_PACKED),
            (Self::Delta, BYTE_ARRAY) => Some(ParquetEncoding::DELTA_BYTE_ARRAY),
            (Self::DeltaLength, BYTE_ARRAY) => Some(ParquetEncoding::DELTA_LENGTH_BYTE_ARRAY),
            (Self::ByteStreamSplit, BOOLEAN | BYTE_ARRAY | INT96) => None,
            (Self::ByteStreamSplit, _) => Some(ParquetEncoding::BYTE_STREAM_SPLIT),
            _ => None,
        }
    }

    /// Those that a column can be given.
    pub(crate) const OF_COLUMNS: [(&'static str, Self); 5] = [
        ("plain", Self::Plain),
        ("dictionary", Self::Dictionary),
        ("delta", Self::Delta),
        ("delta_length", Self::DeltaLength),
        ("byte_stream_split", Self::ByteStreamSplit),
    ];
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
