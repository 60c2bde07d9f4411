//! Blocks of rows: they do not change the bytes, and they bound the memory.

use std::io;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::json;
use taploom_format::{EncodeContext, Options, ResultSchema};
use taploom_testkit::SharedSink;

use super::SERIALIZATIONS;

use crate::support::{between, encode_with, lists, table};

/// Blocks end within arrays and batches, and base64 in the middle of a line.
#[test]
fn bytes_do_not_depend_on_batches() {
    let (batch, schema) = many(6_000);
    for serialization in SERIALIZATIONS {
        let options = [serialization, "line_length=64"];
        let context = EncodeContext::default();
        let bytes = |size: usize| {
            let starts = (0..batch.num_rows()).step_by(size);
            let batches: Vec<RecordBatch> = starts
                .map(|start| batch.slice(start, size.min(batch.num_rows() - start)))
                .collect();
            let (document, summary) = encode_with(&schema, &batches, &options, &context).unwrap();
            assert_eq!((summary.rows, summary.truncated_cells), (6_000, 1_200));
            document
        };
        let whole = bytes(6_000);
        for size in [1, 7, 1_000, 4_097] {
            assert!(bytes(size) == whole, "{serialization}: other bytes in batches of {size}");
        }
        let lines: Vec<&str> = match serialization {
            "serialization=TABLEDATA" => continue,
            _ => between(&whole, "base64\">", "</STREAM>").lines().collect(),
        };
        let (last, others) = lines.split_last().unwrap();
        assert!(others.iter().all(|line| line.len() == 64) && last.len() <= 64);
    }
}

#[test]
fn dropped_without_finish_no_document_ends() {
    let (batch, schema) = many(6_000);
    for serialization in SERIALIZATIONS {
        let sink = SharedSink::default();
        let mut options = Options::default();
        options.set("serialization", serialization.split_once('=').unwrap().1).unwrap();
        let plugin = taploom_format_votable::PLUGIN;
        let context = EncodeContext::default();
        let mut encoder =
            plugin.start(&options, &schema, &context, Box::new(sink.clone())).unwrap();
        encoder.write_batch(&batch).unwrap();
        drop(encoder);
        let text = String::from_utf8(sink.bytes()).unwrap();
        assert!(text.len() > 200_000, "some blocks were written");
        assert!(!text.contains("</DATA>") && !text.contains("</TABLEDATA>"), "{serialization}");
    }
}

#[test]
fn memory_does_not_grow_with_rows_and_hardly_with_long_cells() {
    let (short, schema) = many(6_000);
    let long = "x".repeat(1 << 20);
    let texts = Arc::new(StringArray::from_iter_values((0..4).map(|_| &long))) as ArrayRef;
    let long = RecordBatch::try_from_iter([("text", texts)]).unwrap();
    for serialization in SERIALIZATIONS {
        let mut options = Options::default();
        options.set("serialization", serialization.split_once('=').unwrap().1).unwrap();
        for (batch, schema, most) in
            [(&short, &schema, 2 << 20), (&long, &ResultSchema::derived(long.schema()), 16 << 20)]
        {
            let plugin = taploom_format_votable::PLUGIN;
            let context = EncodeContext::default();
            let mut encoder =
                plugin.start(&options, schema, &context, Box::new(io::sink())).unwrap();
            for _ in 0..2 {
                encoder.write_batch(batch).unwrap();
            }
            let held = encoder.buffered_bytes();
            assert!((256 << 10..most).contains(&held), "{serialization}: {held} bytes are held");
        }
    }
}

/// Arrays of every length, texts (every fifth one is cut), and nulls.
fn many(rows: usize) -> (RecordBatch, ResultSchema) {
    let length = |row: usize| (!row.is_multiple_of(3)).then_some(row % 29);
    let numbers: Vec<Option<Vec<Option<f64>>>> =
        (0..rows).map(|row| length(row).map(|n| vec![Some(row as f64); n])).collect();
    let flags: Vec<Option<Vec<Option<bool>>>> = (0..rows)
        .map(|row| length(row).map(|n| (0..n).map(|bit| Some((row + bit) % 3 == 0)).collect()))
        .collect();
    let words: Vec<Option<Vec<Option<&str>>>> =
        (0..rows).map(|row| Some(vec![Some("é"); if row % 5 == 0 { 2 } else { 1 }])).collect();
    fn rows_of<T>(rows: &[Option<Vec<T>>]) -> Vec<Option<&[T]>> {
        rows.iter().map(Option::as_deref).collect()
    }
    let texts: StringArray =
        (0..rows).map(|row| if row % 5 == 0 { Some("abcde&") } else { Some("ab") }).collect();
    table(&[
        (
            "bits",
            json!({"datatype": "bit", "arraysize": "*"}),
            lists::<_, BooleanArray>(&rows_of(&flags)),
        ),
        ("n", json!({}), Arc::new((0..rows as i64).collect::<Int64Array>())),
        ("numbers", json!({}), lists::<_, Float64Array>(&rows_of(&numbers))),
        ("text", json!({"datatype": "char", "arraysize": "5"}), Arc::new(texts)),
        (
            "words",
            json!({"datatype": "char", "arraysize": "2x*"}),
            lists::<_, StringArray>(&rows_of(&words)),
        ),
    ])
}
