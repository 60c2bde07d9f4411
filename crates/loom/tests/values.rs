//! What the Parquet crate reads back is what was written, cell by cell: every type, with every codec,
//! with both kinds of dictionaries, in memory and through scratch, by one thread and by several.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod common;

use common::cells::{read_schema, same_cells};
use common::{batches, every_type, loom, read};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use taploom_loom::{Dictionaries, LoomOptions};

const ROWS: usize = 2500;

#[track_caller]
fn every_type_comes_back(codec: Compression) {
    let batches = batches(every_type, ROWS);
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_data_page_size_limit(16 << 10)
        .set_max_row_group_row_count(Some(1777))
        .build();
    for dictionaries in [Dictionaries::WherePaying, Dictionaries::AsSet] {
        for (budget, spills) in [(64 << 20, false), (1 << 20, true)] {
            for threads in [1, 3] {
                let options = LoomOptions::new()
                    .with_properties(properties.clone())
                    .with_dictionaries(dictionaries)
                    .with_memory_budget(budget)
                    .with_threads(threads);
                let (file, written) = loom(&batches, options);
                assert_eq!(written.scratch_bytes > 0, spills, "{budget} bytes of memory");
                let (schema, rows) = read(file);
                assert_eq!(*schema, read_schema(&batches[0].schema()));
                same_cells(&rows, &batches).unwrap_or_else(|difference| {
                    panic!("{dictionaries:?}, {budget} bytes, {threads} threads: {difference}")
                });
            }
        }
    }
}

#[test]
fn uncompressed() {
    every_type_comes_back(Compression::UNCOMPRESSED);
}

#[test]
fn snappy() {
    every_type_comes_back(Compression::SNAPPY);
}

#[test]
fn lz4_raw() {
    every_type_comes_back(Compression::LZ4_RAW);
}

#[test]
fn zstd() {
    every_type_comes_back(Compression::ZSTD(ZstdLevel::default()));
}

#[test]
fn gzip() {
    every_type_comes_back(Compression::GZIP(GzipLevel::default()));
}
