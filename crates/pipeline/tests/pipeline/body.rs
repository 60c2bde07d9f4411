//! Bodies: errors before the first byte, and failures after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use futures::StreamExt;
use taploom_format::{
    Completion, EncoderPlugin, EncoderRegistry, EncoderSpec, Error, ErrorKind, Result,
    ResultSchema, RowSource,
};
use taploom_format_csv::CSV_PLUGIN;
use taploom_format_votable::PLUGIN as VOTABLE_PLUGIN;
use taploom_pipeline::{BatchSource, Body, BodyOptions, Encoded, MaxRec, Transformed, body};
use tokio::time::timeout;

/// A time-out that only a defect exceeds.
pub(super) const FOR_EVER: Duration = Duration::from_secs(60);

pub(super) fn spec(plugin: EncoderPlugin) -> EncoderSpec {
    EncoderRegistry::new([plugin]).unwrap().request(plugin.info().id).unwrap()
}

pub(super) fn batch(rows: i64) -> RecordBatch {
    let a = Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
    RecordBatch::try_from_iter([("a", Arc::clone(&a)), ("b", a)]).unwrap()
}

/// An endless source that counts the batches it was asked for.
pub(super) fn endless(asked: Arc<AtomicU64>) -> impl RowSource + 'static {
    let batch = batch(1000);
    let schema = ResultSchema::derived(batch.schema());
    let batches = std::iter::repeat_with(move || {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(batch.clone())
    });
    BatchSource::new(schema, batches)
}

pub(super) fn failing_after(batches: usize) -> impl RowSource + 'static {
    let batch = batch(1000);
    let schema = ResultSchema::derived(batch.schema());
    let rows = std::iter::repeat_n(batch, batches).map(Ok);
    let error = std::iter::once_with(|| Err(Error::new(ErrorKind::Source, "the database <died>")));
    BatchSource::new(schema, rows.chain(error))
}

pub(super) async fn start(source: impl RowSource + 'static, plugin: EncoderPlugin) -> Body {
    body(source, spec(plugin), BodyOptions::default()).await.unwrap()
}

pub(super) async fn collect(
    source: impl RowSource + 'static,
    plugin: EncoderPlugin,
) -> (Vec<u8>, Option<Error>, Result<Encoded>) {
    read(start(source, plugin).await).await
}

pub(super) async fn read(mut body: Body) -> (Vec<u8>, Option<Error>, Result<Encoded>) {
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
async fn a_failure_is_reported_by_the_document_or_by_the_stream() {
    let (bytes, error, outcome) = collect(failing_after(3), VOTABLE_PLUGIN).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("value=\"ERROR\">the database &lt;died&gt;</INFO>"), "{text}");
    assert!(text.ends_with("</VOTABLE>\n"));
    assert!(error.is_none());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Source);

    let (bytes, error, outcome) = collect(failing_after(3), CSV_PLUGIN).await;
    assert!(!bytes.ends_with(b"\r\n"), "the last record is cut short");
    assert_eq!(error.unwrap().kind(), ErrorKind::Source);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Source);
}

#[tokio::test]
async fn a_store_can_ask_for_an_error_after_every_failure() {
    let options = BodyOptions::default().with_always_break(true);
    let body = body(failing_after(3), spec(VOTABLE_PLUGIN), options).await.unwrap();
    let (bytes, error, outcome) = read(body).await;
    assert!(bytes.ends_with(b"</VOTABLE>\n"));
    assert_eq!(error.unwrap().kind(), ErrorKind::Source);
    assert!(outcome.unwrap_err().is_reported());
}

#[tokio::test]
async fn what_can_not_be_written_is_known_before_there_is_a_body() {
    use arrow_schema::{DataType, Field, Schema};
    let inner = Field::new("inner", DataType::Int64, true);
    let outer = Field::new("struct", DataType::Struct(vec![inner].into()), true);
    let schema = ResultSchema::derived(Arc::new(Schema::new(vec![outer])));
    let source = BatchSource::new(schema, std::iter::empty());
    let refused = body(source, spec(VOTABLE_PLUGIN), BodyOptions::default()).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedColumn);
    assert!(error.to_string().contains("\"struct\""), "{error}");
}

#[tokio::test]
async fn a_header_may_be_larger_than_all_chunks_together() {
    let options = BodyOptions::default().with_chunk_bytes(16).with_chunks(1);
    let source = BatchSource::new(ResultSchema::derived(batch(1).schema()), std::iter::empty());
    let body = timeout(FOR_EVER, body(source, spec(VOTABLE_PLUGIN), options)).await;
    let (bytes, error, outcome) = read(body.unwrap().unwrap()).await;
    assert!(bytes.ends_with(b"</VOTABLE>\n") && error.is_none());
    assert_eq!(outcome.unwrap().summary.total_bytes, bytes.len() as u64);
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
        let body = timeout(FOR_EVER, collect(source, CSV_PLUGIN)).await;
        assert_eq!(body.expect("the runtime's only thread was free").2.unwrap().summary.rows, 3000);
    });
}

#[tokio::test]
async fn a_panic_of_the_source_never_passes_for_the_end() {
    let batch = batch(1000);
    let schema = ResultSchema::derived(batch.schema());
    let rows = std::iter::once(Ok(batch)).chain(std::iter::once_with(|| panic!("a defect")));
    let source = BatchSource::new(schema, rows);
    let (_, error, outcome) = collect(source, CSV_PLUGIN).await;
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
        let limit = MaxRec::new(source.schema(), maxrec);
        let (bytes, error, outcome) =
            collect(Transformed::new(source, limit), VOTABLE_PLUGIN).await;
        assert!(error.is_none());
        let (text, encoded) = (String::from_utf8(bytes).unwrap(), outcome.unwrap());
        let completion = if overflow { Completion::Overflow } else { Completion::Complete };
        assert_eq!(encoded.completion, completion);
        assert_eq!(encoded.summary.rows, expected, "{rows} rows, MAXREC {maxrec}");
        assert_eq!(text.contains("OVERFLOW"), overflow, "{rows} rows, MAXREC {maxrec}");
    }
}
