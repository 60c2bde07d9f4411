//! Checks that the loom writes the same bytes as `ArrowWriter`, whatever the types, codecs, batches,
//! row groups and threads, and whether rows go through scratch or not.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, UInt8Array,
};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::KeyValue;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
    WriterVersion,
};
use parquet::schema::types::ColumnPath;

use crate::common::{arrow_writer, as_set, batches, codecs, every_type, loom, scatter};

const ROWS: usize = 5000;

/// Every type except lists of dictionaries. `ArrowWriter` ends pages by the size of values, but
/// does not look up the values in these dictionaries, so its pages exceed their limit.
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
    // Pages small enough for any budget here, so that both writers end them at the same rows.
    WriterProperties::builder()
        .set_data_page_size_limit(16 << 10)
        .set_dictionary_page_size_limit(16 << 10)
        .set_max_row_group_row_count(Some(1777))
}

#[track_caller]
fn same(properties: &WriterProperties) {
    same_rows(&batches(every_comparable_type, ROWS), properties);
}

#[track_caller]
fn same_rows(batches: &[RecordBatch], properties: &WriterProperties) {
    let expected = arrow_writer(batches, properties.clone());
    for (budget, threads, spills) in [(64 << 20, 1, false), (4 << 20, 1, true), (4 << 20, 2, true)]
    {
        let options = as_set(properties.clone()).with_memory_budget(budget).with_threads(threads);
        let (file, written) = loom(batches, options);
        assert_eq!(written.scratch_bytes > 0, spills, "{budget} bytes of memory");
        assert_eq!(written.rows, batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>());
        assert_eq!(written.file_bytes, file.len() as u64);
        assert!(file == expected, "{budget} bytes of memory, {threads} threads: other bytes");
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

/// Numbers and booleans, of which every third is null and some are NaN, in enough rows that every piece of a
/// batch has a null.
fn nulls_everywhere(rows: usize) -> Vec<RecordBatch> {
    let batch = |first: usize| {
        let cells = |column: u64| {
            (first..first + 700).map(move |row| {
                let value = scatter(row).wrapping_mul(column + 1) >> 20;
                (row % 3 != 0).then_some(value)
            })
        };
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        // Enough columns that budgets of a few MiB can't hold them.
        for column in 0..40 {
            let cells = || cells(column);
            let float =
                |value: u64| if value.is_multiple_of(11) { f64::NAN } else { value as f64 - 1e12 };
            let of_kind: [(&str, ArrayRef); 7] = [
                ("boolean", Arc::new(BooleanArray::from_iter(cells().map(|v| Some(v? % 5 == 0))))),
                ("byte", Arc::new(UInt8Array::from_iter(cells().map(|v| Some(v? as u8))))),
                ("short", Arc::new(Int16Array::from_iter(cells().map(|v| Some(v? as i16))))),
                ("int", Arc::new(Int32Array::from_iter(cells().map(|v| Some(v? as i32))))),
                ("long", Arc::new(Int64Array::from_iter(cells().map(|v| Some(v? as i64 - 99))))),
                (
                    "float",
                    Arc::new(Float32Array::from_iter(cells().map(|v| Some(float(v?) as f32)))),
                ),
                ("double", Arc::new(Float64Array::from_iter(cells().map(|v| Some(float(v?)))))),
            ];
            columns.extend(of_kind.map(|(kind, array)| (format!("{kind} {column}"), array)));
        }
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        )
    };
    (0..rows).step_by(700).map(|first| batch(first).unwrap()).collect()
}

#[test]
fn no_rows() {
    let batch = every_type(0, 0);
    let expected = arrow_writer(std::slice::from_ref(&batch), properties().build());
    let (file, _) = loom(&[batch], as_set(properties().build()));
    assert!(file == expected);
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn every_codec() {
        for codec in codecs() {
            same(&properties().set_compression(codec).build());
        }
    }

    #[test]
    fn every_kind_of_statistics() {
        for statistics in
            [EnabledStatistics::None, EnabledStatistics::Chunk, EnabledStatistics::Page]
        {
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
    fn numbers_with_nulls_everywhere() {
        let batches = nulls_everywhere(ROWS);
        let properties = || properties().set_dictionary_enabled(false);
        for statistics in
            [EnabledStatistics::None, EnabledStatistics::Chunk, EnabledStatistics::Page]
        {
            let properties = properties().set_statistics_enabled(statistics);
            same_rows(&batches, &properties.set_compression(Compression::SNAPPY).build());
        }
        let mut others = properties().set_writer_version(WriterVersion::PARQUET_2_0);
        for (column, encoding) in [
            ("double 1", Encoding::BYTE_STREAM_SPLIT),
            ("int 1", Encoding::DELTA_BINARY_PACKED),
            ("boolean 1", Encoding::RLE),
        ] {
            let path = || ColumnPath::from(column);
            others = others.set_column_encoding(path(), encoding);
            others = others.set_column_bloom_filter_enabled(path(), encoding != Encoding::RLE);
        }
        same_rows(&batches, &others.build());
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
    fn batches_that_are_written_where_they_are() {
        // Their bitmaps begin within a byte, and their texts not at the first offset. The first ones are held, and the
        // others, which are large enough, become blocks of their own.
        let table = every_comparable_type(0, 12_000);
        let batches: Vec<_> = [(3, 300), (303, 2000), (2303, 3000), (5303, 700), (6003, 5997)]
            .map(|(first, rows)| table.slice(first, rows))
            .into();
        let properties = properties().set_max_row_group_row_count(Some(9000)).build();
        same_rows(&batches, &properties);
    }
}
