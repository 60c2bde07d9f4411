//! Compares the output with bytes that another encoder wrote for the same rows.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray,
};
use serde_json::json;
use taploom_format::{ColumnMetadata, Datatype, EncodeContext, ResultSchema};

use crate::support::{encode, encode_with, stream};

const EXPECTED: &str = include_str!("../golden/qserv-kafka.binary2");

#[test]
fn binary2_is_that_of_the_present_bridge() {
    let text = |cells: [Option<&str>; 2]| Arc::new(StringArray::from(cells.to_vec())) as ArrayRef;
    let url = "https://example.com/datalink/links?ID=1";
    let columns: Vec<(&str, Datatype, Option<&str>, ArrayRef)> = vec![
        ("id", Datatype::Int, None, Arc::new(Int32Array::from(vec![1, 2]))),
        ("a", Datatype::Boolean, None, Arc::new(BooleanArray::from(vec![None, Some(true)]))),
        ("b", Datatype::Char, None, text([Some("c"), None])),
        ("c", Datatype::Char, Some("10"), text([None, Some("abcdefghi")])),
        ("d", Datatype::Char, Some("*"), text([Some(url), None])),
        ("e", Datatype::Double, None, Arc::new(Float64Array::from(vec![None, Some(1.13173e98)]))),
        ("f", Datatype::Float, None, Arc::new(Float32Array::from(vec![Some(-123.12), None]))),
        ("g", Datatype::Int, None, Arc::new(Int32Array::from(vec![None, Some(47)]))),
        ("h", Datatype::Long, None, Arc::new(Int64Array::from(vec![Some(5_294_967_296), None]))),
        ("i", Datatype::Char, Some("4*"), text([None, Some("abcdef")])),
        ("j", Datatype::Char, Some("*"), text([Some("2025-05-23T17:00:35.025"), None])),
        ("k", Datatype::Short, None, Arc::new(Int16Array::from(vec![None, Some(-12)]))),
    ];
    let metadata = columns.iter().map(|(_, datatype, arraysize, _)| ColumnMetadata {
        datatype: Some(*datatype),
        arraysize: arraysize.map(|text| text.parse().unwrap()),
        ..Default::default()
    });
    let metadata = metadata.collect();
    let arrays = columns.iter().map(|(name, _, _, array)| (*name, Arc::clone(array), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();

    let schema = ResultSchema::new(batch.schema(), metadata).unwrap();
    let context = EncodeContext::default();
    let encode = |options: &[&str]| {
        encode_with(&schema, std::slice::from_ref(&batch), options, &context).unwrap()
    };
    let (text, summary) = encode(&["line_length=64"]);
    assert_eq!(stream(&text), EXPECTED);
    assert_eq!(summary.data_bytes, EXPECTED.len() as u64);
    // "abcdef" in 4*: another cell would be cut as well if it were not null.
    assert_eq!(summary.truncated_cells, 1);
    let (text, _) = encode(&[]);
    assert_eq!(stream(&text), EXPECTED.replace('\n', ""));
}

#[test]
fn null_empty_and_nan_are_kept_apart() {
    let doubles = Arc::new(Float64Array::from(vec![None, Some(f64::NAN)])) as ArrayRef;
    let texts = Arc::new(StringArray::from(vec![None, Some("")])) as ArrayRef;
    let (text, _) = encode(&[("d", json!({}), doubles), ("t", json!({}), texts)], &[]).unwrap();
    // Two flags, a quiet NaN of 8 bytes, and a count of 0: only the flags differ. (C0 and 00.)
    assert_eq!(stream(&text), "wH/4AAAAAAAAAAAAAAB/+AAAAAAAAAAAAAA=");
}
