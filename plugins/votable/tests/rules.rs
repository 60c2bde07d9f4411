//! Checks refusals, counted losses, and that the output does not depend on blocks and batches.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod support;

use std::io;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, UInt8Array,
};
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;
use taploom_format::{
    Completion, EncodeContext, Envelope, ErrorKind, Options, ResultSchema, TableMetadata,
};
use taploom_testkit::SharedSink;

use self::support::{Column, between, encode, encode_with, hex, lists, registry, table};

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
fn a_cell_that_has_no_place_is_named() {
    let ints = |cells: [Option<i32>; 2]| Arc::new(Int32Array::from(cells.to_vec())) as ArrayRef;
    let bits = Arc::new(BooleanArray::from(vec![Some(true), None])) as ArrayRef;
    let int_lists = lists::<_, Int32Array>(&[Some(&[Some(1)]), Some(&[Some(2), None])]);
    let bit_lists = lists::<_, BooleanArray>(&[Some(&[Some(true)]), Some(&[None])]);
    let no_bits = lists::<_, BooleanArray>(&[Some(&[Some(true)]), None]);
    let rare = lists::<_, Int32Array>(&[Some(&[Some(1)]), Some(&[Some(2), Some(i32::MIN)])]);
    for (serializations, field, array, expected) in [
        (
            &SERIALIZATIONS[..],
            json!({"datatype": "bit", "arraysize": "*"}),
            bit_lists,
            "a bit of the array is null, and VOTable has no null bits; declare the datatype boolean",
        ),
        (
            &[SERIALIZATIONS[0], SERIALIZATIONS[2]],
            json!({}),
            int_lists,
            "an element of the array is null, and the column has no null value; give one as \"null\" \
             in the metadata of the column",
        ),
        (
            &SERIALIZATIONS[1..2],
            json!({}),
            ints([Some(1), Some(i32::MIN)]),
            "-2147483648 is the null value of the column in BINARY; give another one as \"null\" in the \
             metadata of the column, or write BINARY2",
        ),
        (
            &SERIALIZATIONS[1..2],
            json!({}),
            rare,
            "-2147483648 is the null value of the column in BINARY; give another one as \"null\" in the \
             metadata of the column, or write BINARY2",
        ),
        (
            &SERIALIZATIONS[1..2],
            json!({"datatype": "bit"}),
            bits,
            "BINARY has no null for bits; declare the datatype boolean, or write BINARY2",
        ),
        (
            &SERIALIZATIONS[1..2],
            json!({"datatype": "bit", "arraysize": "1"}),
            no_bits,
            "BINARY has no null for bits; declare the datatype boolean, or write BINARY2",
        ),
    ] {
        for serialization in serializations {
            let column: [Column; 1] = [("x", field.clone(), Arc::clone(&array))];
            let (batch, schema) = table(&column);
            // The row counts from the beginning of the result, whichever batch it is in.
            for batches in [vec![batch.clone()], vec![batch.slice(0, 1), batch.slice(1, 1)]] {
                let context = EncodeContext::default();
                let error = encode_with(&schema, &batches, &[serialization], &context).unwrap_err();
                let expected = format!("format votable, column \"x\", row 2: {expected}");
                assert_eq!(error.to_string(), expected, "{serialization}");
                assert_eq!(error.kind(), ErrorKind::InvalidValue);
            }
        }
    }
}

#[test]
fn binary_chooses_null_values_where_they_are_needed() {
    let nullable = |name, data_type| Field::new(name, data_type, true);
    let items = |nullable| Arc::new(Field::new_list_field(DataType::Int16, nullable));
    let arrow = Arc::new(Schema::new(vec![
        nullable("byte", DataType::UInt8),
        nullable("short", DataType::Int16),
        nullable("int", DataType::Int32),
        nullable("long", DataType::Int64),
        nullable("given", DataType::Int64),
        Field::new("never null", DataType::Int64, false),
        nullable("double", DataType::Float64),
        nullable("text", DataType::Utf8),
        nullable("any length", DataType::List(items(false))),
        nullable("null elements", DataType::List(items(true))),
        nullable("fixed length", DataType::FixedSizeList(items(false), 2)),
    ]));
    let metadata = arrow.fields().iter().map(|field| {
        let null = (field.name() == "given").then_some("-1");
        serde_json::from_value(json!({ "null": (null) })).unwrap()
    });
    let schema = ResultSchema::new(Arc::clone(&arrow), metadata.collect()).unwrap();
    let nulls = |options: &[&str]| -> Vec<String> {
        let context = EncodeContext::default();
        let (document, _) = encode_with(&schema, &[], options, &context).unwrap();
        let fields = document.lines().filter(|line| line.starts_with("<FIELD"));
        let with_null = fields.filter(|line| line.contains("<VALUES null="));
        with_null
            .map(|line| {
                let name = between(line, "name=\"", "\"");
                format!("{name}: {}", between(line, "null=\"", "\""))
            })
            .collect()
    };
    let given = ["given: -1"];
    assert_eq!(nulls(&["serialization=binary2"]), given);
    assert_eq!(nulls(&["serialization=tabledata"]), given);
    assert_eq!(
        nulls(&["serialization=binary"]),
        [
            "byte: 255",
            "short: -32768",
            "int: -2147483648",
            "long: -9223372036854775808",
            "given: -1",
            "null elements: -32768",
            "fixed length: -32768",
        ]
    );
}

