//! Tests how encodings are chosen from the values: the choice for each kind of data, that no other encoding would
//! have been much smaller, and that the choice depends only on the values.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
    Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as PhysicalType, ZstdLevel};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;
use taploom_loom::{Encodings, LoomOptions};

use crate::common::cells::same_cells;
use crate::common::{loom, read, scatter};

const ROWS: usize = 60_000;

fn zstd() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(ROWS)
}

fn column(array: impl Array + 'static) -> Vec<RecordBatch> {
    let array: ArrayRef = Arc::new(array);
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    (0..batch.num_rows())
        .step_by(7000)
        .map(|row| batch.slice(row, 7000.min(batch.num_rows() - row)))
        .collect()
}

fn metadata(file: &[u8]) -> ParquetMetaData {
    ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(file)).unwrap()
}

fn first_chunk(file: &[u8]) -> ColumnChunkMetaData {
    metadata(file).row_group(0).column(0).clone()
}

/// The encoding of the values of a chunk.
fn encoding(chunk: &ColumnChunkMetaData) -> Encoding {
    let encodings: Vec<_> = chunk.encodings().collect();
    let of_values = |wanted: &Encoding| encodings.contains(wanted);
    [
        Encoding::RLE_DICTIONARY,
        Encoding::DELTA_BINARY_PACKED,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY,
        Encoding::BYTE_STREAM_SPLIT,
    ]
    .into_iter()
    .find(of_values)
    .unwrap_or(Encoding::PLAIN)
}

fn write(batches: &[RecordBatch], properties: WriterProperties, encodings: Encodings) -> Vec<u8> {
    loom(batches, LoomOptions::new().with_properties(properties).with_encodings(encodings)).0
}

/// The size of the chunk if its encoding is forced. `None` forces a dictionary.
fn forced(batches: &[RecordBatch], encoding: Option<Encoding>) -> i64 {
    let properties = zstd()
        .set_dictionary_enabled(encoding.is_none())
        .set_encoding(encoding.unwrap_or(Encoding::PLAIN));
    let file = write(batches, properties.build(), Encodings::AsSet);
    first_chunk(&file).compressed_size()
}

fn all_of(values: PhysicalType) -> &'static [Encoding] {
    match values {
        PhysicalType::INT32 | PhysicalType::INT64 => {
            &[Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT]
        }
        PhysicalType::FLOAT | PhysicalType::DOUBLE => {
            &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT]
        }
        PhysicalType::BYTE_ARRAY => {
            &[Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY]
        }
        PhysicalType::FIXED_LEN_BYTE_ARRAY => &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT],
        _ => &[Encoding::PLAIN],
    }
}

/// Writes a column, and compares the chosen encoding with the expected one, and its size with the size in every
/// other possible encoding. It may be larger by 5 % and some bytes, because a sample can't show everything.
#[track_caller]
fn chosen(array: impl Array + 'static, auto: Encoding, smallest: Encoding) -> ColumnChunkMetaData {
    let batches = column(array);
    let mut of_auto = None;
    for (encodings, expected) in [(Encodings::Auto, auto), (Encodings::Smallest, smallest)] {
        let file = write(&batches, zstd().build(), encodings);
        let chunk = first_chunk(&file);
        assert_eq!(encoding(&chunk), expected, "{encodings:?}");
        let values = chunk.column_type();
        let others = all_of(values).iter().map(|encoding| Some(*encoding));
        for other in others.chain((values != PhysicalType::BOOLEAN).then_some(None)) {
            let known = other.is_none_or(|other| is_known(other, values));
            if encodings == Encodings::Smallest || known {
                let (size, least) = (chunk.compressed_size(), forced(&batches, other));
                assert!(
                    size <= least * 105 / 100 + 200,
                    "{encodings:?} takes {size} bytes, {other:?} {least}"
                );
            }
        }
        let (_, rows) = read(file);
        same_cells(&rows, &batches).unwrap();
        of_auto.get_or_insert(chunk);
    }
    of_auto.unwrap()
}

