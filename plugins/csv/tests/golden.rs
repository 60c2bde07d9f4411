//! Compares written CSV and TSV byte by byte.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::json;
use taploom_format::{Completion, EncodeSummary, EncoderRegistry, ResultSchema};
use taploom_format_csv::{CSV_PLUGIN, TSV_PLUGIN};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Columns, each with the metadata of its FIELD.
fn written(
    format: &str,
    columns: Vec<(&str, ArrayRef, serde_json::Value)>,
) -> (String, EncodeSummary) {
    let (arrays, metadata): (Vec<_>, Vec<_>) =
        columns.into_iter().map(|(name, array, field)| ((name, array, true), field)).unzip();
    let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
    let metadata = metadata.into_iter().map(|field| serde_json::from_value(field).unwrap());
    let schema = ResultSchema::new(batch.schema(), metadata.collect()).unwrap();
    let registry = EncoderRegistry::new([CSV_PLUGIN, TSV_PLUGIN]).unwrap();
    let sink = Shared::default();
    let spec = registry.request(format).unwrap();
    let mut encoder = spec.start(&schema, Box::new(sink.clone())).unwrap();
    encoder.write_batch(&batch).unwrap();
    let summary = encoder.finish(Completion::Complete).unwrap();
    let bytes = sink.0.lock().unwrap().clone();
    (String::from_utf8(bytes).unwrap(), summary)
}

#[test]
fn scalars() {
    let doubles = vec![Some(0.1), None, Some(f64::NAN), Some(f64::NEG_INFINITY), Some(1e300)];
    let booleans = vec![Some(true), Some(false), None, None, None];
    let texts = vec![Some("a,b"), None, Some(""), Some("\"q\""), Some("x\ty")];
    let columns = || -> Vec<(&str, ArrayRef, serde_json::Value)> {
        vec![
            ("d", Arc::new(Float64Array::from(doubles.clone())), json!({})),
            ("b", Arc::new(BooleanArray::from(booleans.clone())), json!({})),
            ("bit", Arc::new(BooleanArray::from(booleans.clone())), json!({"datatype": "bit"})),
            ("t", Arc::new(StringArray::from(texts.clone())), json!({})),
        ]
    };
    let (csv, _) = written("csv", columns());
    assert_eq!(
        csv,
        "d,b,bit,t\r\n0.1,true,1,\"a,b\"\r\n,false,0,\r\nNaN,,,\"\"\r\n-Infinity,,,\"\"\"q\"\"\"\r\n\
         1e+300,,,x\ty\r\n"
    );
    let (tsv, summary) = written("tsv", columns());
    assert!(tsv.ends_with("\n1e+300\t\t\tx y\n"), "{tsv}");
    assert_eq!(summary.altered_cells, 1);
}

#[test]
fn arrays() {
    let mut doubles = ListBuilder::new(Float64Builder::new());
    doubles.append_value([Some(1.5), None, Some(f64::INFINITY)]);
    doubles.append_null();
    doubles.append_value([]);
    let mut longs = ListBuilder::new(Int64Builder::new());
    longs.append_value([Some(-1), None]);
    longs.append_value([]);
    longs.append_null();
    let mut booleans = ListBuilder::new(BooleanBuilder::new());
    booleans.append_value([Some(true), None, Some(false)]);
    booleans.append_value([Some(true)]);
    booleans.append_null();
    let bits = booleans.finish_cloned();
    let mut complex = ListBuilder::new(Float32Builder::new());
    complex.append_value([Some(0.5), Some(-1.0)]);
    complex.append_null();
    complex.append_value([Some(1.0), Some(f32::NAN)]);
    let mut strings = ListBuilder::new(StringBuilder::new());
    strings.append_value([Some("a, b"), None, Some(""), Some("\t\"")]);
    strings.append_value(Vec::<Option<&str>>::new());
    strings.append_null();
    let mut columns: Vec<(&str, ArrayRef, serde_json::Value)> = vec![
        ("d", Arc::new(doubles.finish()), json!({})),
        ("l", Arc::new(longs.finish()), json!({})),
        ("b", Arc::new(booleans.finish()), json!({})),
        ("x", Arc::new(bits), json!({"datatype": "bit"})),
        ("c", Arc::new(complex.finish()), json!({"datatype": "floatComplex", "arraysize": "1*"})),
        ("s", Arc::new(strings.finish()), json!({"datatype": "char", "arraysize": "8x*"})),
    ];
    let (csv, summary) = written("text/csv;header=absent", columns.clone());
    assert_eq!(
        csv,
        "1.5 NaN +Inf,-1 null,T ? F,1 ? 0,0.5 -1.0,\"[\"\"a, b\"\",null,\"\"\"\",\"\"\\t\\\"\"\"\"]\"\r\n\
         ,\"\",T,1,,[]\r\n\
         \"\",,,,1.0 NaN,\r\n"
    );
    assert_eq!((summary.altered_cells, summary.truncated_cells), (0, 0));
    let (tsv, summary) = written("text/tab-separated-values;header=absent", columns.split_off(5));
    assert_eq!(tsv, "[\"a, b\",null,\"\",\"\\t\\\"\"]\n[]\n\"\"\n");
    assert_eq!(summary.altered_cells, 0);
}

#[test]
fn a_wide_row_is_a_block_of_its_own() {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for _ in 0..3 {
        lists.append_value((0..100_000).map(Some));
    }
    let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    let columns = vec![("id", ids, json!({})), ("l", Arc::new(lists.finish()) as _, json!({}))];
    let (csv, _) = written("csv", columns);
    let row = (0..100_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    assert!(csv == format!("id,l\r\n1,{row}\r\n2,{row}\r\n3,{row}\r\n"));
}
