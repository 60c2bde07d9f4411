//! The null values that BINARY needs.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, FixedSizeListArray, UInt8Array};
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;
use taploom_format::{EncodeContext, Envelope, ResultSchema};

use crate::support::{between, encode_with, hex, table};

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
