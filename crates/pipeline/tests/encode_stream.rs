//! Back-pressure, cancellation and failures of `encode_stream`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use futures::StreamExt;
use taploom_format::{
    EncoderPlugin, EncoderRegistry, EncoderSpec, Error, ErrorKind, Result, ResultSchema,
};
use taploom_pipeline::{BatchSource, Limits, RowSource, encode_stream};

fn spec(plugin: EncoderPlugin) -> EncoderSpec {
    EncoderRegistry::new([plugin]).unwrap().request(plugin.info().id).unwrap()
}

fn batch(rows: i64) -> RecordBatch {
    let a = Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
    RecordBatch::try_from_iter([("a", Arc::clone(&a)), ("b", a)]).unwrap()
}

/// A source without end that counts the batches it has been asked for.
fn endless(asked: Arc<AtomicU64>) -> impl RowSource + 'static {
    let batch = batch(1000);
    let schema = ResultSchema::derived(batch.schema());
    let batches = std::iter::repeat_with(move || {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(batch.clone())
    });
    BatchSource::new(schema, batches)
}

fn failing_after(batches: usize) -> impl RowSource + 'static {
    let batch = batch(1000);
    let schema = ResultSchema::derived(batch.schema());
    let rows = std::iter::repeat_n(batch, batches).map(Ok);
    let error = std::iter::once_with(|| Err(Error::new(ErrorKind::Source, "the database <died>")));
    BatchSource::new(schema, rows.chain(error))
}

async fn collect(
    source: impl RowSource + 'static,
    spec: EncoderSpec,
) -> (Vec<u8>, Option<Error>, Result<taploom_pipeline::Encoded>) {
    let mut body = encode_stream(source, spec, Limits::default());
    let (mut bytes, mut last) = (Vec::new(), None);
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(error) => last = Some(error),
        }
    }
    (bytes, last, body.outcome().await)
}

#[tokio::test]
async fn a_reader_that_stops_reading_stops_the_source() {
    let asked = Arc::new(AtomicU64::new(0));
    let limits = Limits { chunk_bytes: 1024, chunks: 2, ..Limits::default() };
    let mut body =
        encode_stream(endless(Arc::clone(&asked)), spec(taploom_format_csv::CSV_PLUGIN), limits);
    assert_eq!(body.next().await.unwrap().unwrap().len(), 1024);
    // However long one waits: three batches are under way at most, for some 8 KiB a batch.
    let mut before = 0;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let now = asked.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before <= 4, "{before} batches were asked for");
    drop(body);
    // The source is dropped with the last reference to the counter.
    while Arc::strong_count(&asked) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_failure_is_reported_by_the_document_or_by_the_stream() {
    let (bytes, error, outcome) =
        collect(failing_after(3), spec(taploom_format_votable::PLUGIN)).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("value=\"ERROR\">the database &lt;died&gt;</INFO>"), "{text}");
    assert!(text.ends_with("</VOTABLE>\n"));
    assert!(error.is_none());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Source);

    let (bytes, error, outcome) =
        collect(failing_after(3), spec(taploom_format_csv::CSV_PLUGIN)).await;
    assert!(!bytes.ends_with(b"\r\n"), "the last record is cut short");
    assert_eq!(error.unwrap().kind(), ErrorKind::Source);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Source);
}

#[tokio::test]
async fn a_failure_before_the_first_byte_is_never_an_empty_body() {
    use arrow_schema::{DataType, Field, Schema};
    let inner = Field::new("inner", DataType::Int64, true);
    let outer = Field::new("struct", DataType::Struct(vec![inner].into()), true);
    let schema = ResultSchema::derived(Arc::new(Schema::new(vec![outer])));
    let source = BatchSource::new(schema, std::iter::empty());
    let (bytes, error, _) = collect(source, spec(taploom_format_votable::PLUGIN)).await;
    assert!(bytes.is_empty());
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::UnsupportedColumn);
    assert!(error.to_string().contains("\"struct\""), "{error}");
}

#[test]
fn one_blocking_thread_is_enough() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let source = BatchSource::new(
            ResultSchema::derived(batch(1).schema()),
            std::iter::repeat_n(batch(1000), 3).map(Ok),
        );
        let body = collect(source, spec(taploom_format_csv::CSV_PLUGIN));
        let body = tokio::time::timeout(std::time::Duration::from_secs(60), body).await;
        assert_eq!(body.expect("it does not wait for itself").2.unwrap().summary.rows, 3000);
    });
}

#[tokio::test]
async fn a_panic_of_the_source_never_passes_for_the_end() {
    let batch = batch(1000);
    let schema = ResultSchema::derived(batch.schema());
    let rows = std::iter::once(Ok(batch)).chain(std::iter::once_with(|| panic!("a defect")));
    let source = BatchSource::new(schema, rows);
    let (_, error, outcome) = collect(source, spec(taploom_format_csv::CSV_PLUGIN)).await;
    assert!(error.is_some());
    assert!(outcome.is_err());
}

#[tokio::test]
async fn maxrec_overflows_where_rows_were_left_out_and_only_there() {
    for (rows, maxrec, expected, overflow) in
        [(3, 2, 2, true), (3, 3, 3, false), (3, 4, 3, false), (0, 0, 0, true), (3, 0, 0, true)]
    {
        let batch = batch(rows);
        let schema = ResultSchema::derived(batch.schema());
        // Rows in batches of one, with empty ones between.
        let batches: Vec<_> = (0..rows as usize)
            .flat_map(|row| [Ok(batch.slice(row, 1)), Ok(batch.slice(0, 0))])
            .collect();
        let source = BatchSource::new(schema, batches.into_iter());
        let limits = Limits { maxrec: Some(maxrec), ..Limits::default() };
        let mut body = encode_stream(source, spec(taploom_format_votable::PLUGIN), limits);
        let mut text = String::new();
        while let Some(chunk) = body.next().await {
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        let encoded = body.outcome().await.unwrap();
        assert_eq!(encoded.summary.rows, expected, "{rows} rows, MAXREC {maxrec}");
        assert_eq!(text.contains("OVERFLOW"), overflow, "{rows} rows, MAXREC {maxrec}");
    }
}
