//! The tables that the benchmarks measure.

pub mod page_file;
pub mod process;
pub mod tables;

use parquet::basic::{Compression, ZstdLevel};

/// The error says why a case can't be measured.
pub type Outcome<T = ()> = Result<T, String>;

/// The size of rows in Arrow. Buffers that are shared with other rows count only in part.
pub fn arrow_bytes(batches: &[arrow_array::RecordBatch]) -> usize {
    use arrow_array::Array;

    let arrays = batches.iter().flat_map(arrow_array::RecordBatch::columns);
    // A type whose size is not known counts as 0; the tables have no such type.
    arrays.filter_map(|array| array.to_data().get_slice_memory_size().ok()).sum()
}

/// The codec with this name (`none`, `snappy` or `zstd`), at its default level.
///
/// # Errors
/// For any other name.
pub fn codec(name: &str) -> Outcome<Compression> {
    match name {
        "none" => Ok(Compression::UNCOMPRESSED),
        "snappy" => Ok(Compression::SNAPPY),
        "zstd" => Ok(Compression::ZSTD(ZstdLevel::default())),
        _ => Err(format!("codec {name:?} is unknown; known: none, snappy, zstd")),
    }
}
