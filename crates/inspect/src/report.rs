//! What was found in a file.

use serde::Serialize;

pub use crate::parquet::Bound;

/// What a file holds. As JSON, it is what `taploom inspect --json` prints.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The name of the file.
    pub file: String,
    /// The id of its kind: `parquet`, `votable`, `fits`, `arrow`, `csv`.
    pub kind: String,
    /// What the file is compressed with as a whole: `gzip` or `zstd`. Only its columns and rows are looked at then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<&'static str>,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The number of rows, if it is known without reading them all, or if all were read.
    pub rows: Option<u64>,
    /// The columns; of nested Parquet columns each leaf.
    pub columns: Vec<ColumnFacts>,
    /// What only Parquet files have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parquet: Option<ParquetFacts>,
    /// What only Arrow files and streams have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrow: Option<ArrowFacts>,
    /// The header and data units of a FITS file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hdus: Vec<Hdu>,
    /// What is wrong with the file, most important first.
    pub problems: Vec<String>,
    /// How much of the rows can be read, if something is wrong or all of it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readable: Option<Readable>,
    /// What could be better.
    pub advice: Vec<Advice>,
}

impl Inspection {
    /// Whether nothing is wrong with the file, as far as it was looked at.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A column of a file.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ColumnFacts {
    /// The name; of a nested Parquet column the names from the root, with dots between them.
    pub name: String,
    /// The type: of Parquet its logical type or else its physical one, of other files the VOTable datatype.
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
    /// The chunks of a Parquet column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<ChunkFacts>,
}

/// The chunks of a Parquet column, added up.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ChunkFacts {
    /// The physical type, as parquet.thrift calls it.
    pub physical_type: String,
    /// The logical type, if there is one.
    pub logical_type: Option<String>,
    /// Number of chunks: one per row group.
    pub chunks: u64,
    /// Number of values and nulls, and of empty lists.
    pub values: u64,
    /// Bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes of the encoded pages before compression.
    pub uncompressed_bytes: u64,
    /// The encodings, with the number of chunks that use them.
    pub encodings: Vec<Count>,
    /// The codecs, with the number of chunks that use them.
    pub codecs: Vec<Count>,
    /// Chunks with statistics.
    pub with_statistics: u64,
    /// Number of nulls, if every chunk says it.
    pub nulls: Option<u64>,
    /// The smallest value that the statistics name, and in how many chunks they name one.
    pub min: Option<Bound>,
    /// The largest value.
    pub max: Option<Bound>,
    /// Chunks with a minimum and a maximum.
    pub with_bounds: u64,
    /// Chunks with a dictionary.
    pub dictionaries: u64,
    /// Bytes of the dictionaries in the file.
    pub dictionary_bytes: u64,
    /// Chunks that began with a dictionary and went on without, because it became too large.
    pub dictionary_fallbacks: u64,
    /// Chunks with a bloom filter.
    pub bloom_filters: u64,
    /// Bytes of bloom filters, as far as the footer says it.
    pub bloom_filter_bytes: u64,
    /// Bytes of the column indexes.
    pub column_index_bytes: u64,
    /// Bytes of the offset indexes.
    pub offset_index_bytes: u64,
    /// Whether minima and maxima of floats are in the total order of IEEE 754.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_float_order: bool,
}

/// How often something occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// What.
    pub name: String,
    /// How many chunks have it.
    pub chunks: u64,
}

/// What a Parquet file has beside its columns.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ParquetFacts {
    /// The version of the format that the footer names: 1 or 2.
    pub version: i64,
    /// The program that wrote the file.
    pub created_by: Option<String>,
    /// The row groups.
    pub row_groups: RowGroupFacts,
    /// Bytes of the footer.
    pub footer_bytes: u64,
    /// Bytes of all column indexes.
    pub column_index_bytes: u64,
    /// Bytes of all offset indexes.
    pub offset_index_bytes: u64,
    /// Bytes of all bloom filters, as far as the footer says it.
    pub bloom_filter_bytes: u64,
    /// Whether pages have checksums, by the first page of the file, or by all of them if they were checked.
    pub checksums: Option<bool>,
    /// Key-value metadata: keys with the size of their values, and the beginning of the values.
    pub keys: Vec<Key>,
    /// Bytes of the VOTable in the footer, if there is one.
    pub votable_bytes: Option<u64>,
    /// Pages that were checked, if they were.
    pub checked_pages: Option<u64>,
    /// Bytes of every chunk, row group by row group, if they are asked for.
    #[serde(skip)]
    pub chunk_bytes: Vec<u64>,
}

/// A key of the metadata of a file.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Key {
    /// The key.
    pub key: String,
    /// Bytes of its value.
    pub bytes: u64,
    /// The value, cut after 200 characters.
    pub value: String,
}

/// The row groups of a Parquet file.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct RowGroupFacts {
    /// How many there are.
    pub count: u64,
    /// Their numbers of rows.
    pub rows: Spread,
    /// Their bytes in the file.
    pub compressed_bytes: Spread,
    /// Their bytes before compression.
    pub uncompressed_bytes: Spread,
}

/// Several numbers in short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// The smallest.
    pub smallest: u64,
    /// The one in the middle; of an even number of them, the larger one of the two.
    pub median: u64,
    /// The largest.
    pub largest: u64,
    /// All of them together.
    pub sum: u64,
}

impl Spread {
    /// Of these numbers; zeros if there are none.
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

/// What an Arrow file or stream is made of.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ArrowFacts {
    /// Whether it is a file with a footer, or else a stream.
    pub is_file: bool,
    /// Record batches that are whole.
    pub batches: u64,
    /// Their numbers of rows.
    pub rows: Spread,
    /// Their bytes.
    pub batch_bytes: Spread,
    /// Batches of dictionaries.
    pub dictionaries: u64,
    /// How buffers are compressed: `ZSTD`, `LZ4_FRAME` or not at all.
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
    /// Rows of a table.
    pub rows: Option<u64>,
    /// Columns of a table.
    pub columns: Option<u64>,
    /// Bytes of the data, without those that fill the last block.
    pub data_bytes: u64,
    /// Bytes of the heap of a table, of the data.
    pub heap_bytes: u64,
}

/// How much of a file can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Readable {
    /// Rows that can be read.
    pub rows: u64,
    /// Rows that the file should have, if that is known.
    pub of: Option<u64>,
    /// Row groups that can't be read, from 1; at most 20 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged_row_groups: Vec<u64>,
    /// Columns that can't be read in full; at most 20 of them. All other columns can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged_columns: Vec<String>,
}

/// Something that could be better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// What it is about; one of a fixed list of words.
    pub about: &'static str,
    /// What is the case.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// The option of the format `voparquet` that changes it: `compression=zstd`.
    pub option: String,
}
