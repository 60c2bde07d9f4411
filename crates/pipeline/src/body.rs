//! A result as a stream of bytes: the body of an HTTP response.
//!
//! # The problem
//! A service that sends a result wants four things that pull in different directions:
//!
//! - **A status line that is true.** A result that can't be written at all (a column that the format does
//!   not hold) has to become an error response. After the first byte of the body it is too late.
//! - **Bytes as soon as there are some.** A query may give a row every few seconds. An encoder that fills
//!   blocks of hundreds of kilobytes would keep them for minutes, while the client's time-out runs.
//! - **An end to work that nobody wants.** Most slow queries are abandoned by their users. A connection
//!   that closes has to end the query, even while the query gives no rows.
//! - **Bounded memory.** A client on a slow line must not make the service hold the result.
//!
//! And encoders are synchronous. They compute, and their sink blocks, and neither may happen on a thread
//! of an asynchronous runtime.
//!
//! # The idea
//! Two threads and two channels. Each side of a channel notices when the other side is gone, and stopping
//! needs nothing more:
//!
//! ```text
//!  thread "source"         blocking thread of the runtime                        the service's task
//! ┌───────────────┐ Step  ┌───────────────────────────────────────────┐ Message ┌──────────────────┐
//! │ RowSource     ├──▷1──▷│ Encoder: convert, plug-in ──▷ ChannelSink ├──▷ 4 ──▷│ Chunks: a Stream │
//! │ (+ Transform) │       │ waits for: a step, 250 ms, a reader gone  │         │ Outcome: a future│
//! └───────────────┘       └───────────────────────────────────────────┘         └──────────────────┘
//!   one batch in            one batch that is encoded, and what the                four chunks of
//!   the making,             format holds (Encoder::buffered_bytes)                 64 KiB, and one
//!   one that waits                                                                 that fills
//! ```
//!
//! [`body`] returns a [`Body`] only after the encoder has started. Until then the sink keeps the header in
//! memory, because nobody reads yet and the header may be larger than the channel. The header is sent as
//! soon as the encoder has started.
//!
//! The encoder's thread waits for three events at a time. When rows arrive, it encodes them. When the
//! oldest row in the encoder has waited for [`flush_after`](BodyOptions::flush_after), it flushes the
//! encoder. When the reader is gone, it stops and drops the encoder and the source.
//!
//! A result that fails after its first byte ends the stream with an error, so that the service aborts the
//! connection, and no client mistakes the part for the whole result. The exception is a document that
//! reports the failure itself (VOTable). Its stream ends well-formed, and [`Outcome`] has the error.
//!
//! # The figures
//! Measured by `tests/pipeline/stopping.rs` and `timing.rs` of this crate: a source that never answers is
//! dropped at most 100 ms after the body, and typically within 1 ms. The header of a CSV arrives before its
//! first row is known. A single row arrives 250 ms after the source has given it, plus the time for
//! encoding it.
//!
//! # The limits
//! - Code that blocks its thread can't be stopped from outside. A source that is inside a system call or a
//!   long computation is dropped when that returns. Nothing else waits for it: the encoder, its buffers
//!   and its scratch files are freed within 100 ms all the same, and only the source and its thread
//!   remain. SQLite interrupts its query from another thread, so it is not affected.
//! - Text formats keep back the last cell of the last record until another one comes, so that a result that
//!   is cut short never ends with a whole record. BINARY2 keeps back one or two bytes, because base64
//!   encodes groups of three.
//! - A format that writes at its end (Parquet up to a row group, FITS up to its row count) has nothing to
//!   hand on before.
//! - Each body occupies a thread of the runtime's blocking pool while it is sent. The pool has 512 threads by
//!   default; when all of them are occupied, [`body`] waits until one is free.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use taploom_format::{EncoderSpec, Result, RowSource};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::ahead::Ahead;
use crate::channel_sink::{ChannelSink, Gate, Message};
use crate::drive::drive;
use crate::run::{Encoded, StartedResult};
use crate::spawn::thread_ended;

/// How a body is cut into chunks, and when they leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyOptions {
    /// The size of a chunk in bytes. 64 KiB.
    pub chunk_bytes: usize,
    /// The number of chunks that may wait for the reader. 4.
    pub chunks: usize,
    /// How long a row may wait in the encoder for others to fill a chunk. 250 ms.
    pub flush_after: Duration,
    /// Whether the stream ends with an error after every failure, even if the document reports it. `false`.
    ///
    /// A person reads the report in the document. A store that keeps the result has to refuse it.
    pub always_break: bool,
}

impl Default for BodyOptions {
    fn default() -> Self {
        Self {
            chunk_bytes: 64 << 10,
            chunks: 4,
            flush_after: Duration::from_millis(250),
            always_break: false,
        }
    }
}

impl BodyOptions {
    /// Sets the size of a chunk in bytes.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes;
        self
    }

    /// Sets the number of chunks that may wait for the reader.
    #[must_use]
    pub fn with_chunks(mut self, chunks: usize) -> Self {
        self.chunks = chunks;
        self
    }

    /// Sets how long a row may wait in the encoder.
    #[must_use]
    pub fn with_flush_after(mut self, time: Duration) -> Self {
        self.flush_after = time;
        self
    }

    /// Sets whether the stream ends with an error after every failure.
    #[must_use]
    pub fn with_always_break(mut self, always_break: bool) -> Self {
        self.always_break = always_break;
        self
    }
}

