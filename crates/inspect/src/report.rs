//! The report on a file.

use serde::Serialize;

pub use crate::parquet::Bound;

/// The report on a file; `taploom inspect --json` prints it as JSON.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The name of the file.
    pub file: String,
    /// The id of its format: `parquet`, `votable`, `fits`, `arrow`, `csv`.
    pub kind: String,
    /// The compression of the whole file: `gzip` or `zstd`. Only its columns and rows are then inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<&'static str>,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The number of rows, if the metadata have it or all rows were read.
    pub rows: Option<u64>,
    /// The columns. Of nested Parquet columns, each leaf is listed.
    pub columns: Vec<ColumnFacts>,
    /// Facts about a Parquet file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parquet: Option<ParquetFacts>,
    /// Facts about an Arrow file or stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrow: Option<ArrowFacts>,
    /// The header and data units of a FITS file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hdus: Vec<Hdu>,
    /// What to know about the file that is not a defect, such as further tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Defects of the file, most important first.
    pub problems: Vec<String>,
    /// How much of the rows can be read, if the file has defects or was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readable: Option<Readable>,
    /// Suggestions for writing the file better.
    pub advice: Vec<Advice>,
}

impl Inspection {
    /// Whether no defects were found, as far as the file was inspected.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A column of a file.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ColumnFacts {
    /// The name. For a nested Parquet column: the names from the root, joined by dots.
    pub name: String,
    /// The type. For Parquet: the logical type, or else the physical one; for other files: the VOTable
    /// datatype.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The UCD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ucd: Option<String>,
    /// The description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Facts about the chunks of a Parquet column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<ChunkFacts>,
}

/// Facts about the chunks of a Parquet column, summed up.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ChunkFacts {
    /// The physical type, as parquet.thrift calls it.
    pub physical_type: String,
    /// The logical type, if there is one.
    pub logical_type: Option<String>,
    /// Number of chunks: one per row group.
    pub chunks: u64,
    /// Number of values, including nulls and empty lists.
    pub values: u64,
    /// Size in the file, in bytes.
    pub compressed_bytes: u64,
    /// Size of the encoded pages before compression, in bytes.
    pub uncompressed_bytes: u64,
    /// The encodings, with the number of chunks that use them.
    pub encodings: Vec<Count>,
    /// The codecs, with the number of chunks that use them.
    pub codecs: Vec<Count>,
    /// Number of chunks with statistics.
    pub with_statistics: u64,
    /// Number of nulls, if every chunk records it.
    pub nulls: Option<u64>,
    /// The smallest minimum in the statistics.
    pub min: Option<Bound>,
    /// The largest maximum in the statistics.
    pub max: Option<Bound>,
    /// Number of chunks with a minimum and a maximum.
    pub with_bounds: u64,
    /// Number of chunks with a dictionary.
    pub dictionaries: u64,
    /// Size of the dictionaries in the file, in bytes.
    pub dictionary_bytes: u64,
    /// Number of chunks that began with a dictionary and continued without it, because it became too large.
    pub dictionary_fallbacks: u64,
    /// Number of chunks with a bloom filter.
    pub bloom_filters: u64,
    /// Size of the bloom filters in bytes, as far as the footer records it.
    pub bloom_filter_bytes: u64,
    /// Size of the column indexes in bytes.
    pub column_index_bytes: u64,
    /// Size of the offset indexes in bytes.
    pub offset_index_bytes: u64,
    /// Whether the statistics of floats use the total order of IEEE 754.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_float_order: bool,
}

/// How many chunks use an encoding or a codec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// The name of the encoding or codec.
    pub name: String,
    /// Number of chunks that use it.
    pub chunks: u64,
}

