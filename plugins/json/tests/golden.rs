//! Compares written JSON and JSON Lines byte by byte.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, ListBuilder, StringBuilder,
};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use serde_json::{Value, json};
use taploom_format::{
    Completion, EncodeSummary, Encoder, EncoderRegistry, ErrorKind, ResultSchema,
};
use taploom_format_json::{JSON_PLUGIN, JSONL_PLUGIN};

type Columns = Vec<(&'static str, ArrayRef, Value)>;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An encoder of columns, each with the metadata of its FIELD, and their rows.
fn started(format: &str, columns: Columns) -> (Encoder, RecordBatch, Shared) {
    let metadata = columns.iter().map(|(_, _, field)| serde_json::from_value(field.clone()));
    let metadata = metadata.collect::<Result<_, _>>().unwrap();
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array, _)| arrow_schema::Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrow = Arc::new(arrow_schema::Schema::new(fields));
    let schema = ResultSchema::new(arrow.clone(), metadata).unwrap();
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    let batch = RecordBatch::try_new(arrow, arrays).unwrap();
    let registry = EncoderRegistry::new([JSON_PLUGIN, JSONL_PLUGIN]).unwrap();
    let sink = Shared::default();
    let spec = registry.request(format).unwrap();
    (spec.start(&schema, Box::new(sink.clone())).unwrap(), batch, sink)
}

fn written(format: &str, columns: Columns) -> (String, EncodeSummary) {
    let (mut encoder, batch, sink) = started(format, columns);
    encoder.write_batch(&batch).unwrap();
    let summary = encoder.finish(Completion::Complete).unwrap();
    assert_eq!(summary.total_bytes as usize, sink.text().len());
    (sink.text(), summary)
}

fn scalars() -> Columns {
    vec![
        ("l", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(1)])), json!({})),
        (
            "f",
            Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::INFINITY), Some(-0.0)])),
            json!({"unit": "mag"}),
        ),
        (
            "f",
            Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(f64::NEG_INFINITY), None])),
            json!({}),
        ),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), json!({})),
        (
            "a \"name\"",
            Arc::new(StringArray::from(vec![Some("α\"\\\n\u{1}\u{7f}"), Some(""), None])),
            json!({"datatype": "char", "arraysize": "8*", "description": "x"}),
        ),
    ]
}

fn arrays() -> Columns {
    let mut doubles = ListBuilder::new(Float64Builder::new());
    doubles.append_value([Some(1.5), None, Some(f64::NAN), Some(f64::INFINITY)]);
    doubles.append_null();
    doubles.append_value([]);
    let mut cube = ListBuilder::new(Int32Builder::new());
    cube.append_value((0..12).map(Some));
    cube.append_value([]);
    cube.append_null();
    let mut complex = ListBuilder::new(Float32Builder::new());
    complex.append_value([Some(0.5), Some(-1.0)]);
    complex.append_null();
    complex.append_value([Some(1.0), Some(0.0), Some(2.0), Some(3.0)]);
    let mut bits = ListBuilder::new(BooleanBuilder::new());
    bits.append_value([Some(true), None, Some(false)]);
    bits.append_value([]);
    bits.append_null();
    let mut strings = ListBuilder::new(StringBuilder::new());
    strings.append_value([Some("a"), None, Some(" \"")]);
    strings.append_value(Vec::<Option<&str>>::new());
    strings.append_null();
    vec![
        ("d", Arc::new(doubles.finish()), json!({})),
        ("i", Arc::new(cube.finish()), json!({"datatype": "int", "arraysize": "2x3x*"})),
        ("c", Arc::new(complex.finish()), json!({"datatype": "floatComplex", "arraysize": "*"})),
        ("x", Arc::new(bits.finish()), json!({"datatype": "bit", "arraysize": "*"})),
        ("s", Arc::new(strings.finish()), json!({"datatype": "char", "arraysize": "4x*"})),
    ]
}

#[test]
fn lines() {
    let (text, summary) = written("jsonl", scalars());
    assert_eq!(
        text,
        r#"{"l":-9223372036854775808,"f":0.1,"f_2":"NaN","b":true,"a \"name\"":"α\"\\\n\u0001"#
            .to_owned()
            + "\u{7f}"
            + r#""}
{"l":null,"f":"Infinity","f_2":"-Infinity","b":false,"a \"name\"":""}
{"l":1,"f":-0.0,"f_2":null,"b":null,"a \"name\"":null}
"#
    );
    assert_eq!((summary.rows, summary.altered_cells), (3, 0));
}

