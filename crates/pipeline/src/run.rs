//! A source through an encoder into a sink, on the thread of the caller.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, Completion, EncodeSummary, Encoder, EncoderSpec, Ending, Error, ErrorKind, Result,
    ResultSchema, RowSource, Step,
};

/// A result that was written to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// `Complete` or `Overflow`.
    pub completion: Completion,
    /// What was written.
    pub summary: EncodeSummary,
    /// What the source noted; see [`Ending::notes`].
    pub notes: Vec<String>,
}

/// Writes all rows of a source into a sink, in the format of `spec`.
///
/// `progress` is told after every batch how many rows were written so far. One batch is held at a
/// time. The source is awaited; encoding and writing happen on the same thread between two batches.
///
/// **Dropping the future stops it** wherever it waits: at the source, and once after every batch.
/// The output is then cut short, as it is after an error.
///
/// # Errors
/// The first error of the source, the encoder or the sink. If the source or a cell fails and the format
/// can report that (VOTable), the document in the sink is well-formed and says so. The error is returned
/// all the same, and [`is_reported`](Error::is_reported). In every other case the output is cut short.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_format::{Completion, EncoderRegistry, ResultSchema};
/// use taploom_pipeline::{BatchSource, run};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = BatchSource::new(schema, vec![Ok(batch)].into_iter());
///
/// let registry = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN])?;
/// let spec = registry.request("csv")?;
/// let sink = Box::new(std::io::sink());
/// let encoded = futures::executor::block_on(run(&mut source, &spec, sink, &mut |_| ()))?;
/// assert_eq!(encoded.completion, Completion::Complete);
/// assert_eq!(encoded.summary.rows, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn run(
    source: &mut dyn RowSource,
    spec: &EncoderSpec,
    sink: ByteSink,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Encoded> {
    let mut result = StartedResult::start(spec, source.schema(), sink)?;
    loop {
        match source.next().await {
            Ok(Step::Rows(batch)) => {
                if let Err(error) = result.write(&batch) {
                    return Err(result.fail(error));
                }
                progress(result.rows);
            }
            Ok(Step::End(ending)) => return result.finish(ending),
            Err(error) => return Err(result.fail(error)),
        }
        // A source that is always ready must not keep its caller from dropping this future.
        Pause::default().await;
    }
}

/// A result whose encoder was started, and what may happen to it.
pub(crate) struct StartedResult {
    encoder: Encoder,
    pub(crate) rows: u64,
}

impl StartedResult {
    /// Starts the encoder, which writes its header.
    pub(crate) fn start(spec: &EncoderSpec, schema: &ResultSchema, sink: ByteSink) -> Result<Self> {
        Ok(Self { encoder: spec.start(schema, sink)?, rows: 0 })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.encoder.write_batch(batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Hands on what the encoder can hand on before it has more rows.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.encoder.flush()
    }

    /// Bytes that the sink has taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.encoder.bytes()
    }

    pub(crate) fn finish(self, Ending { overflowed, notes, .. }: Ending) -> Result<Encoded> {
        let completion = if overflowed { Completion::Overflow } else { Completion::Complete };
        let summary = self.encoder.finish(completion.clone())?;
        Ok(Encoded { completion, summary, notes })
    }

    /// Ends a result that failed, and gives the error. If the document could report it, the error is
    /// marked so.
    pub(crate) fn fail(self, failure: Error) -> Error {
        // If the sink failed, its bytes may have holes, and no trailer mends them.
        if matches!(failure.kind(), ErrorKind::Sink | ErrorKind::Cancelled) {
            return failure;
        }
        // The message leaves out the causes, which may name hosts and files.
        match self.encoder.finish(Completion::Failed { message: failure.to_string() }) {
            Ok(_) => failure.reported(),
            Err(_) => failure,
        }
    }
}

/// A future that is ready when it is polled for the second time.
#[derive(Default)]
pub(crate) struct Pause {
    was_polled: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.was_polled {
            return Poll::Ready(());
        }
        self.was_polled = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
