//! What the loom writes, as pyarrow, DuckDB and polars read it: every type of Arrow, every codec, with
//! and without dictionaries, both kinds of data pages, several row groups, all by way of scratch.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

#[path = "../../crates/loom/tests/common/mod.rs"]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{
    Int64Builder, LargeListBuilder, LargeListViewBuilder, ListBuilder, MapBuilder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, i256};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use common::{batches, every_type, loom};
use half::f16;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use taploom_loom::LoomOptions;
use taploom_tests::{Reader, Readers};

const ROWS: usize = 2500;

#[test]
fn pyarrow_reads_every_type() {
    reads_all_but(Reader::Pyarrow, WriterVersion::PARQUET_1_0, &[]);
}

#[test]
fn duckdb_reads_every_type_but_wide_decimals() {
    reads_all_but(Reader::Duckdb, WriterVersion::PARQUET_1_0, &WIDE_DECIMALS);
}

#[test]
fn polars_reads_every_type_but_some() {
    let unread = [&WIDE_DECIMALS[..], &UNKNOWN_TO_POLARS].concat();
    reads_all_but(Reader::Polars, WriterVersion::PARQUET_1_0, &unread);
}

/// In files of version 2, what has no dictionary has the encodings DELTA_BINARY_PACKED and
/// DELTA_BYTE_ARRAY, which not every reader has for every type.
#[test]
fn pyarrow_reads_version_2_but_text_in_dictionaries_of_arrow() {
    let unread = [
        "few as Dictionary(Int16, Utf8)",
        "few as Dictionary(Int16, LargeUtf8)",
        "few as Dictionary(Int16, Binary)",
        "lists as List(Dictionary(Int32, Utf8))",
    ];
    reads_all_but(Reader::Pyarrow, WriterVersion::PARQUET_2_0, &unread);
}

#[test]
fn duckdb_reads_version_2() {
    reads_all_but(Reader::Duckdb, WriterVersion::PARQUET_2_0, &WIDE_DECIMALS);
}

#[test]
fn polars_reads_version_2_but_binary_of_fixed_length() {
    let fixed = [
        "fixed",
        "float16",
        "f16",
        "double as Decimal128(38, 3)",
        "Decimal128(19, 19)",
        "Decimal128(38, 38)",
        "Decimal256(38, 2)",
    ];
    let unread = [&WIDE_DECIMALS[..], &UNKNOWN_TO_POLARS, &fixed].concat();
    reads_all_but(Reader::Polars, WriterVersion::PARQUET_2_0, &unread);
}

/// Of more than 38 digits: DuckDB makes floats of them, polars refuses them.
const WIDE_DECIMALS: [&str; 2] = ["double as Decimal256(60, 3)", "Decimal256(76, 38)"];

/// polars refuses a file with these in ARROW:schema.
const UNKNOWN_TO_POLARS: [&str; 4] =
    ["lists as ListView(Utf8)", "large list view", "interval of months", "interval of days"];

/// A reader finds the cells of all columns as they were written, but for those that it does not read:
/// these it gets one by one, to see that it still does not.
#[track_caller]
fn reads_all_but(reader: Reader, version: WriterVersion, unread: &[&str]) {
    let table = batches(every_and_edges, ROWS);
    let read = columns(&table, |name| !unread.contains(&name));
    assert_eq!(read[0].num_columns() + unread.len(), table[0].num_columns());
    let properties = || {
        WriterProperties::builder()
            .set_writer_version(version)
            .set_data_page_size_limit(4 << 10)
            .set_max_row_group_row_count(Some(1777))
    };
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
    ] {
        for dictionaries in [true, false] {
            let properties =
                properties().set_compression(codec).set_dictionary_enabled(dictionaries).build();
            let (file, written) = loom(&read, options(properties));
            assert!(written.row_groups == 2 && written.scratch_bytes > 0, "{written:?}");
            assert_eq!(
                compare(reader, &file, &read),
                Ok(BTreeMap::new()),
                "{reader:?}, {codec}, dictionaries: {dictionaries}"
            );
        }
    }
    for name in unread {
        let column = columns(&table, |other| other == *name);
        let properties = properties().set_dictionary_enabled(false).build();
        let (file, _) = loom(&column, options(properties));
        assert_ne!(
            compare(reader, &file, &column),
            Ok(BTreeMap::new()),
            "{reader:?} reads {name:?} now: take it off the list of what it does not read"
        );
    }
}