#[test]
fn lines_of_arrays() {
    let (text, _) = written("jsonl", arrays());
    assert_eq!(
        text,
        concat!(
            r#"{"d":[1.5,null,"NaN","Infinity"],"i":[[[0,1],[2,3],[4,5]],[[6,7],[8,9],[10,11]]],"#,
            r#""c":[[0.5,-1.0]],"x":[true,null,false],"s":["a",null," \""]}"#,
            "\n",
            r#"{"d":null,"i":[],"c":null,"x":[],"s":[]}"#,
            "\n",
            r#"{"d":[],"i":null,"c":[[1.0,0.0],[2.0,3.0]],"x":null,"s":null}"#,
            "\n",
        )
    );
}

#[test]
fn a_complex_number_is_a_pair() {
    use arrow_array::types::Float64Type;
    let pairs = arrow_array::FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(
        [Some([Some(1.0), Some(2.0)]), None],
        2,
    );
    let field = json!({"datatype": "doubleComplex"});
    let (text, _) = written("jsonl", vec![("c", Arc::new(pairs), field)]);
    assert_eq!(text, "{\"c\":[1.0,2.0]}\n{\"c\":null}\n");
}

#[test]
fn what_becomes_null_is_counted() {
    let (text, summary) = written("application/x-ndjson;nonfinite=null", scalars());
    assert!(text.contains("\"f\":null,\"f_2\":null"), "{text}");
    assert_eq!(summary.altered_cells, 3);
    let (text, summary) = written("application/json;nonfinite=null", arrays());
    assert!(text.contains("[1.5,null,null,null]"), "{text}");
    assert_eq!(summary.altered_cells, 1);
}

#[test]
fn a_document() {
    let (text, summary) = written("json", scalars());
    let expected = r#"{"metadata":[
{"name":"l","datatype":"long"},
{"name":"f","datatype":"float","unit":"mag"},
{"name":"f","datatype":"double"},
{"name":"b","datatype":"boolean"},
{"name":"a \"name\"","datatype":"char","arraysize":"8*","description":"x"}],
"data":[
[-9223372036854775808,0.1,"NaN",true,"α\"\\\n\u0001"#
        .to_owned()
        + "\u{7f}"
        + r#""],
[null,"Infinity","-Infinity",false,""],
[1,-0.0,null,null,null]],
"status":"OK"}
"#;
    assert_eq!(text, expected);
    serde_json::from_str::<Value>(&text).unwrap();
    let rows = text.split("\"data\":[").nth(1).unwrap().split("],\n\"status\"").next().unwrap();
    assert_eq!(summary.data_bytes as usize, rows.len());
}

#[test]
fn a_document_says_how_it_ended() {
    for (batches, completion, status, message) in [
        (0, Completion::Complete, "OK", None),
        (2, Completion::Overflow, "OVERFLOW", None),
        (1, Completion::Failed { message: "a \"b\"".into() }, "ERROR", Some("a \"b\"")),
        (0, Completion::Failed { message: "c".into() }, "ERROR", Some("c")),
    ] {
        let (mut encoder, batch, sink) = started("json", arrays());
        for _ in 0..batches {
            encoder.write_batch(&batch).unwrap();
        }
        assert!(serde_json::from_str::<Value>(&sink.text()).is_err());
        encoder.finish(completion).unwrap();
        let read: Value = serde_json::from_str(&sink.text()).unwrap();
        assert_eq!(read["status"], status);
        assert_eq!(read.get("message").and_then(Value::as_str), message);
        assert_eq!(read["data"].as_array().unwrap().len(), 3 * batches);
        assert_eq!(read["metadata"][1]["arraysize"], "2x3x*");
    }
}

#[test]
fn lines_that_stop_early_stop_within_one() {
    let (mut encoder, batch, sink) = started("jsonl", scalars());
    for _ in 0..2 {
        encoder.write_batch(&batch).unwrap();
        let text = sink.text();
        let last = text.lines().last().unwrap();
        assert!(serde_json::from_str::<Value>(last).is_err(), "{last}");
    }
    let before = sink.text();
    let error = encoder.finish(Completion::Failed { message: "gone".into() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(sink.text(), before);
}
