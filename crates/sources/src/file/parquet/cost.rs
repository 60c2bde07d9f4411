//! Estimates the memory for reading the columns of a row group, from the metadata of the file.

use std::fs::File;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{Compression, LogicalType, Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescriptor;

use super::page_sizes::PageSizes;

/// Memory of an open reader without its pages: buffers, decoders, levels.
const READER_BYTES: u64 = 4 << 10;
/// Memory of the decompressor that each reader has: a context of zstd 1.5 or of zlib.
const ZSTD_BYTES: u64 = 170 << 10;
const ZLIB_BYTES: u64 = 40 << 10;

/// The memory that reading a column takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ColumnCost {
    /// Memory while the column's reader is open: the dictionary, a page, the decompressor.
    pub(super) open: u64,
    /// Memory that only one column uses at a time: a page before it is decompressed, or a dictionary before
    /// it is decoded.
    pub(super) passing: u64,
    /// Average memory per row of a batch.
    pub(super) row: f64,
}

impl ColumnCost {
    /// The costs of some columns of a row group, by position in the schema. A column with several leaves,
    /// such as a struct, costs as much as all its leaves.
    ///
    /// Without `file`, the costs are upper bounds from the footer. With it, page headers are read.
    pub(super) fn of_row_group(
        metadata: &ArrowReaderMetadata,
        row_group: usize,
        columns: &[usize],
        file: Option<&File>,
    ) -> Vec<Self> {
        let row_group = metadata.metadata().row_group(row_group);
        let schema = metadata.metadata().file_metadata().schema_descr();
        let mut costs = vec![Self::default(); columns.len()];
        let rows = row_group.num_rows().max(1) as f64;
        for (leaf, chunk) in row_group.columns().iter().enumerate() {
            let Ok(column) = columns.binary_search(&schema.get_column_root_idx(leaf)) else {
                continue;
            };
            let cost = match file.and_then(|file| PageSizes::read(file, chunk)) {
                Some(pages) => of_pages(chunk, &pages, rows),
                None => upper_bound(chunk, rows),
            };
            if let Some(column) = costs.get_mut(column) {
                column.open = column.open.saturating_add(cost.open);
                column.passing = column.passing.max(cost.passing);
                column.row += cost.row;
            }
        }
        costs
    }
}

/// The dictionary, one page, and a cell are at most as large as the chunk.
fn upper_bound(chunk: &ColumnChunkMetaData, rows: f64) -> ColumnCost {
    let size = unsigned(chunk.uncompressed_size());
    let text = match chunk.unencoded_byte_array_data_bytes() {
        Some(bytes) => unsigned(bytes) as f64 / values(chunk),
        None if chunk.dictionary_page_offset().is_some() => size as f64,
        None => size as f64 / values(chunk),
    };
    let open = size.saturating_add(READER_BYTES + codec(chunk));
    let passing = unsigned(chunk.compressed_size());
    ColumnCost { open, passing, row: row(chunk, text, rows) }
}

fn of_pages(chunk: &ColumnChunkMetaData, pages: &PageSizes, rows: f64) -> ColumnCost {
    let text = match chunk.unencoded_byte_array_data_bytes() {
        Some(bytes) => unsigned(bytes) as f64 / values(chunk),
        None => {
            let in_dictionary = pages.dictionary as f64 / pages.dictionary_values.max(1) as f64;
            let in_pages = unsigned(chunk.uncompressed_size()).saturating_sub(pages.dictionary);
            in_dictionary.max(in_pages as f64 / values(chunk))
        }
    };
    // A dictionary of texts has an offset for each value.
    let dictionary = pages.dictionary.saturating_add(pages.dictionary_values.saturating_mul(4));
    let pages_held = dictionary.saturating_add(pages.largest_data);
    let open = pages_held.saturating_add(READER_BYTES + codec(chunk));
    let passing = pages.largest_compressed.max(pages.dictionary);
    ColumnCost { open, passing, row: row(chunk, text, rows) }
}

/// The size of a row in a batch, in bytes. `text` is the average length of a BYTE_ARRAY value.
fn row(chunk: &ColumnChunkMetaData, text: f64, rows: f64) -> f64 {
    let column = chunk.column_descr();
    let value = match column.physical_type() {
        Type::BOOLEAN => 1.0,
        Type::INT32 | Type::FLOAT => 4.0,
        Type::INT64 | Type::DOUBLE => 8.0,
        Type::INT96 => 12.0,
        Type::FIXED_LEN_BYTE_ARRAY => f64::from(column.type_length().max(0)),
        Type::BYTE_ARRAY => text + 4.0,
    };
    // Decimals are read as 128-bit integers.
    let value = if is_decimal(column) { value.max(16.0) } else { value };
    // Nested values have definition and repetition levels.
    let levels = if column.max_rep_level() > 0 { 4.0 } else { 0.25 };
    (value + levels) * (values(chunk) / rows).max(1.0)
}

fn is_decimal(column: &ColumnDescriptor) -> bool {
    matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }))
        || column.converted_type() == parquet::basic::ConvertedType::DECIMAL
}

fn codec(chunk: &ColumnChunkMetaData) -> u64 {
    match chunk.compression() {
        Compression::ZSTD(_) => ZSTD_BYTES,
        Compression::GZIP(_) => ZLIB_BYTES,
        _ => 0,
    }
}

fn values(chunk: &ColumnChunkMetaData) -> f64 {
    chunk.num_values().max(1) as f64
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
