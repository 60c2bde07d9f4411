//! CSV and TSV files as sources.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt8Array,
};
use arrow_schema::{DataType, Schema};
use arrow_select::concat::concat_batches;
use futures::executor::block_on;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use taploom_format::{
    CanonicalRows, ColumnMetadata, Completion, EncoderRegistry, Error, ErrorKind, Result,
    ResultSchema,
};
use taploom_format_csv::{CSV_PLUGIN, TSV_PLUGIN};
use taploom_model::Step;
use taploom_sources::{ColumnList, Request, open};

/// All rows of a file in canonical types, with the schema of its source.
fn rows(path: &Path, columns: Option<Value>, batch_rows: usize) -> Result<RecordBatch> {
    let location = path.display().to_string();
    let columns = columns.map(|columns| ColumnList::new(serde_json::from_value(columns).unwrap()));
    let request = Request::new(&location).with_columns(columns).with_batch_rows(batch_rows);
    let mut source = block_on(open(&request))?;
    let mut canonical = CanonicalRows::new(source.schema())?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = block_on(source.next())? {
        assert!(batch.num_rows() <= batch_rows, "{} rows", batch.num_rows());
        batches.push(canonical.convert(&batch)?);
    }
    Ok(concat_batches(canonical.schema().arrow(), &batches).unwrap())
}

/// The rows of a file with this name and text.
fn read(name: &str, text: impl AsRef<[u8]>, columns: Option<Value>) -> Result<RecordBatch> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    rows(&path, columns, 2000)
}

fn refusal(name: &str, text: impl AsRef<[u8]>, columns: Option<Value>) -> Error {
    match read(name, text, columns) {
        Ok(rows) => panic!("{} rows were given", rows.num_rows()),
        Err(error) => error,
    }
}

#[test]
fn types_are_guessed_from_the_first_rows_if_none_are_declared() {
    let text = "\u{feff}b,l,d,t,zip,none\ntrue,1,2,x,007,\n,,NaN,\"\",8,\nFALSE,-3,-inf,,,\n";
    let rows = read("a.csv", text, None).unwrap();
    let types: Vec<DataType> =
        rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    use DataType::{Boolean, Float64, Int64, Utf8};
    assert_eq!(types, [Boolean, Int64, Float64, Utf8, Utf8, Utf8]);
    assert_eq!(rows.schema().field(0).name(), "b");
    assert_eq!(
        rows.column(1).as_primitive::<Int64Type>(),
        &Int64Array::from(vec![Some(1), None, Some(-3)])
    );
    let doubles = rows.column(2).as_primitive::<Float64Type>();
    assert!(doubles.value(1).is_nan() && doubles.value(2) == f64::NEG_INFINITY);
    let texts = rows.column(3).as_string::<i32>();
    assert_eq!(texts, &StringArray::from(vec![Some("x"), Some(""), None]));
    assert_eq!(rows.column(4).as_string::<i32>().value(0), "007");
    assert_eq!(rows.column(5).null_count(), 3);
}

#[test]
fn a_later_row_that_does_not_fit_is_named() {
    let mut text = String::from("id\tx\n");
    for row in 0..1500 {
        text += &format!("{row}\t{row}\n");
    }
    assert_eq!(read("a.TSV", &text, None).unwrap().num_rows(), 1500);
    let error = refusal("a.tsv", text.replace("\n1233\t1233", "\n1233\tmany"), None);
    assert_eq!(
        (error.kind(), error.column(), error.row()),
        (ErrorKind::InvalidValue, Some("x"), Some(1234))
    );
    assert!(error.to_string().contains("\"many\" is not of type long"), "{error}");
    assert!(error.to_string().contains("--columns"), "{error}");
    // If that value is among the first ones, the column is text.
    let early = read("a.tsv", text.replace("\n33\t33", "\n33\tmany"), None).unwrap();
    assert_eq!(early.column(1).as_string::<i32>().value(1400), "1400");
}