/// Whether every reader except fastparquet knows an encoding of a type.
fn is_known(encoding: Encoding, values: PhysicalType) -> bool {
    match values {
        PhysicalType::INT32 | PhysicalType::INT64 => encoding == Encoding::PLAIN,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => encoding == Encoding::PLAIN,
        _ => true,
    }
}

fn rows() -> std::ops::Range<usize> {
    0..ROWS
}

#[test]
fn ids_that_ascend_with_gaps() {
    let mut id = 1 << 50;
    let ids = rows().map(|row| {
        id += 1 + (scatter(row) % 200) as i64;
        id
    });
    let delta = Encoding::DELTA_BINARY_PACKED;
    let chunk = chosen(Int64Array::from_iter_values(ids), delta, delta);
    assert!(chunk.compressed_size() < ROWS as i64 * 5 / 4, "{} bytes", chunk.compressed_size());
}

#[test]
fn one_wide_difference_is_seen_beside_the_sample() {
    // fastparquet misreads differences of more than 28 bits.
    let jump = ROWS / 3 + 17;
    let ids = rows().map(|row| row as i64 * 3 + if row > jump { 1 << 40 } else { 0 });
    let batches = column(Int64Array::from_iter_values(ids));
    let chunk = first_chunk(&write(&batches, zstd().build(), Encodings::Auto));
    assert_eq!(encoding(&chunk), Encoding::PLAIN);
    let chunk = first_chunk(&write(&batches, zstd().build(), Encodings::Smallest));
    assert_eq!(encoding(&chunk), Encoding::DELTA_BINARY_PACKED);
}

#[test]
fn few_distinct_numbers_and_words() {
    let dictionary = Encoding::RLE_DICTIONARY;
    let prices = rows().map(|row| (scatter(row) % 50) as f64 / 7.0);
    chosen(Float64Array::from_iter_values(prices), dictionary, dictionary);
    let words = rows().map(|row| ["star", "galaxy", "quasar"][scatter(row) as usize % 3]);
    chosen(StringArray::from_iter_values(words), dictionary, dictionary);
    let constant = chosen(Int64Array::from(vec![7; ROWS]), dictionary, dictionary);
    assert!(constant.compressed_size() < 200);
}

#[test]
fn random_doubles_have_an_exponent_to_split_off() {
    let doubles = rows().map(|row| scatter(row) as f64 / u64::MAX as f64);
    let split = Encoding::BYTE_STREAM_SPLIT;
    chosen(Float64Array::from_iter_values(doubles), split, split);
}

/// Snappy and LZ4 only replace repetitions, and a sample is too short for repetitions.
#[test]
fn doubles_are_split_for_codecs_without_codes_too() {
    let doubles = rows().map(|row| 1.0 + scatter(row) as f64 / u64::MAX as f64 * 3.0);
    let batches = column(Float64Array::from_iter_values(doubles));
    for codec in [Compression::SNAPPY, Compression::LZ4_RAW] {
        let properties = || WriterProperties::builder().set_compression(codec);
        let chunk = first_chunk(&write(&batches, properties().build(), Encodings::Auto));
        assert_eq!(encoding(&chunk), Encoding::BYTE_STREAM_SPLIT, "{codec}");
        assert_eq!(chunk.compression(), codec);
        let plain = properties().set_dictionary_enabled(false).build();
        let plain = first_chunk(&write(&batches, plain, Encodings::AsSet));
        let percent = chunk.compressed_size() * 100 / plain.compressed_size();
        assert!(percent <= 95, "{codec}: {percent} % of PLAIN");
    }
}

#[test]
fn rounded_decimals_as_doubles() {
    let split = Encoding::BYTE_STREAM_SPLIT;
    let positions = rows().map(|row| {
        let degrees = row as f64 / 1000.0 + scatter(row) as f64 / u64::MAX as f64;
        (degrees * 1e9).round() / 1e9
    });
    chosen(Float64Array::from_iter_values(positions), split, split);
}

#[test]
fn dates_in_any_order() {
    let dates = rows().map(|row| 8000 + (scatter(row) % 2500) as i32);
    let split = Encoding::BYTE_STREAM_SPLIT;
    let dates = Date32Array::from_iter_values(dates);
    chosen(dates, Encoding::RLE_DICTIONARY, split);
}