#[test]
fn binary_in_an_envelope_chooses_no_null_values() {
    let envelope = Envelope {
        header: "<VOTABLE>".to_owned(),
        footer: "</VOTABLE>".to_owned(),
        footer_overflow: "</VOTABLE>".to_owned(),
    };
    let context = EncodeContext::default().with_envelope(envelope);
    let options = ["serialization=binary"];
    let lists = || {
        let rows = [Some([Some(1)]), None];
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(rows, 1))
    };
    for array in [Arc::new(UInt8Array::from(vec![Some(255), None])) as ArrayRef, lists()] {
        let (batch, schema) = table(&[("x", json!({}), Arc::clone(&array))]);
        let error =
            encode_with(&schema, std::slice::from_ref(&batch), &options, &context).unwrap_err();
        assert_eq!(
            error.to_string(),
            "format votable, column \"x\", row 2: BINARY has no null flags, and the column \
             has no null value; give one as \"null\" in the metadata of the column, or write BINARY2"
        );
        let (_, schema) = table(&[("x", json!({"null": "7"}), array)]);
        let (document, _) = encode_with(&schema, &[batch], &options, &context).unwrap();
        assert!(document.starts_with("<VOTABLE><DATA><BINARY>"), "{document}");
        assert!(hex(&document).ends_with("07"));
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

#[test]
fn what_can_be_refused_is_refused_before_the_first_byte() {
    let nothing = |data_type| Field::new("x", data_type, true);
    let timesys = json!({"resource": {"timesys": [{"ID": "t", "timescale": "UTC", "refposition": "UNKNOWN"}]}});
    for (field, array, table, options, expected) in [
        (
            json!({"datatype": "char", "arraysize": "20000000"}),
            nothing(DataType::Utf8),
            json!({}),
            &SERIALIZATIONS[..2],
            "format votable, column \"x\": char of arraysize 20000000 takes 20000000 bytes per cell; the limit is \
             16777216; declare 20000000* instead",
        ),
        (
            json!({"datatype": "char", "arraysize": "20000000x*"}),
            nothing(DataType::new_list(DataType::Utf8, true)),
            json!({}),
            &SERIALIZATIONS[..2],
            "format votable, column \"x\": char of arraysize 20000000x* takes 20000000 bytes per cell; the limit is \
             16777216; declare shorter strings",
        ),
        (
            json!({}),
            nothing(DataType::Int32),
            timesys,
            &["version=1.3"],
            "format votable: VOTable 1.3 has no TIMESYS; write version 1.4",
        ),
        (
            json!({}),
            nothing(DataType::Int32),
            json!({}),
            &["version=1.6"],
            "format votable: option version can't be \"1.6\"; known: 1.3, 1.4, 1.5",
        ),
        (
            json!({}),
            nothing(DataType::Int32),
            json!({}),
            &["line_length=-1"],
            "format votable: option line_length can't be \"-1\"; it takes a whole number",
        ),
    ] {
        let table: TableMetadata = serde_json::from_value(table).unwrap();
        let field = serde_json::from_value(field).unwrap();
        let schema = ResultSchema::new(Arc::new(Schema::new(vec![array])), vec![field]);
        let schema = schema.unwrap().with_table(table);
        for option in options {
            let (name, value) = option.split_once('=').unwrap();
            let mut given = Options::default();
            given.set(name, value).unwrap();
            let sink = SharedSink::default();
            let context = EncodeContext::default();
            let plugin = taploom_format_votable::PLUGIN;
            let started = plugin.start(&given, &schema, &context, Box::new(sink.clone()));
            let error = started.err().unwrap_or_else(|| panic!("{option} is taken"));
            assert_eq!(error.to_string(), expected);
            assert!(sink.bytes().is_empty());
        }
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
