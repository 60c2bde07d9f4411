//! Source to a stream of bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use taploom_format::{EncoderSpec, Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::ahead::Ahead;
use crate::channel_sink::ChannelSink;
use crate::encode::{Encoded, encode};
use crate::max_rec::MaxRec;
use taploom_model::RowSource;

/// How much may be under way at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows at most; `None` for all.
    pub maxrec: Option<u64>,
    /// Bytes of a chunk. 64 KiB.
    pub chunk_bytes: usize,
    /// Chunks that wait for the reader. 4.
    pub chunks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { maxrec: None, chunk_bytes: 64 << 10, chunks: 4 }
    }
}

/// The bytes of a result, as they are encoded. Dropping it stops the encoder and the source.
///
/// It ends with an error where the result failed, unless the document itself reports the failure
/// (VOTable): then the body ends well-formed, and [`outcome`](Self::outcome) has the error.
pub struct EncodeStream {
    chunks: mpsc::Receiver<Result<Bytes>>,
    report: oneshot::Receiver<Result<Encoded>>,
    outcome: Option<Result<Encoded>>,
}

impl EncodeStream {
    /// How the result ended: to be asked once the stream has.
    ///
    /// # Errors
    /// The error of the source, the encoder or the sink.
    pub async fn outcome(self) -> Result<Encoded> {
        drop(self.chunks);
        match self.outcome {
            Some(outcome) => outcome,
            None => self.report.await.unwrap_or_else(|_| Err(ended_without_a_word())),
        }
    }
}

/// A thread that panicked: a defect, and no reason to take what it wrote for a whole file.
fn ended_without_a_word() -> Error {
    Error::new(ErrorKind::Internal, "the encoder's thread ended without a word")
}

impl Stream for EncodeStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.chunks.poll_recv(context));
        if next.is_some() || self.outcome.is_some() {
            return Poll::Ready(next);
        }
        // The thread reports before it lets go of its end of the channel.
        match self.report.try_recv() {
            Ok(outcome) => {
                self.outcome = Some(outcome);
                Poll::Ready(None)
            }
            Err(_) => {
                self.outcome = Some(Err(ended_without_a_word()));
                Poll::Ready(Some(Err(ended_without_a_word())))
            }
        }
    }
}

/// Encodes a source on a blocking thread of the current tokio runtime, and asks the source for batches
/// on a thread of its own, so that the two overlap.
///
/// Neither CPU work nor a slow reader ever blocks a thread of the runtime.
///
/// # Panics
/// Outside a tokio runtime.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use futures::StreamExt;
/// use taploom_format::{Completion, EncoderRegistry, ResultSchema};
/// use taploom_pipeline::{BatchSource, Limits, encode_stream};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let spec = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN])?.request("csv")?;
///
/// tokio::runtime::Runtime::new()?.block_on(async {
///     let limits = Limits { maxrec: Some(2), ..Limits::default() };
///     let mut body = encode_stream(source, spec, limits);
///     let mut text = Vec::new();
///     while let Some(chunk) = body.next().await {
///         text.extend_from_slice(&chunk?);
///     }
///     assert_eq!(text, b"id\r\n1\r\n2\r\n");
///     assert_eq!(body.outcome().await?.completion, Completion::Overflow);
///     Ok::<(), taploom_format::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode_stream(
    source: impl RowSource + 'static,
    spec: EncoderSpec,
    limits: Limits,
) -> EncodeStream {
    let (sender, chunks) = mpsc::channel(limits.chunks.max(1));
    let (reporter, report) = oneshot::channel();
    let runtime = Handle::current();
    runtime.clone().spawn_blocking(move || {
        let limit = limits.maxrec.unwrap_or(u64::MAX);
        let mut source = Ahead::start(MaxRec::new(source, limit), &runtime);
        let sink = Box::new(ChannelSink::new(sender.clone(), limits.chunk_bytes));
        // Not the runtime's own block_on: the sink blocks, which that does not allow.
        let encoded = futures::executor::block_on(encode(&mut source, &spec, sink, &mut |_| ()));
        if let Err(error) = &encoded
            && !error.is_reported()
        {
            // The reader may be gone, which is one of the errors.
            let _ = sender.blocking_send(Err(error.clone()));
        }
        let _ = reporter.send(encoded);
        drop(sender);
    });
    EncodeStream { chunks, report, outcome: None }
}