#[test]
fn decimals_of_up_to_eighteen_digits_are_integers() {
    let prices = rows().map(|row| i128::from(scatter(row) % 50_000_000));
    let prices = Decimal128Array::from_iter_values(prices).with_precision_and_scale(15, 2).unwrap();
    let batches = column(prices);
    let properties = zstd().set_coerce_types(true).build();
    let chunk = first_chunk(&write(&batches, properties, Encodings::Auto));
    assert_eq!(chunk.column_type(), PhysicalType::INT64);
    assert_eq!(encoding(&chunk), Encoding::DELTA_BINARY_PACKED);
}

#[test]
fn flags_that_are_mostly_null() {
    let flag = |row| scatter(row).is_multiple_of(40).then(|| scatter(row).is_multiple_of(3));
    let plain = Encoding::PLAIN;
    let flags = chosen(BooleanArray::from_iter(rows().map(flag)), plain, plain);
    assert_eq!(flags.compression(), Compression::ZSTD(ZstdLevel::default()));
    let kinds = rows().map(|row| flag(row).map(|_| (scatter(row) % 9) as i64));
    let dictionary = Encoding::RLE_DICTIONARY;
    chosen(Int64Array::from_iter(kinds), dictionary, dictionary);
    chosen(Int64Array::new_null(ROWS), plain, plain);
}

#[test]
fn texts_with_a_long_prefix_in_common() {
    let names = rows().map(|row| format!("Gaia DR3 designation {:012}", row * 977));
    let delta = Encoding::DELTA_BYTE_ARRAY;
    chosen(StringArray::from_iter_values(names), delta, delta);
}

#[test]
fn texts_of_words() {
    let words = ["deposits", "sleep", "furiously", "among", "the", "slyly", "ironic", "packages"];
    let text = |row: usize| {
        let words =
            (0..3 + scatter(row) as usize % 6).map(|at| words[scatter(row * 9 + at) as usize % 8]);
        words.collect::<Vec<_>>().join(" ")
    };
    let delta = Encoding::DELTA_LENGTH_BYTE_ARRAY;
    chosen(StringArray::from_iter_values(rows().map(text)), delta, delta);
}

#[test]
fn what_can_not_be_compressed_is_not() {
    let bytes =
        rows().map(|row| [scatter(row), scatter(row + ROWS)].map(u64::to_ne_bytes).concat());
    let bytes = FixedSizeBinaryArray::try_from_iter(bytes).unwrap();
    let chunk = chosen(bytes, Encoding::PLAIN, Encoding::PLAIN);
    assert_eq!(chunk.compression(), Compression::UNCOMPRESSED);
    let numbers = rows().map(|row| scatter(row) as i64);
    let chunk = chosen(Int64Array::from_iter_values(numbers), Encoding::PLAIN, Encoding::PLAIN);
    assert_eq!(chunk.compression(), Compression::UNCOMPRESSED);
}

#[test]
fn compatible_is_plain_and_dictionaries() {
    for batches in [
        column(Int64Array::from_iter_values(0..ROWS as i64)),
        column(Float64Array::from_iter_values(rows().map(|row| 1.0 / row as f64))),
        column(StringArray::from_iter_values(rows().map(|row| format!("Gaia DR3 {row:09}")))),
    ] {
        let chunk = first_chunk(&write(&batches, zstd().build(), Encodings::Compatible));
        assert_eq!(encoding(&chunk), Encoding::PLAIN);
    }
    let batches = column(Int64Array::from_iter_values(rows().map(|row| (row % 100) as i64)));
    let chunk = first_chunk(&write(&batches, zstd().build(), Encodings::Compatible));
    assert_eq!(encoding(&chunk), Encoding::RLE_DICTIONARY);
}