/// Starts to encode a source, and returns the bytes as a stream.
///
/// The encoder runs on a blocking thread of the current tokio runtime, and the source on a separate thread.
/// Neither the encoder nor a slow reader ever blocks a thread that runs tasks. The [module's
/// essay](mod@crate::body) says how, what is held in memory, and what can't be stopped.
///
/// A limit on the rows is a [`MaxRec`](crate::MaxRec) around the source.
///
/// # Errors
/// What [`EncoderSpec::start`] refuses, for example a column that the format can't hold. Nothing has been
/// sent by then, so a service can still answer with an error.
///
/// # Panics
/// Outside a tokio runtime.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use futures::StreamExt;
/// use taploom_format::{Completion, EncoderRegistry, ResultSchema};
/// use taploom_pipeline::{BatchSource, BodyOptions, body};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let spec = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN])?.request("csv")?;
///
/// tokio::runtime::Runtime::new()?.block_on(async {
///     let (mut chunks, outcome) = body(source, spec, BodyOptions::default()).await?.split();
///     let mut text = Vec::new();
///     while let Some(chunk) = chunks.next().await {
///         text.extend_from_slice(&chunk?);
///     }
///     assert_eq!(text, b"id\r\n1\r\n2\r\n3\r\n");
///     assert_eq!(outcome.await?.completion, Completion::Complete);
///     Ok::<(), taploom_format::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn body(
    source: impl RowSource + 'static,
    spec: EncoderSpec,
    options: BodyOptions,
) -> Result<Body> {
    let (sender, messages) = mpsc::channel(options.chunks.max(1));
    let (starter, start) = oneshot::channel();
    let (reporter, report) = oneshot::channel();
    let (canceller, cancelled) = oneshot::channel();
    let runtime = Handle::current();
    runtime.clone().spawn_blocking(move || {
        let gate = Gate::default();
        let sink = ChannelSink::new(sender.clone(), options.chunk_bytes, gate.clone());
        let result = match StartedResult::start(&spec, source.schema(), Box::new(sink)) {
            Ok(result) => result,
            Err(error) => {
                // The caller may have gone away.
                let _ = starter.send(Err(error));
                return;
            }
        };
        if starter.send(Ok(())).is_err() {
            return;
        }
        gate.open();
        let source = Ahead::start(source, &runtime);
        let abandoned = abandoned(&sender, cancelled);
        let encoded = drive(source, result, Some(options.flush_after), abandoned);
        let last = match &encoded {
            Err(error) if options.always_break || !error.is_reported() => {
                Message::Failed(error.clone())
            }
            _ => Message::End,
        };
        // Reported before the last message is sent, so that the outcome is ready when the stream ends. Both
        // readers may be gone by now.
        let _ = reporter.send(encoded);
        let _ = sender.blocking_send(last);
    });
    start.await.unwrap_or_else(|_| Err(thread_ended()))?;
    Ok(Body {
        chunks: Chunks { messages, is_over: false },
        outcome: Outcome { report, canceller: Some(canceller) },
    })
}

/// Completes when the chunks are dropped or the outcome is told to cancel.
async fn abandoned(sender: &mpsc::Sender<Message>, cancelled: oneshot::Receiver<()>) {
    let cancelled = async {
        // An outcome that was dropped cancels nothing.
        if cancelled.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = sender.closed() => (),
        () = cancelled => (),
    }
}

/// A result that is being sent: a [`Stream`] of its bytes, and a future that tells how it ended.
///
/// Dropping it stops the encoder and the source.
#[derive(Debug)]
pub struct Body {
    chunks: Chunks,
    outcome: Outcome,
}

impl Body {
    /// Separates the bytes from the outcome, for a service that hands the bytes to its HTTP server.
    pub fn split(self) -> (Chunks, Outcome) {
        (self.chunks, self.outcome)
    }

    /// How the result ended. Call it after the stream has ended: it drops all bytes that were not read.
    ///
    /// # Errors
    /// As [`Outcome`].
    pub async fn outcome(self) -> Result<Encoded> {
        drop(self.chunks);
        self.outcome.await
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.chunks).poll_next(context)
    }
}

/// The bytes of a [`Body`]. Dropping them stops the encoder and the source.
///
/// The stream ends with an error if the result failed, unless the document reports the failure itself
/// (VOTable) and [`always_break`](BodyOptions::always_break) is `false`.
#[derive(Debug)]
pub struct Chunks {
    messages: mpsc::Receiver<Message>,
    is_over: bool,
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let message = std::task::ready!(self.messages.poll_recv(context));
        let item = match message {
            Some(Message::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
            Some(Message::End) => None,
            Some(Message::Failed(error)) => Some(Err(error)),
            None => Some(Err(thread_ended())),
        };
        self.is_over = true;
        Poll::Ready(item)
    }
}

/// How a [`Body`] ended: a future that completes when the stream ends or is dropped.
///
/// It gives [`Encoded`], or the error of the source, the encoder or the sink. If the reader left, that is
/// [`ErrorKind::Cancelled`](taploom_format::ErrorKind::Cancelled). Dropping the outcome stops nothing.
#[derive(Debug)]
#[must_use = "it says whether the result is whole"]
pub struct Outcome {
    report: oneshot::Receiver<Result<Encoded>>,
    canceller: Option<oneshot::Sender<()>>,
}

impl Outcome {
    /// Stops the encoder and the source, even if the chunks were handed to other code. Their stream ends
    /// with [`ErrorKind::Cancelled`](taploom_format::ErrorKind::Cancelled), and so does the outcome, unless
    /// the result had ended before.
    pub fn cancel(&mut self) {
        if let Some(canceller) = self.canceller.take() {
            // The receiver is gone if the result has ended.
            let _ = canceller.send(());
        }
    }
}

impl Future for Outcome {
    type Output = Result<Encoded>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let report = std::task::ready!(Pin::new(&mut self.report).poll(context));
        Poll::Ready(report.unwrap_or_else(|_| Err(thread_ended())))
    }
}