#[test]
fn cells_are_read_as_the_declared_types() {
    let columns = json!([
        {"name": "n", "datatype": "short"},
        {"datatype": "char", "arraysize": "*", "xtype": "timestamp"},
        {"unit": "deg"},
    ]);
    let text = "a,t,x\r\n 7 ,2024-02-29,1.5\r\n\"\",\"a\r\nb\",\"2\"\r\n";
    let rows = read("a.csv", text, Some(columns.clone())).unwrap();
    assert_eq!(rows.schema().field(0).name(), "n");
    assert_eq!(rows.column(0).as_primitive::<Int16Type>(), &Int16Array::from(vec![Some(7), None]));
    assert_eq!(rows.column(1).as_string::<i32>().value(1), "a\r\nb");
    assert_eq!(rows.column(2).as_primitive::<Float64Type>().value(1), 2.0);

    let error = refusal("a.csv", "a,t,x\n1,a,1\n70000,b,2\n", Some(columns.clone()));
    assert_eq!(error.to_string(), "column \"a\", row 2: \"70000\" is not of type short");
    let error = refusal("a.csv", "a,t\n1,a\n", Some(columns));
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    for (datatype, value) in [("float", "1e39"), ("double", "1e999"), ("boolean", "yes")] {
        let columns = json!([{"datatype": datatype}]);
        let error = refusal("a.csv", format!("a\n{value}\n"), Some(columns));
        assert_eq!((error.kind(), error.row()), (ErrorKind::InvalidValue, Some(1)), "{error}");
    }
    let columns = json!([{"datatype": "int", "arraysize": "3"}]);
    let error = refusal("a.csv", "a\n1 2 3\n4 5\n", Some(columns));
    assert_eq!((error.column(), error.row()), (Some("a"), Some(2)), "{error}");
    let columns = json!([{"datatype": "floatComplex"}]);
    let error = refusal("a.csv", "a\n1 2\n4 5 6\n", Some(columns));
    assert_eq!(error.row(), Some(2), "{error}");
}