#[test]
fn encodings_of_the_properties_are_kept() {
    let path = ColumnPath::from("x");
    for given in [Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT] {
        for encodings in [Encodings::Auto, Encodings::Smallest, Encodings::Compatible] {
            let properties = zstd()
                .set_dictionary_enabled(false)
                .set_column_encoding(path.clone(), given)
                .build();
            let batches = column(Int64Array::from(vec![7; ROWS]));
            let chunk = first_chunk(&write(&batches, properties, encodings));
            assert_eq!(encoding(&chunk), given, "{encodings:?}");
        }
    }
    let without = zstd().set_dictionary_enabled(false).build();
    let batches = column(Int64Array::from_iter_values(rows().map(|row| (scatter(row) % 9) as i64)));
    let chunk = first_chunk(&write(&batches, without, Encodings::Auto));
    assert_ne!(encoding(&chunk), Encoding::RLE_DICTIONARY);
}

/// Columns of all kinds, lists and structs among them.
fn mixed(rows: usize) -> Vec<RecordBatch> {
    let batch = |first: usize, count: usize| {
        let range = || first..first + count;
        let doubles: Vec<f64> = (first * 3..(first + count) * 3)
            .map(|at| (scatter(at) % 100_000) as f64 / 1e3)
            .collect();
        let item = Arc::new(Field::new_list_field(DataType::Float64, false));
        let lists = ListArray::new(
            item,
            OffsetBuffer::from_lengths(std::iter::repeat_n(3, count)),
            Arc::new(Float64Array::from(doubles)),
            None,
        );
        let columns: [(&str, ArrayRef); 6] = [
            ("id", Arc::new(Int64Array::from_iter_values(range().map(|row| (row * 5) as i64)))),
            (
                "x",
                Arc::new(Float64Array::from_iter(range().map(|row| {
                    (!scatter(row).is_multiple_of(5)).then(|| (scatter(row) % 999_983) as f64 / 1e4)
                }))),
            ),
            (
                "name",
                Arc::new(StringArray::from_iter_values(
                    range().map(|row| format!("2MASS J{:08}", row * 31)),
                )),
            ),
            ("flag", Arc::new(BooleanArray::from_iter(range().map(|row| Some(row % 90 == 0))))),
            (
                "day",
                Arc::new(Date32Array::from_iter_values(
                    range().map(|row| (scatter(row) % 3000) as i32),
                )),
            ),
            ("lists", Arc::new(lists)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    (0..rows).step_by(3000).map(|first| batch(first, 3000.min(rows - first))).collect()
}

#[test]
fn the_smallest_budget_and_pages_of_version_2() {
    let batches = mixed(20_000);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for encodings in [Encodings::Auto, Encodings::Smallest, Encodings::Compatible] {
            let properties = zstd().set_writer_version(version).build();
            let options = LoomOptions::new()
                .with_properties(properties)
                .with_encodings(encodings)
                .with_memory_budget(1 << 20);
            let (file, written) = loom(&batches, options);
            assert!(written.scratch_bytes > 0);
            let (_, rows) = read(file);
            same_cells(&rows, &batches).unwrap();
        }
    }
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn the_file_depends_on_the_values_alone() {
        let batches = mixed(70_000);
        let properties = |codec| {
            WriterProperties::builder()
                .set_compression(codec)
                .set_max_row_group_row_count(Some(30_000))
                // Small enough for every budget here.
                .set_data_page_size_limit(64 << 10)
                .set_dictionary_page_size_limit(32 << 10)
                .build()
        };
        for codec in [Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
            for encodings in [Encodings::Auto, Encodings::Smallest, Encodings::Compatible] {
                let mut first = None;
                for (mib, threads, spills) in
                    [(64, 1, false), (64, 3, false), (4, 1, true), (4, 2, true)]
                {
                    let options = LoomOptions::new()
                        .with_properties(properties(codec))
                        .with_encodings(encodings)
                        .with_memory_budget(mib << 20)
                        .with_threads(threads);
                    let (file, written) = loom(&batches, options);
                    assert_eq!(written.scratch_bytes > 0, spills, "{mib} MiB");
                    let first = first.get_or_insert_with(|| file.clone());
                    assert!(file == *first, "{encodings:?}, {mib} MiB, {threads} threads");
                }
                let (_, rows) = read(first.unwrap());
                same_cells(&rows, &batches).unwrap();
            }
        }
    }
}
