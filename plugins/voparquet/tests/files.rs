//! Checks the contents of files with the reader of the `parquet` crate.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeListArray, Int32Array, ListArray,
    RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use parquet::file::metadata::ParquetMetaData;
use serde_json::json;
use taploom_format::{
    Completion, EncodeContext, Envelope, ErrorKind, Options, Result, ResultSchema,
};
use taploom_format_voparquet::PLUGIN;
use taploom_testkit::SharedSink;

struct Written {
    metadata: ParquetMetaData,
    keys: HashMap<String, String>,
    rows: RecordBatch,
}

impl Written {
    fn document(&self) -> &str {
        &self.keys["IVOA.VOTable-Parquet.content"]
    }

    fn paths(&self) -> Vec<String> {
        let schema = self.metadata.file_metadata().schema_descr();
        schema.columns().iter().map(|column| column.path().string()).collect()
    }
}

fn write(
    batch: &RecordBatch,
    columns: serde_json::Value,
    options: &[(&str, &str)],
) -> Result<Written> {
    write_with(batch, columns, options, &EncodeContext::default())
}

fn write_with(
    batch: &RecordBatch,
    columns: serde_json::Value,
    options: &[(&str, &str)],
    context: &EncodeContext,
) -> Result<Written> {
    let schema = ResultSchema::new(batch.schema(), serde_json::from_value(columns).unwrap())?;
    let mut given = Options::default();
    for (name, value) in options {
        given.set(name, *value)?;
    }
    let sink = SharedSink::default();
    let mut encoder = PLUGIN.start(&given, &schema, context, Box::new(sink.clone()))?;
    encoder.write_batch(batch)?;
    encoder.finish(Completion::Complete)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(sink.bytes())).unwrap();
    let metadata = reader.metadata().as_ref().clone();
    let keys = metadata.file_metadata().key_value_metadata().unwrap();
    let keys = keys.iter().map(|key| (key.key.clone(), key.value.clone().unwrap())).collect();
    let empty = RecordBatch::new_empty(reader.schema().clone());
    let rows = reader.build().unwrap().next().map_or(empty, Result::unwrap);
    Ok(Written { metadata, keys, rows })
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn arrays() -> RecordBatch {
    let doubles = |lists: &[Option<&[f64]>]| -> ListArray {
        ListArray::from_iter_primitive::<Float64Type, _, _>(
            lists.iter().map(|list| list.map(|list| list.iter().copied().map(Some))),
        )
    };
    let field = Arc::new(Field::new_list_field(DataType::Boolean, true));
    let bits = BooleanArray::from(vec![true, false, true, false, false, false]);
    batch([
        ("spectrum", Arc::new(doubles(&[Some(&[1.5, f64::NAN]), None, Some(&[])]))),
        ("matrix", Arc::new(doubles(&[Some(&[1.0, 2.0, 3.0, 4.0]), None, Some(&[5.0, 6.0])]))),
        ("z", Arc::new(doubles(&[Some(&[1.0, -1.0]), None, Some(&[0.0, 2.0])]))),
        ("bytes", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"ab"), None, Some(b"")]))),
        ("flags", Arc::new(FixedSizeListArray::new(field, 2, Arc::new(bits), None))),
    ])
}

fn array_columns() -> serde_json::Value {
    json!([
        {},
        {"arraysize": "2x*"},
        {"datatype": "doubleComplex", "arraysize": "*"},
        {},
        {"datatype": "bit"},
    ])
}

#[test]
fn arrays_are_lists_of_three_levels() {
    let given = arrays();
    let written = write(&given, array_columns(), &[]).unwrap();
    let paths = ["spectrum", "matrix", "z", "bytes", "flags"];
    let paths = paths.map(|name| match name {
        "bytes" => name.to_owned(),
        name => format!("{name}.list.element"),
    });
    assert_eq!(written.paths(), paths);
    let schema = written.metadata.file_metadata().schema_descr();
    assert_eq!(schema.column(3).physical_type(), parquet::basic::Type::BYTE_ARRAY);
    for field in [
        r#"<FIELD name="spectrum" datatype="double" arraysize="*"/>"#,
        r#"<FIELD name="matrix" datatype="double" arraysize="2x*"/>"#,
        r#"<FIELD name="z" datatype="doubleComplex" arraysize="*"/>"#,
        r#"<FIELD name="bytes" datatype="unsignedByte" arraysize="*"/>"#,
        r#"<FIELD name="flags" datatype="bit" arraysize="2"/>"#,
    ] {
        assert!(written.document().contains(field), "{field} in {}", written.document());
    }
    for (index, expected) in given.columns().iter().enumerate().take(3) {
        let read = written.rows.column(index).as_list::<i32>();
        let expected = expected.as_list::<i32>();
        for row in 0..3 {
            assert_eq!(read.is_null(row), expected.is_null(row));
            let bits = |lists: &ListArray| -> Vec<u64> {
                let list = lists.value(row);
                list.as_primitive::<Float64Type>().values().iter().map(|f| f.to_bits()).collect()
            };
            assert_eq!(bits(read), bits(expected), "column {index}, row {row}");
        }
    }
    let flags = written.rows.column(4).as_list::<i32>().values().clone();
    assert_eq!(flags.as_boolean().values().iter().filter(|bit| *bit).count(), 2);
}