fn options(properties: WriterProperties) -> LoomOptions {
    LoomOptions::new().with_properties(properties).with_memory_budget(1 << 20)
}

/// The columns of a file in which a reader finds something else than is expected.
fn compare(
    reader: Reader,
    file: &[u8],
    expected: &[RecordBatch],
) -> Result<BTreeMap<String, String>, String> {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, file).unwrap();
    let expected: Vec<RecordBatch> = expected.iter().map(as_pyarrow_has_it).collect();
    Readers::with(|readers| readers.compare(reader, path.path(), &expected))
}

/// pyarrow, which compares, has one kind of intervals only.
fn as_pyarrow_has_it(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            let cells = column.as_primitive::<IntervalYearMonthType>().iter();
            let cells =
                cells.map(|cell| cell.map(|months| IntervalMonthDayNano::new(months, 0, 0)));
            array(cells.collect::<IntervalMonthDayNanoArray>())
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let cells = column.as_primitive::<IntervalDayTimeType>().iter();
            let cells = cells.map(|cell| {
                let IntervalDayTime { days, milliseconds } = cell?;
                let nanoseconds = i64::from(milliseconds) * 1_000_000;
                Some(IntervalMonthDayNano::new(0, days, nanoseconds))
            });
            array(cells.collect::<IntervalMonthDayNanoArray>())
        }
        _ => Arc::clone(column),
    });
    let names = batch.schema_ref().fields().iter().map(|field| field.name().clone());
    let columns = names.zip(columns).map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn columns(table: &[RecordBatch], wanted: impl Fn(&str) -> bool) -> Vec<RecordBatch> {
    let fields = table[0].schema_ref().fields().clone();
    let indexes: Vec<usize> = (0..fields.len()).filter(|i| wanted(fields[*i].name())).collect();
    table.iter().map(|batch| batch.project(&indexes).unwrap()).collect()
}

/// The comparison sees what is easily taken for the same.
#[test]
fn readers_tell_apart_what_is_alike() {
    let (left, right) = alike();
    let all: BTreeSet<String> =
        left.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    for reader in [Reader::Pyarrow, Reader::Duckdb, Reader::Polars] {
        for (written, expected) in [(&left, &right), (&right, &left)] {
            let [written, expected] = [written, expected].map(|rows| vec![rows.clone()]);
            let (file, _) = loom(&written, LoomOptions::new());
            assert_eq!(compare(reader, &file, &written), Ok(BTreeMap::new()), "{reader:?}");
            let differences = compare(reader, &file, &expected).unwrap();
            assert_eq!(differences.into_keys().collect::<BTreeSet<_>>(), all, "{reader:?}");
        }
    }
}