/// Facts about a Parquet file as a whole.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ParquetFacts {
    /// The version of the format that the footer names: 1 or 2.
    pub version: i64,
    /// The program that wrote the file.
    pub created_by: Option<String>,
    /// The row groups.
    pub row_groups: RowGroupFacts,
    /// Size of the footer in bytes.
    pub footer_bytes: u64,
    /// Size of all column indexes in bytes.
    pub column_index_bytes: u64,
    /// Size of all offset indexes in bytes.
    pub offset_index_bytes: u64,
    /// Size of all bloom filters in bytes, as far as the footer records it.
    pub bloom_filter_bytes: u64,
    /// Whether pages have checksums: judged by the first page, or by all pages if they were verified.
    pub checksums: Option<bool>,
    /// Key-value metadata: each key, the size of its value, and the beginning of the value.
    pub keys: Vec<Key>,
    /// Size of the VOTable in the footer in bytes, if there is one.
    pub votable_bytes: Option<u64>,
    /// Number of pages that were verified, if they were.
    pub checked_pages: Option<u64>,
    /// Size in bytes of every chunk, row group by row group, if asked for.
    #[serde(skip)]
    pub chunk_bytes: Vec<u64>,
}

/// An entry of the key-value metadata.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Key {
    /// The key.
    pub key: String,
    /// Size of its value in bytes.
    pub bytes: u64,
    /// The value, cut after 200 characters.
    pub value: String,
}

/// The row groups of a Parquet file.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct RowGroupFacts {
    /// Number of row groups.
    pub count: u64,
    /// Their numbers of rows.
    pub rows: Spread,
    /// Their sizes in the file, in bytes.
    pub compressed_bytes: Spread,
    /// Their sizes before compression, in bytes.
    pub uncompressed_bytes: Spread,
}

/// Summary of a set of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// The minimum.
    pub smallest: u64,
    /// The median; for an even count, the larger of the two in the middle.
    pub median: u64,
    /// The maximum.
    pub largest: u64,
    /// The sum.
    pub sum: u64,
}

impl Spread {
    /// Summarizes these numbers; all zeros for an empty set.
    pub fn of(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
        Self {
            smallest: at(0),
            median: at(numbers.len() / 2),
            largest: at(numbers.len().saturating_sub(1)),
            sum: numbers.iter().fold(0, |sum, number| sum.saturating_add(*number)),
        }
    }
}

/// Facts about an Arrow file or stream.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ArrowFacts {
    /// Whether it is an IPC file (with a footer) rather than a stream.
    pub is_file: bool,
    /// Number of complete record batches.
    pub batches: u64,
    /// Their numbers of rows.
    pub rows: Spread,
    /// Their sizes in bytes.
    pub batch_bytes: Spread,
    /// Number of dictionary batches.
    pub dictionaries: u64,
    /// The compression of the buffers, if any: `ZSTD` or `LZ4_FRAME`.
    pub codec: Option<String>,
}

/// A header and data unit of a FITS file.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Hdu {
    /// Its number, from 0.
    pub number: u64,
    /// `PRIMARY`, `BINTABLE`, `TABLE`, `IMAGE`.
    pub kind: String,
    /// EXTNAME.
    pub name: Option<String>,
    /// Number of rows, if it is a table.
    pub rows: Option<u64>,
    /// Number of columns, if it is a table.
    pub columns: Option<u64>,
    /// Size of the data in bytes, without the padding of the last block.
    pub data_bytes: u64,
    /// Size of a table's heap in bytes, which is part of the data.
    pub heap_bytes: u64,
}

/// How much of a file can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Readable {
    /// Number of rows that can be read.
    pub rows: u64,
    /// Number of rows that the file should have, if known.
    pub of: Option<u64>,
    /// Row groups that can't be read, counted from 1; at most 20 are listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged_row_groups: Vec<u64>,
    /// Columns that can't be read completely; at most 20 are listed. All other columns can be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged_columns: Vec<String>,
}

/// A suggestion for writing the file better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// The subject, from a fixed list of words.
    pub about: &'static str,
    /// The observation.
    pub what: String,
    /// Its consequences.
    pub why: String,
    /// The option of the format `voparquet` to set, such as `compression=zstd`.
    pub option: String,
}