#[test]
fn options_of_a_column_reach_the_elements_of_its_lists() {
    let options = [
        ("bloom_filters", "matrix"),
        ("column_compression", "z=gzip"),
        ("column_encoding", "spectrum=byte_stream_split"),
    ];
    let written = write(&arrays(), array_columns(), &options).unwrap();
    let chunks = written.metadata.row_group(0).columns();
    assert!(chunks[1].bloom_filter_offset().is_some());
    assert!(chunks[0].bloom_filter_offset().is_none());
    assert!(matches!(chunks[2].compression(), parquet::basic::Compression::GZIP(_)));
    assert!(chunks[0].encodings().any(|encoding| encoding == Encoding::BYTE_STREAM_SPLIT));
}

#[test]
fn the_footer_says_how_long_texts_are() {
    let rows = batch([
        ("name", Arc::new(StringArray::from(vec!["Wega", "Ægir"]))),
        ("note", Arc::new(StringArray::from(vec![None, Some("x")]))),
        ("n", Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    let columns = json!([{"datatype": "char", "arraysize": "*"}, {}, {}]);
    let written = write(&rows, columns.clone(), &[]).unwrap();
    assert_eq!(written.keys["table::len::name"], "4");
    assert_eq!(written.keys["table::len::note"], "4");
    assert_eq!(written.keys.len(), 4, "and none for numbers: {:?}", written.keys.keys());
    let options = [("astropy_lengths", "false"), ("text_arraysize", "declared")];
    let declared = write(&rows, columns.clone(), &options).unwrap();
    assert_eq!(declared.keys.len(), 2);
    assert!(declared.document().contains(r#"name="name" datatype="char" arraysize="*""#));
    let none = write(&rows.slice(0, 0), columns, &[]);
    let one = r#"name="name" datatype="char" arraysize="1*""#;
    assert!(none.unwrap().document().contains(one), "an arraysize has no 0");
    for field in [
        r#"name="name" datatype="char" arraysize="5*""#,
        r#"name="note" datatype="unicodeChar" arraysize="1*""#,
    ] {
        assert!(written.document().contains(field), "{field} in {}", written.document());
    }
}

#[test]
fn timestamps_in_microseconds() {
    let seen = TimestampNanosecondArray::from(vec![Some(1_748_019_635_025_000_000), None]);
    let rows = batch([
        ("seen", Arc::new(seen.with_timezone("+02:00"))),
        ("said", Arc::new(StringArray::from(vec![None, Some("2025-05-23T17:00:35.025")]))),
        ("said", Arc::new(StringArray::from(vec!["2025-05-23T17:00:35.025", "text"]))),
    ]);
    let said =
        json!({"datatype": "char", "arraysize": "*", "xtype": "timestamp", "ucd": "time.epoch"});
    let columns = json!([{"description": "When"}, said, {}]);
    let written = write(&rows, columns, &[("timestamp", "micros")]).unwrap();
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(written.rows.schema().field(0).data_type(), &utc);
    let micros = |column: usize| {
        written
            .rows
            .column(column)
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(micros(0), [Some(1_748_019_635_025_000), None]);
    assert_eq!(micros(1), [None, Some(1_748_019_635_025_000)]);
    assert_eq!(written.rows.column(2).data_type(), &DataType::Utf8);
    for field in [
        r#"name="seen" datatype="long" unit="us" ref="unix_time""#,
        r#"name="said" datatype="long" unit="us" ucd="time.epoch" ref="unix_time""#,
        r#"name="said_2" datatype="unicodeChar""#,
    ] {
        assert!(written.document().contains(field), "{field} in {}", written.document());
    }
}

#[test]
fn a_timestamp_in_a_zone_is_shown_in_the_error() {
    let seen = TimestampNanosecondArray::from(vec![1_000, 1_748_019_635_025_000_001]);
    let rows = batch([("t", Arc::new(seen.with_timezone("UTC")))]);
    let error = write(&rows, json!([{}]), &[("timestamp", "micros")]).err().unwrap();
    assert_eq!((error.column(), error.row()), (Some("t"), Some(2)));
    assert_eq!(
        error.message(),
        "\"2025-05-23T17:00:35.025000001Z\" can't be written with timestamp=micros: it is finer \
         than a microsecond"
    );
}

#[test]
fn a_text_that_is_no_timestamp_is_named() {
    let rows = batch([("said", Arc::new(StringArray::from(vec!["2025-05-23", "soon"])))]);
    let columns = json!([{"datatype": "char", "arraysize": "*", "xtype": "timestamp"}]);
    let error = write(&rows, columns, &[("timestamp", "micros")]).err().unwrap();
    assert_eq!(
        (error.kind(), error.column(), error.row()),
        (ErrorKind::InvalidValue, Some("said"), Some(2))
    );
    assert_eq!(
        error.message(),
        "\"soon\" can't be written with timestamp=micros: it is not a timestamp \
         such as 2025-05-23T17:00:35.025"
    );
}

#[test]
fn the_fields_of_an_envelope_are_not_changed() {
    let rows = batch([("n", Arc::new(Int32Array::from(vec![1])))]);
    let envelope = Envelope {
        header: "<VOTABLE>".into(),
        footer: "</VOTABLE>".into(),
        footer_overflow: "</VOTABLE>".into(),
    };
    let context = EncodeContext::default().with_envelope(envelope);
    let micros = ("timestamp", "micros");
    let error = write_with(&rows, json!([{}]), &[micros], &context).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
    assert_eq!(
        write_with(&rows, json!([{}]), &[], &context).unwrap().document(),
        "<VOTABLE></VOTABLE>"
    );
}
