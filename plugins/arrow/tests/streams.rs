//! The conformance suite, and further tests of streams, read by `arrow-ipc`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use arrow_schema::Schema;
use arrow_select::concat::concat_batches;
use serde_json::json;
use taploom_arrow_metadata::described;
use taploom_format::{
    CanonicalRows, Column, Completion, EncodeContext, Options, Resources, ResultSchema,
    TableMetadata,
};
use taploom_format_arrow::PLUGIN;
use taploom_testkit::{Decoded, KeptMetadata, Oracle, SharedSink, Subject, run};

struct ArrowIpc;

impl Oracle for ArrowIpc {
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String> {
        let said = |error: taploom_format::Error| error.to_string();
        let batches = read(bytes)?;
        let fields = batches.0.fields().iter();
        let described = described(&batches.0).ok_or("the schema has no metadata of ours")?;
        let names = fields.map(|field| field.name().clone()).collect();
        let rows = concat_batches(&batches.0, &batches.1).map_err(|error| error.to_string())?;
        // Columns whose types VOTable lacks are compared in their canonical types.
        let known = schema.columns().iter().map(Column::resolved).collect();
        let written = ResultSchema::new(rows.schema(), known).map_err(said)?;
        let rows = CanonicalRows::new(&written).and_then(|mut canonical| canonical.convert(&rows));
        let rows = rows.map_err(said)?;
        Ok(Decoded::new(names, rows).with_metadata(described.columns, described.table))
    }

    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        schema.unique_names()
    }
}

fn read(bytes: &[u8]) -> Result<(Arc<Schema>, Vec<RecordBatch>), String> {
    let reader = StreamReader::try_new(bytes, None).map_err(|error| error.to_string())?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    Ok((schema, batches))
}

#[test]
fn the_conformance_suite() {
    let mut oracle = ArrowIpc;
    run(&mut Subject::new(PLUGIN, &mut oracle).keeping(KeptMetadata::ALL)).assert_passed();
}

fn encode(
    schema: &ResultSchema,
    batch: &RecordBatch,
    context: &EncodeContext,
    compression: &str,
) -> Vec<u8> {
    let mut options = Options::default();
    options.set("compression", compression).unwrap();
    let sink = SharedSink::default();
    let mut encoder = PLUGIN.start(&options, schema, context, Box::new(sink.clone())).unwrap();
    encoder.write_batch(batch).unwrap();
    assert!(encoder.buffered_bytes() <= context.resources.memory_budget / 2);
    encoder.finish(Completion::Complete).unwrap();
    sink.bytes()
}

#[test]
fn lists_and_metadata_are_there() {
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.5), None]),
        None,
        Some(vec![]),
    ]);
    let batch = RecordBatch::try_from_iter([("flux", Arc::new(lists) as ArrayRef)]).unwrap();
    let columns = json!([{"unit": "Jy", "arraysize": "*", "description": "Brightness"}]);
    let table: TableMetadata = serde_json::from_value(json!({
        "name": "spectra",
        "resource": {"timesys": [{"ID": "t", "timescale": "UTC", "refposition": "TOPOCENTER"}]}
    }))
    .unwrap();
    let schema = ResultSchema::new(batch.schema(), serde_json::from_value(columns).unwrap());
    let schema = schema.unwrap().with_table(table);
    for compression in ["none", "lz4", "zstd"] {
        let bytes = encode(&schema, &batch, &EncodeContext::default(), compression);
        let (read_schema, batches) = read(&bytes).unwrap();
        assert_eq!(batches[0].column(0), batch.column(0), "{compression}");
        let keys: HashMap<_, _> = read_schema.field(0).metadata().iter().collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert_eq!(read_schema.field(0).metadata()["vo:datatype"], "double");
        assert_eq!(read_schema.field(0).metadata()["vo:description"], "Brightness");
        assert_eq!(
            read_schema.metadata()["vo:table"],
            concat!(
                r#"{"name":"spectra","resource":{"timesys":"#,
                r#"[{"ID":"t","refposition":"TOPOCENTER","timescale":"UTC"}]}}"#
            )
        );
    }
}

#[test]
fn batches_are_as_large_as_memory_allows() {
    let texts: StringArray = (0..40_000).map(|row| Some(format!("{row:0100}"))).collect();
    let ids: Int64Array = (0..40_000).collect();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(ids) as ArrayRef),
        ("text", Arc::new(texts) as ArrayRef),
    ])
    .unwrap();
    let schema = ResultSchema::derived(batch.schema());
    let context = EncodeContext::from(Resources::default().with_memory_budget(1 << 20));
    let (_, batches) = read(&encode(&schema, &batch, &context, "none")).unwrap();
    // 128 KiB of rows that have 112 bytes.
    assert_eq!(batches[0].num_rows(), (128 << 10) / 112);
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 40_000);
    let context = EncodeContext::from(Resources::default().with_memory_budget(64 << 20));
    let (_, batches) = read(&encode(&schema, &batch, &context, "none")).unwrap();
    assert_eq!(batches.len(), 1);
    let last = batches[0].column(0).as_primitive::<arrow_array::types::Int64Type>().value(39_999);
    assert_eq!(last, 39_999);
}

#[test]
fn threads_make_the_same_bytes() {
    let texts: StringArray = (0..50_000).map(|row| Some(format!("{row:0100}"))).collect();
    let batch = RecordBatch::try_from_iter([("text", Arc::new(texts) as ArrayRef)]).unwrap();
    let schema = ResultSchema::derived(batch.schema());
    let with = |threads| EncodeContext::from(Resources::default().with_threads(threads));
    for compression in ["none", "lz4", "zstd"] {
        let bytes = encode(&schema, &batch, &with(1), compression);
        assert_eq!(read(&bytes).unwrap().1.len(), 2, "more than one message");
        for threads in [2, 3] {
            assert!(encode(&schema, &batch, &with(threads), compression) == bytes, "{compression}");
        }
    }
}

#[test]
fn a_row_larger_than_a_batch_is_a_batch() {
    let large = "x".repeat(2 << 20);
    let texts = StringArray::from(vec!["a", &large, "b", "c"]);
    let batch = RecordBatch::try_from_iter([("text", Arc::new(texts) as ArrayRef)]).unwrap();
    let schema = ResultSchema::derived(batch.schema());
    let context = EncodeContext::from(Resources::default().with_memory_budget(4 << 20));
    let (_, batches) = read(&encode(&schema, &batch, &context, "lz4")).unwrap();
    let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [1, 1, 2]);
}
