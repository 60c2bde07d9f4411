//! The same bytes as `ArrowWriter`, whatever the types, codecs, batches, row groups and threads, and
//! whether rows go through scratch or not.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use arrow_array::RecordBatch;
use common::{arrow_writer, as_set, batches, every_type, loom};
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
    WriterVersion,
};
use parquet::schema::types::ColumnPath;

const ROWS: usize = 5000;

/// Every type but lists of dictionaries: `ArrowWriter` cuts pages by the size of values, which it
/// does not look up in the dictionary there, so that its pages grow beyond their limit.
fn every_comparable_type(first: usize, rows: usize) -> RecordBatch {
    let batch = every_type(first, rows);
    let fields = batch.schema();
    let fields = fields.fields().iter().enumerate();
    let kept: Vec<usize> = fields
        .filter(|(_, field)| !field.name().starts_with("lists as List(Dictionary"))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(kept.len() + 1, batch.num_columns());
    batch.project(&kept).unwrap()
}

fn properties() -> WriterPropertiesBuilder {
    // Pages small enough for any budget here, so that both writers cut them alike.
    WriterProperties::builder()
        .set_data_page_size_limit(16 << 10)
        .set_dictionary_page_size_limit(16 << 10)
        .set_max_row_group_row_count(Some(1777))
}

#[track_caller]
fn same(properties: &WriterProperties) {
    let batches = batches(every_comparable_type, ROWS);
    let expected = arrow_writer(&batches, properties.clone());
    for (budget, threads, spills) in [(64 << 20, 1, false), (4 << 20, 1, true), (4 << 20, 2, true)]
    {
        let options = as_set(properties.clone()).with_memory_budget(budget).with_threads(threads);
        let (file, written) = loom(&batches, options);
        assert_eq!(written.scratch_bytes > 0, spills, "{budget} bytes of memory");
        assert_eq!(written.rows, ROWS as u64);
        assert_eq!(written.file_bytes, file.len() as u64);
        assert!(file == expected, "{budget} bytes of memory, {threads} threads: other bytes");
    }
}

#[test]
fn every_codec() {
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
    ] {
        same(&properties().set_compression(codec).build());
    }
}

#[test]
fn every_kind_of_statistics() {
    for statistics in [EnabledStatistics::None, EnabledStatistics::Chunk, EnabledStatistics::Page] {
        same(&properties().set_statistics_enabled(statistics).build());
    }
    same(
        &properties()
            .set_offset_index_disabled(true)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build(),
    );
}

#[test]
fn bloom_filters_in_both_places() {
    for position in [BloomFilterPosition::AfterRowGroup, BloomFilterPosition::End] {
        let properties = properties().set_bloom_filter_position(position);
        let path = ColumnPath::from("utf8");
        let properties = properties.set_column_bloom_filter_enabled(path, true);
        let path = ColumnPath::from("small as Int32");
        let properties = properties.set_column_bloom_filter_enabled(path, true);
        same(&properties.build());
    }
}

#[test]
fn versions_encodings_keys_and_sorting() {
    let sorting = SortingColumn { column_idx: 3, descending: true, nulls_first: false };
    same(
        &properties()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(false)
            .set_column_encoding(ColumnPath::from("double"), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding(ColumnPath::from("small as Int32"), Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding(ColumnPath::from("utf8"), Encoding::DELTA_BYTE_ARRAY)
            .set_column_compression(ColumnPath::from("utf8"), Compression::SNAPPY)
            .set_key_value_metadata(Some(vec![KeyValue::new("a".into(), "b".to_owned())]))
            .set_sorting_columns(Some(vec![sorting]))
            .set_created_by("somebody".to_owned())
            .set_write_path_in_schema(false)
            .build(),
    );
}

#[test]
fn more_row_groups_than_an_ordinal_counts() {
    let batches: Vec<_> =
        batches(every_type, 40).into_iter().map(|b| b.project(&[0]).unwrap()).collect();
    let properties = properties().set_max_row_group_row_count(Some(1)).build();
    let many: Vec<_> = std::iter::repeat_n(batches, 850).flatten().collect();
    let expected = arrow_writer(&many, properties.clone());
    let (file, written) = loom(&many, as_set(properties).with_memory_budget(1 << 20));
    assert_eq!(written.row_groups, 34_000);
    assert!(written.scratch_bytes > 0, "the footer goes through scratch");
    assert!(file == expected);
}

#[test]
fn no_rows() {
    let batch = every_type(0, 0);
    let expected = arrow_writer(std::slice::from_ref(&batch), properties().build());
    let (file, _) = loom(&[batch], as_set(properties().build()));
    assert!(file == expected);
}