#[test]
fn a_list_of_another_shape_is_named() {
    let mut wrong = Vec::new();
    for (datatype, arraysize, fits, does_not_fit) in [
        ("int", "2x*", "1 2 3 4", "1 2 3"),
        ("int", "2x2", "1 2 3 4", "1 2"),
        ("double", "2", "1 2", "1"),
        ("bit", "2*", "0 1", "0 1 1"),
        ("floatComplex", "*", "1 2", "1 2 3"),
        ("unicodeChar", "3x2", r#"["a","b"]"#, r#"["a"]"#),
        ("char", "3x2x*", r#"["a","b"]"#, r#"["a","b","c"]"#),
    ] {
        let columns = json!([{"datatype": datatype, "arraysize": arraysize}]);
        let text = format!("a\n{fits}\n{does_not_fit}\n");
        let error = refusal("a.tsv", text, Some(columns)).to_string();
        let expected = format!(
            "column \"a\", row 2: {does_not_fit:?} is not of type {datatype} of arraysize {arraysize}"
        );
        if error != expected {
            wrong.push((error, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_complex_number_of_blanks_is_null() {
    for datatype in ["floatComplex", "doubleComplex"] {
        let columns = json!([{"datatype": datatype}, {}]);
        let rows = read("a.csv", "a,b\n1 2,1\n  ,2\n3 4,3\n", Some(columns)).unwrap();
        assert_eq!((rows.num_rows(), rows.column(0).null_count()), (3, 1), "{datatype}");
    }
}

#[test]
fn files_that_are_cut_or_broken_are_errors_that_name_the_row() {
    for (text, row, words) in [
        (&b"a,b\n1,2\n3\n"[..], Some(2), "values in the record: 1;"),
        (b"a,b\n1,2\n3,4,5\n", Some(2), "values in the record: 3;"),
        (b"a,b\n1,2\n3,\"4", Some(2), "within quotes"),
        (b"a,b\n1,\xff\n", Some(1), "not UTF-8"),
        (b"a,\xff\n1,2\n", None, "not UTF-8"),
        (b"", None, "empty"),
        (b"\xef\xbb\xbf", None, "empty"),
    ] {
        let error = refusal("a.csv", text, None);
        assert_eq!(error.row(), row, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
    assert_eq!(read("a.csv", "a,b\n", None).unwrap().num_rows(), 0);
}

/// A random number of rows, with a cell of each type.
fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    vec(any_row(), 0..12)
}

#[derive(Debug, Clone)]
struct Row {
    boolean: Option<bool>,
    integers: (Option<u8>, Option<i16>, Option<i32>, Option<i64>),
    floats: (Option<f32>, Option<f64>),
    text: Option<String>,
    doubles: Option<Vec<Option<f64>>>,
    pairs: Option<Vec<(Option<i64>, Option<i64>)>>,
    booleans: Option<Vec<Option<bool>>>,
    complex: Option<(f32, f32)>,
    three: Option<[f64; 3]>,
    texts: Option<Vec<Option<String>>>,
}

fn any_row() -> impl Strategy<Value = Row> {
    let double = || prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::NEG_INFINITY)];
    let float = || prop_oneof![any::<f32>(), Just(f32::NAN), Just(f32::INFINITY)];
    let text = || "[a\",\\\\\n\r\t é😀]{0,5}";
    let scalars = (
        any::<Option<bool>>(),
        any::<(Option<u8>, Option<i16>, Option<i32>, Option<i64>)>(),
        (option::of(float()), option::of(double())),
        option::of(text()),
    );
    let lists = (
        option::of(vec(option::of(double()), 0..4)),
        option::of(vec(any::<(Option<i64>, Option<i64>)>(), 0..3)),
        option::of(vec(any::<Option<bool>>(), 0..4)),
        option::of((float(), float())),
        option::of([double(), double(), double()]),
        option::of(vec(option::of(text()), 0..3)),
    );
    (scalars, lists).prop_map(|(scalars, lists)| {
        let (boolean, integers, floats, text) = scalars;
        let (doubles, pairs, booleans, complex, three, texts) = lists;
        Row {
            boolean,
            integers,
            floats: (floats.0.map(canonical_nan_f32), floats.1.map(canonical_nan)),
            text,
            doubles: doubles
                .map(|list| list.into_iter().map(|value| value.map(canonical_nan)).collect()),
            pairs,
            booleans,
            complex: complex.map(|(re, im)| (canonical_nan_f32(re), canonical_nan_f32(im))),
            three: three.map(|values| values.map(canonical_nan)),
            texts,
        }
    })
}

/// The NaN that text is read as; in text, NaNs with other bits are the same.
fn canonical_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

fn canonical_nan_f32(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value }
}

fn columns() -> Value {
    json!([
        {"name": "bool", "datatype": "boolean"},
        {"name": "bit", "datatype": "bit"},
        {"name": "byte", "datatype": "unsignedByte"},
        {"name": "short", "datatype": "short"},
        {"name": "int", "datatype": "int"},
        {"name": "long", "datatype": "long"},
        {"name": "float", "datatype": "float"},
        {"name": "double", "datatype": "double"},
        {"name": "text, \"quoted\"", "datatype": "unicodeChar", "arraysize": "*"},
        {"name": "doubles", "datatype": "double", "arraysize": "*"},
        {"name": "pairs", "datatype": "long", "arraysize": "2x3*"},
        {"name": "booleans", "datatype": "boolean", "arraysize": "*"},
        {"name": "bits", "datatype": "bit", "arraysize": "8*"},
        {"name": "complex", "datatype": "floatComplex"},
        {"name": "three", "datatype": "double", "arraysize": "3"},
        {"name": "texts", "datatype": "unicodeChar", "arraysize": "5x*"},
    ])
}

fn batch_of(rows: &[Row]) -> (ResultSchema, RecordBatch) {
    let mut doubles = ListBuilder::new(Float64Builder::new());
    let mut pairs = ListBuilder::new(Int64Builder::new());
    let mut booleans = ListBuilder::new(BooleanBuilder::new());
    let mut complex = arrow_array::builder::FixedSizeListBuilder::new(Float32Builder::new(), 2);
    let mut three = ListBuilder::new(Float64Builder::new());
    let mut texts = ListBuilder::new(StringBuilder::new());
    for row in rows {
        doubles.append_option(row.doubles.clone());
        let flat = row.pairs.as_ref().map(|pairs| pairs.iter().flat_map(|(x, y)| [*x, *y]));
        pairs.append_option(flat);
        booleans.append_option(row.booleans.clone());
        let (re, im) = row.complex.map_or((None, None), |(re, im)| (Some(re), Some(im)));
        complex.values().append_option(re);
        complex.values().append_option(im);
        complex.append(row.complex.is_some());
        three.append_option(row.three.map(|values| values.map(Some)));
        texts.append_option(row.texts.clone());
    }
    let booleans: ArrayRef = Arc::new(booleans.finish());
    let boolean: ArrayRef = Arc::new(rows.iter().map(|row| row.boolean).collect::<BooleanArray>());
    let arrays: Vec<ArrayRef> = vec![
        Arc::clone(&boolean),
        boolean,
        Arc::new(rows.iter().map(|row| row.integers.0).collect::<UInt8Array>()),
        Arc::new(rows.iter().map(|row| row.integers.1).collect::<Int16Array>()),
        Arc::new(rows.iter().map(|row| row.integers.2).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|row| row.integers.3).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.floats.0).collect::<Float32Array>()),
        Arc::new(rows.iter().map(|row| row.floats.1).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.text.clone()).collect::<StringArray>()),
        Arc::new(doubles.finish()),
        Arc::new(pairs.finish()),
        Arc::clone(&booleans),
        booleans,
        Arc::new(complex.finish()),
        Arc::new(three.finish()),
        Arc::new(texts.finish()),
    ];
    let metadata: Vec<ColumnMetadata> = serde_json::from_value(columns()).unwrap();
    let fields = metadata.iter().zip(&arrays).map(|(metadata, array)| {
        let name = metadata.name.clone().unwrap();
        arrow_schema::Field::new(name, array.data_type().clone(), true)
    });
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&arrow), arrays).unwrap();
    (ResultSchema::new(arrow, metadata).unwrap(), batch)
}