/// Two rows of which every cell differs, if only just.
fn alike() -> (RecordBatch, RecordBatch) {
    let lists =
        |list: Option<Vec<Option<i64>>>| ListArray::from_iter_primitive::<Int64Type, _, _>([list]);
    let lists_of_lists = |lists: &[&[i64]]| {
        let mut builder = ListBuilder::new(ListBuilder::new(Int64Builder::new()));
        lists.iter().for_each(|list| builder.values().append_value(list.iter().copied().map(Some)));
        builder.append(true);
        builder.finish()
    };
    let maps = |valid: bool| {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        builder.append(valid).unwrap();
        builder.finish()
    };
    let structs = |valid: bool| {
        let fields = Fields::from(vec![Field::new("field", DataType::Int64, true)]);
        let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::new_null(1))];
        StructArray::new(fields, columns, Some(NullBuffer::from(vec![valid])))
    };
    let (zero, minus) = (f16::from_f32(0.0), f16::from_f32(-0.0));
    let pairs: Vec<(&str, ArrayRef, ArrayRef)> = vec![
        ("half", array(Float16Array::from(vec![zero])), array(Float16Array::from(vec![minus]))),
        ("float", array(Float32Array::from(vec![0.0])), array(Float32Array::from(vec![-0.0]))),
        ("double", array(Float64Array::from(vec![0.0])), array(Float64Array::from(vec![-0.0]))),
        ("nan", array(Float64Array::from(vec![f64::NAN])), array(Float64Array::new_null(1))),
        ("text", array(StringArray::from(vec![""])), array(StringArray::new_null(1))),
        ("list", array(lists(Some(vec![]))), array(lists(None))),
        ("element", array(lists(Some(vec![]))), array(lists(Some(vec![None])))),
        ("order", array(lists(Some(vec![Some(1), Some(2)]))), {
            array(lists(Some(vec![Some(2), Some(1)])))
        }),
        ("list of lists", array(lists_of_lists(&[&[1, 2]])), {
            array(lists_of_lists(&[&[1], &[2]]))
        }),
        ("map", array(maps(true)), array(maps(false))),
        ("struct", array(structs(true)), array(structs(false))),
    ];
    let side = |of: fn(&(&str, ArrayRef, ArrayRef)) -> ArrayRef| {
        RecordBatch::try_from_iter_with_nullable(pairs.iter().map(|pair| (pair.0, of(pair), true)))
            .unwrap()
    };
    (side(|pair| Arc::clone(&pair.1)), side(|pair| Arc::clone(&pair.2)))
}

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// Every type that Parquet holds, and the edges of those that have some.
fn every_and_edges(first: usize, rows: usize) -> RecordBatch {
    let (every, edges) = (every_type(first, rows), edges(first, rows));
    let fields = [every.schema().fields().to_vec(), edges.schema().fields().to_vec()].concat();
    let columns = [every.columns(), edges.columns()].concat();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Rows `first..first + rows` of a table with the values that are the first to be lost.
fn edges(first: usize, rows: usize) -> RecordBatch {
    /// The values one after another and again, with a null between them.
    fn cycle<T: Copy>(
        values: &[T],
        first: usize,
        rows: usize,
    ) -> impl Iterator<Item = Option<T>> + '_ {
        (first..first + rows).map(|row| values.get(row % (values.len() + 1)).copied())
    }
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut add = |name: String, array: ArrayRef| columns.push((name, array));

    macro_rules! numbers {
        ($($numbers:ident: $number:ident,)*) => {$(
            let values = [$number::MIN, 0, 1, $number::MAX];
            let numbers: $numbers = cycle(&values, first, rows).collect();
            add(stringify!($number).to_owned(), array(numbers));
        )*};
    }
    numbers! {
        Int8Array: i8,
        Int16Array: i16,
        Int32Array: i32,
        Int64Array: i64,
        UInt8Array: u8,
        UInt16Array: u16,
        UInt32Array: u32,
        UInt64Array: u64,
    }
    macro_rules! floats {
        ($($floats:ident: $float:ident,)*) => {$(
            let values = [
                $float::NAN,
                $float::INFINITY,
                $float::NEG_INFINITY,
                $float::from_bits(0),
                -$float::from_bits(0),
                // The number next to zero.
                $float::from_bits(1),
                $float::MIN,
                $float::MAX,
            ];
            let floats: $floats = cycle(&values, first, rows).collect();
            add(stringify!($float).to_owned(), array(floats));
        )*};
    }
    floats! {
        Float16Array: f16,
        Float32Array: f32,
        Float64Array: f64,
    }
    let long = "Größe, ".repeat(300);
    let texts = ["", " ", "\0", "\u{10ffff}", "é", "e\u{301}", &long];
    add("text".to_owned(), array(cycle(&texts, first, rows).collect::<StringArray>()));
    let bytes: [&[u8]; 4] = [b"", b"\0", b"\xff\xfe", long.as_bytes()];
    add("bytes".to_owned(), array(cycle(&bytes, first, rows).collect::<BinaryArray>()));

    // The first second of the year 1, one before 1970, and the last one of the year 9999.
    let seconds = [-62_135_596_800_i64, -1, 0, 253_402_300_799];
    let days = seconds.map(|seconds| seconds.div_euclid(86_400));
    let mut add_as = |values: &[i64], to: &DataType| {
        let numbers: Int64Array = cycle(values, first, rows).collect();
        let numbers = match to {
            DataType::Date32 | DataType::Time32(_) => cast(&numbers, &DataType::Int32).unwrap(),
            _ => array(numbers),
        };
        add(to.to_string(), cast(&numbers, to).unwrap());
    };
    add_as(&days, &DataType::Date32);
    add_as(&days.map(|day| day * 86_400_000), &DataType::Date64);
    let units = [
        (TimeUnit::Second, 1),
        (TimeUnit::Millisecond, 1_000),
        (TimeUnit::Microsecond, 1_000_000),
        (TimeUnit::Nanosecond, 1_000_000_000),
    ];
    for (unit, per_second) in units {
        let parts = if unit == TimeUnit::Nanosecond {
            [-9_223_372_036_854_775_000, -1, 0, 9_223_372_036_854_775_000]
        } else {
            seconds.map(|second| second * per_second + per_second - 1)
        };
        for zone in [None, Some("UTC"), Some("Europe/Berlin")] {
            add_as(&parts, &DataType::Timestamp(unit, zone.map(Into::into)));
        }
        let durations = [-1_000_000_000_000_000, -1, 0, 1_000_000_000_000_000];
        add_as(&durations, &DataType::Duration(unit));
        let times = [0, 86_400 * per_second - 1];
        let time = match unit {
            TimeUnit::Second | TimeUnit::Millisecond => DataType::Time32(unit),
            TimeUnit::Microsecond | TimeUnit::Nanosecond => DataType::Time64(unit),
        };
        add_as(&times, &time);
    }

    let months = cycle(&[0, 1, 13, i32::MAX], first, rows);
    let months = months.collect::<IntervalYearMonthArray>();
    add("interval of months".to_owned(), array(months));
    let days = [(0, 0), (1, 2), (31, 86_399_999), (i32::MAX, i32::MAX)];
    let days = days.map(|(days, milliseconds)| IntervalDayTime::new(days, milliseconds));
    let days = cycle(&days, first, rows).collect::<IntervalDayTimeArray>();
    add("interval of days".to_owned(), array(days));

    // All digits that there are, at every width that Parquet stores.
    for to in [
        DataType::Decimal32(9, 0),
        DataType::Decimal64(18, 18),
        DataType::Decimal128(9, 2),
        DataType::Decimal128(18, 0),
        DataType::Decimal128(19, 19),
        DataType::Decimal128(38, 38),
        DataType::Decimal256(9, 2),
        DataType::Decimal256(18, 2),
        DataType::Decimal256(38, 2),
        DataType::Decimal256(76, 38),
    ] {
        let (DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale)) = to
        else {
            unreachable!()
        };
        let most = i256::from_i128(10).wrapping_pow(u32::from(digits)) - i256::ONE;
        let values = [most, -most, i256::ONE, i256::ZERO];
        let decimals: Decimal256Array = cycle(&values, first, rows).collect();
        let decimals = decimals.with_precision_and_scale(76, scale).unwrap();
        add(to.to_string(), cast(&decimals, &to).unwrap());
    }

    // What every_type has no list of.
    let mut views = LargeListViewBuilder::new(Int64Builder::new());
    let mut large = LargeListBuilder::new(LargeListBuilder::new(StringBuilder::new()));
    let mut maps = ListBuilder::new(MapBuilder::new(
        None,
        StringBuilder::new(),
        ListBuilder::new(Int64Builder::new()),
    ));
    for row in first..first + rows {
        (0..row % 4).for_each(|value| views.values().append_value(value as i64));
        views.append(row % 5 != 0);
        for list in 0..row % 3 {
            (0..list).for_each(|value| large.values().values().append_value(value.to_string()));
            large.values().append(row % 4 != 0);
        }
        large.append(row % 5 != 0);
        for map in 0..row % 3 {
            for key in 0..map {
                maps.values().keys().append_value(key.to_string());
                (0..key)
                    .for_each(|value| maps.values().values().values().append_value(value as i64));
                maps.values().values().append(row % 7 != 0);
            }
            maps.values().append(row % 4 != 0).unwrap();
        }
        maps.append(row % 5 != 0);
    }
    add("large list view".to_owned(), array(views.finish()));
    add("large lists".to_owned(), array(large.finish()));
    add("lists of maps".to_owned(), array(maps.finish()));
    // A field that is never null in a struct that may be, in one that is not.
    let required: ArrayRef = array((first as i64..(first + rows) as i64).collect::<Int64Array>());
    let fields = Fields::from(vec![Field::new("required", DataType::Int64, false)]);
    let nulls = (first..first + rows).map(|row| row % 3 != 0).collect::<NullBuffer>();
    let inner: ArrayRef = array(StructArray::new(fields, vec![required], Some(nulls)));
    let fields = Fields::from(vec![Field::new("inner", inner.data_type().clone(), true)]);
    add("structs".to_owned(), array(StructArray::new(fields, vec![inner], None)));
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}
