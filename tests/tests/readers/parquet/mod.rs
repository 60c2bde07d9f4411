//! pyarrow, DuckDB and polars read the loom's files: every Arrow type in the encodings that are chosen for its values,
//! every codec, with and without dictionaries, both versions of data pages, and several row groups, all written through
//! scratch.

pub(crate) mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::rows::array;
use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};
use half::f16;
use parquet::file::properties::{WriterProperties, WriterVersion};
use taploom_loom::LoomOptions;
use taploom_testkit::Failures;
use taploom_tests::{Reader, Readers};

use crate::common::{batches, codecs, loom};

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

#[test]
fn pyarrow_reads_version_2() {
    reads_all_but(Reader::Pyarrow, WriterVersion::PARQUET_2_0, &[]);
}

#[test]
fn duckdb_reads_version_2() {
    reads_all_but(Reader::Duckdb, WriterVersion::PARQUET_2_0, &WIDE_DECIMALS);
}

#[test]
fn polars_reads_version_2() {
    let unread = [&WIDE_DECIMALS[..], &UNKNOWN_TO_POLARS].concat();
    reads_all_but(Reader::Polars, WriterVersion::PARQUET_2_0, &unread);
}

/// Of more than 38 digits: DuckDB makes floats of them, polars refuses them.
const WIDE_DECIMALS: [&str; 2] = ["double as Decimal256(60, 3)", "Decimal256(76, 38)"];

/// polars refuses a file if its ARROW:schema has these types.
const UNKNOWN_TO_POLARS: [&str; 4] =
    ["lists as ListView(Utf8)", "large list view", "interval of months", "interval of days"];

/// Checks that a reader returns the written cells of all columns except `unread`. It gets each of these
/// separately, to check that it still does not read it.
#[track_caller]
fn reads_all_but(reader: Reader, version: WriterVersion, unread: &[&str]) {
    let table = batches(rows::every_and_edges, ROWS);
    let read = columns(&table, |name| !unread.contains(&name));
    assert_eq!(read[0].num_columns() + unread.len(), table[0].num_columns());
    let properties = || {
        WriterProperties::builder()
            .set_writer_version(version)
            .set_data_page_size_limit(4 << 10)
            .set_max_row_group_row_count(Some(1777))
    };
    let mut failures = Failures::default();
    for codec in codecs() {
        for dictionaries in [true, false] {
            let properties =
                properties().set_compression(codec).set_dictionary_enabled(dictionaries).build();
            failures.row(format!("{reader:?}, {codec}, dictionaries: {dictionaries}"), || {
                let (file, written) = loom(&read, options(properties));
                assert!(written.row_groups == 2 && written.scratch_bytes > 0, "{written:?}");
                assert_eq!(compare(reader, &file, &read), Ok(BTreeMap::new()));
            });
        }
    }
    for name in unread {
        let column = columns(&table, |other| other == *name);
        let properties = properties().set_dictionary_enabled(false).build();
        failures.row(name, || {
            let (file, _) = loom(&column, options(properties));
            assert_ne!(
                compare(reader, &file, &column),
                Ok(BTreeMap::new()),
                "{reader:?} reads it now: remove it from the list of types that it does not read"
            );
        });
    }
    failures.assert_none();
}

fn options(properties: WriterProperties) -> LoomOptions {
    LoomOptions::new().with_properties(properties).with_memory_budget(1 << 20)
}

/// The columns of a file in which a reader returns other values than expected.
fn compare(
    reader: Reader,
    file: &[u8],
    expected: &[RecordBatch],
) -> Result<BTreeMap<String, String>, String> {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, file).unwrap();
    let expected: Vec<RecordBatch> = expected.iter().map(rows::as_pyarrow_has_it).collect();
    Readers::with(|readers| readers.compare(reader, path.path(), &expected))
}

fn columns(table: &[RecordBatch], wanted: impl Fn(&str) -> bool) -> Vec<RecordBatch> {
    let fields = table[0].schema_ref().fields().clone();
    let indexes: Vec<usize> = (0..fields.len()).filter(|i| wanted(fields[*i].name())).collect();
    table.iter().map(|batch| batch.project(&indexes).unwrap()).collect()
}

/// The comparison distinguishes values that are easily confused.
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

/// Two rows that differ slightly in every cell.
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
