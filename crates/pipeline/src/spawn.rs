//! Writes a source to a sink on threads that may block.

use std::pin::Pin;
use std::task::{Context, Poll};

use taploom_format::{ByteSink, EncoderSpec, Error, ErrorKind, Result, RowSource};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::ahead::Ahead;
use crate::drive::drive;
use crate::run::{Encoded, StartedResult};

/// Like [`run`](crate::run()), but on threads that may block: the encoder runs on a blocking thread of the
/// current tokio runtime, and the source on a separate thread, one batch [`Ahead`].
///
/// The work begins at once. Dropping the [`Running`] stops it; the [essay on bodies](mod@crate::body) says
/// what can be stopped and how soon.
///
/// # Panics
/// Outside a tokio runtime.
///
/// ```
/// # use std::sync::Arc;
/// # use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// # use taploom_format::{EncoderRegistry, ResultSchema};
/// use taploom_pipeline::{BatchSource, spawn};
///
/// # let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// # let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// # let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let spec = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN])?.request("csv")?;
/// tokio::runtime::Runtime::new()?.block_on(async {
///     let encoded = spawn(source, spec, Box::new(std::io::sink())).await?;
///     assert_eq!(encoded.summary.rows, 3);
///     Ok::<(), taploom_format::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spawn(source: impl RowSource + 'static, spec: EncoderSpec, sink: ByteSink) -> Running {
    let (mut reporter, report) = oneshot::channel();
    let runtime = Handle::current();
    runtime.clone().spawn_blocking(move || {
        let encoded = StartedResult::start(&spec, source.schema(), sink).and_then(|result| {
            drive(Ahead::start(source, &runtime), result, None, reporter.closed())
        });
        // The receiver is gone if nobody waits for the result any more.
        let _ = reporter.send(encoded);
    });
    Running { report }
}

/// A result that is being encoded. Awaiting it tells how the result ended; dropping it stops the encoder
/// and the source.
#[derive(Debug)]
#[must_use = "dropping it stops the encoder and the source"]
pub struct Running {
    report: oneshot::Receiver<Result<Encoded>>,
}

impl Future for Running {
    type Output = Result<Encoded>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let report = std::task::ready!(Pin::new(&mut self.report).poll(context));
        Poll::Ready(report.unwrap_or_else(|_| Err(thread_ended())))
    }
}

/// The error of a thread that panicked.
pub(crate) fn thread_ended() -> Error {
    Error::new(ErrorKind::Internal, "the thread of the encoder ended without reporting how")
}
