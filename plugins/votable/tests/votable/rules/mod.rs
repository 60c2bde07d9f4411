//! Checks names, refusals, null values, counted losses, and that the output does not depend on blocks and batches.

mod blocks;
mod nulls;
mod refusals;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use serde_json::json;
use taploom_format::{Completion, EncodeContext, Options, ResultSchema};
use taploom_testkit::SharedSink;

use crate::support::{Column, encode, hex, lists, registry, table};

const SERIALIZATIONS: [&str; 3] =
    ["serialization=BINARY2", "serialization=BINARY", "serialization=TABLEDATA"];

#[test]
fn names_stand_for_serializations() {
    let registry = registry();
    for (name, tag) in [
        ("votable", "<BINARY2>"),
        ("votable/b2", "<BINARY2>"),
        ("votable/b", "<BINARY>"),
        ("Votable/TD", "<TABLEDATA>"),
        ("text/xml", "<BINARY2>"),
        ("application/x-votable+xml; serialization=TableData", "<TABLEDATA>"),
        ("application/x-votable+xml;serialization=binary", "<BINARY>"),
    ] {
        let (batch, schema) = table(&[("n", json!({}), Arc::new(Int32Array::from(vec![1])))]);
        let sink = SharedSink::default();
        let spec = registry.request(name).unwrap();
        let mut encoder = spec.start(&schema, Box::new(sink.clone())).unwrap();
        encoder.write_batch(&batch).unwrap();
        encoder.finish(Completion::Complete).unwrap();
        let document = String::from_utf8(sink.bytes()).unwrap();
        assert!(document.contains(&format!("<DATA>{tag}")), "{name}: {document}");
    }
}

#[test]
fn the_version_is_said() {
    let column: [Column; 1] = [("n", json!({}), Arc::new(Int32Array::from(vec![1])))];
    for version in ["1.3", "1.4", "1.5"] {
        let (document, _) = encode(&column, &[&format!("version={version}")]).unwrap();
        assert!(document.contains(&format!("<VOTABLE version=\"{version}\"")), "{document}");
    }
}

#[test]
fn after_an_error_whole_rows_are_there_and_nothing_of_the_others() {
    let cells = |first: Option<i64>| {
        let longs = Arc::new(Int64Array::from(vec![Some(1), first])) as ArrayRef;
        let texts = Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
        RecordBatch::try_from_iter_with_nullable([("t", texts, true), ("n", longs, true)]).unwrap()
    };
    let (good, bad) = (cells(Some(2)), cells(Some(i64::MIN)));
    let mut options = Options::default();
    options.set("serialization", "binary").unwrap();
    let sink = SharedSink::default();
    let schema = ResultSchema::derived(good.schema());
    let plugin = taploom_format_votable::PLUGIN;
    let context = EncodeContext::default();
    let mut encoder = plugin.start(&options, &schema, &context, Box::new(sink.clone())).unwrap();
    encoder.write_batch(&good).unwrap();
    assert_eq!(encoder.write_batch(&bad).unwrap_err().row(), Some(4));
    let summary = encoder.finish(Completion::Failed { message: "it broke".to_owned() }).unwrap();
    assert_eq!(summary.rows, 2);
    let document = String::from_utf8(sink.bytes()).unwrap();
    let rows = "00000001 0061 0000000000000001 00000001 0062 0000000000000002";
    assert_eq!(hex(&document), rows.replace(' ', ""));
    assert!(document.contains("value=\"ERROR\">it broke</INFO>"));
}

#[test]
fn characters_that_xml_has_not_are_replaced_and_counted() {
    let texts = Arc::new(StringArray::from(vec![Some("a\u{1}"), Some("b"), None])) as ArrayRef;
    let strings = lists::<_, StringArray>(&[
        Some(&[Some("\u{2}"), Some("\u{fffe}")]),
        Some(&[Some("c")]),
        None,
    ]);
    let field = json!({"datatype": "unicodeChar", "arraysize": "1x*"});
    let columns: [Column; 2] = [("text", json!({}), texts), ("strings", field, strings)];
    let (document, summary) = encode(&columns, &["serialization=tabledata"]).unwrap();
    let first = "<TR><TD>a\u{fffd}</TD><TD>\u{fffd}\u{fffd}</TD></TR>\n";
    assert!(document.contains(first), "{document}");
    assert_eq!((summary.altered_cells, summary.truncated_cells), (2, 0));
    let (_, summary) = encode(&columns, &["serialization=binary2"]).unwrap();
    assert_eq!(summary.altered_cells, 0, "BINARY2 holds them");
}
