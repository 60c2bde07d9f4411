//! The tables that are measured.

pub mod page_file;
pub mod tables;

use parquet::basic::{Compression, ZstdLevel};

/// The error says why a case can't be measured.
pub type Outcome<T = ()> = Result<T, String>;

/// The size of rows in Arrow, without other rows in shared buffers.
pub fn arrow_bytes(batches: &[arrow_array::RecordBatch]) -> usize {
    use arrow_array::Array;

    let arrays = batches.iter().flat_map(arrow_array::RecordBatch::columns);
    // A type whose size is not known counts as 0; the tables have no such type.
    arrays.filter_map(|array| array.to_data().get_slice_memory_size().ok()).sum()
}

/// A codec by its name: `none`, `snappy` or `zstd`, at the default level.
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
