//! Columns, options and cells that are refused.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array};
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;
use taploom_format::{EncodeContext, ErrorKind, Options, ResultSchema, TableMetadata};
use taploom_testkit::SharedSink;

use super::SERIALIZATIONS;

use crate::support::{Column, encode_with, lists, table};

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
