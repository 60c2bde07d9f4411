//! Tables for the tests, and the format's output for them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a test that fails panics, and each test program uses a part"
)]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, RecordBatch};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::Field;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use taploom_format::{
    ColumnMetadata, Completion, EncodeContext, EncodeSummary, EncoderRegistry, Options, Result,
    ResultSchema,
};
use taploom_testkit::SharedSink;

/// A column with its FIELD, as JSON.
pub(crate) type Column = (&'static str, Value, ArrayRef);

/// A batch of columns, each nullable, and its schema.
pub(crate) fn table(columns: &[Column]) -> (RecordBatch, ResultSchema) {
    let arrays = columns.iter().map(|(name, _, array)| (*name, Arc::clone(array), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
    let metadata =
        columns.iter().map(|(_, field, _)| serde_json::from_value(field.clone()).unwrap());
    let metadata: Vec<ColumnMetadata> = metadata.collect();
    let schema = ResultSchema::new(batch.schema(), metadata).unwrap();
    (batch, schema)
}

/// Encodes batches; `options` are `name=value`.
pub(crate) fn encode_with(
    schema: &ResultSchema,
    batches: &[RecordBatch],
    options: &[&str],
    context: &EncodeContext,
) -> Result<(String, EncodeSummary)> {
    let mut given = Options::default();
    for option in options {
        let (name, value) = option.split_once('=').unwrap();
        given.set(name, value)?;
    }
    let sink = SharedSink::default();
    let plugin = taploom_format_votable::PLUGIN;
    let mut encoder = plugin.start(&given, schema, context, Box::new(sink.clone()))?;
    for batch in batches {
        encoder.write_batch(batch)?;
    }
    let summary = encoder.finish(Completion::Complete)?;
    assert_eq!(summary.total_bytes, sink.bytes().len() as u64);
    Ok((String::from_utf8(sink.bytes()).unwrap(), summary))
}

/// Encodes columns as one batch.
pub(crate) fn encode(columns: &[Column], options: &[&str]) -> Result<(String, EncodeSummary)> {
    let (batch, schema) = table(columns);
    encode_with(&schema, &[batch], options, &EncodeContext::default())
}

/// A registry with only this format.
pub(crate) fn registry() -> EncoderRegistry {
    EncoderRegistry::new([taploom_format_votable::PLUGIN]).unwrap()
}

/// The text between two tags.
pub(crate) fn between<'a>(document: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = document.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

/// The base64 of a document.
pub(crate) fn stream(document: &str) -> &str {
    between(document, "<STREAM encoding=\"base64\">", "</STREAM>")
}

/// The bytes of a document, in hexadecimal digits.
pub(crate) fn hex(document: &str) -> String {
    let bytes = STANDARD.decode(stream(document)).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lists of elements, any of them null.
pub(crate) fn lists<T: Clone, A: Array + From<Vec<Option<T>>> + 'static>(
    rows: &[Option<&[Option<T>]>],
) -> ArrayRef {
    let elements: Vec<Option<T>> = rows.iter().flatten().flat_map(|row| row.to_vec()).collect();
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.map_or(0, <[_]>::len)));
    let nulls = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let values = A::from(elements);
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Arc::new(ListArray::new(item, offsets, Arc::new(values), Some(nulls)))
}