/// The rows that the format can represent: a null among floats becomes NaN, and TSV has neither tabs nor
/// line ends.
fn as_written(format: &str, rows: &[Row]) -> Vec<Row> {
    let row = |row: &Row| {
        let mut row = row.clone();
        for value in row.doubles.iter_mut().flatten() {
            *value = value.or(Some(f64::NAN));
        }
        if format == "tsv" {
            row.text = row.text.map(|text| text.replace(['\t', '\r', '\n'], " "));
        }
        row
    };
    rows.iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_taploom_writes_reads_back(rows_written in any_rows(), batch_rows in 1..5_usize) {
        let registry = EncoderRegistry::new([CSV_PLUGIN, TSV_PLUGIN]).unwrap();
        for format in ["csv", "tsv"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a").with_extension(format);
            let (schema, batch) = batch_of(&rows_written);
            let sink = Box::new(File::create(&path).unwrap());
            let spec = registry.request(format).unwrap();
            let mut encoder = spec.start(&schema, sink).unwrap();
            encoder.write_batch(&batch).unwrap();
            encoder.finish(Completion::Complete).unwrap();

            let (schema, batch) = batch_of(&as_written(format, &rows_written));
            let expected = CanonicalRows::new(&schema).unwrap().convert(&batch).unwrap();
            let read = rows(&path, Some(columns()), batch_rows).unwrap();
            prop_assert_eq!(&read, &expected);
            // If the file is cut within a record, that is an error, except within the last line break.
            let bytes = std::fs::read(&path).unwrap();
            let last = if format == "csv" { bytes.len() - 2 } else { bytes.len() - 1 };
            let cut = bytes[..last].iter().rposition(|byte| matches!(byte, b',' | b'\t'));
            if let Some(cut) = cut.filter(|_| !rows_written.is_empty()) {
                std::fs::write(&path, &bytes[..cut]).unwrap();
                prop_assert!(rows(&path, Some(columns()), batch_rows).is_err());
            }
        }
    }
}
