//! Writes a source to a sink, on the calling thread.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, Completion, EncodeSummary, Encoder, EncoderSpec, Ending, Error, ErrorKind, Result,
    ResultSchema, RowSource, Step,
};

/// The outcome of a result that was written completely.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// `Complete` or `Overflow`.
    pub completion: Completion,
    /// What was written.
    pub summary: EncodeSummary,
    /// Notes of the source; see [`Ending::notes`].
    pub notes: Vec<String>,
}

/// Writes all rows of a source into a sink, in the format of `spec`.
///
/// `progress` is called after every batch with the number of rows written so far. One batch is held at a
/// time. The future awaits the source, and encodes and writes on the thread that polls it.
///
/// **Dropping the future stops it** at its next await: at the source, or once after every batch. The output
/// is then cut short, as after an error.
///
/// # Errors
/// The first error of the source, the encoder or the sink. If the source or a cell fails and the format can
/// report errors (VOTable), the document in the sink is well-formed and reports it; the error is returned
/// as well, and [`is_reported`](Error::is_reported) is `true`. In every other case the output is cut short.
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
    let result = StartedResult::start(spec, source.schema(), sink)?;
    write_all(source, OneResult { result, progress }).await
}

/// What takes the rows of a source.
pub(crate) trait RowWriter {
    /// Takes rows, and tells the progress.
    fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// Ends the result, all of whose rows were taken.
    fn finish(self, ending: Ending) -> Result<Encoded>;

    /// Ends a result that failed, and gives the error.
    fn fail(self, failure: Error) -> Error;
}

/// Gives all rows of a source to a writer, and ends it.
pub(crate) async fn write_all(
    source: &mut dyn RowSource,
    mut writer: impl RowWriter,
) -> Result<Encoded> {
    loop {
        let written = match source.next().await {
            Ok(Step::Rows(batch)) => writer.write(batch),
            Ok(Step::End(ending)) => return writer.finish(ending),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            return Err(writer.fail(error));
        }
        // Lets the caller drop this future even if the source is always ready.
        Pause::default().await;
    }
}

/// A result in one sink.
struct OneResult<'a> {
    result: StartedResult,
    progress: &'a mut (dyn FnMut(u64) + Send),
}

impl RowWriter for OneResult<'_> {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.result.write(&batch)?;
        (self.progress)(self.result.rows);
        Ok(())
    }

    fn finish(self, ending: Ending) -> Result<Encoded> {
        self.result.finish(ending)
    }

    fn fail(self, failure: Error) -> Error {
        self.result.fail(failure)
    }
}

/// A result whose encoder has started.
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

    /// Flushes the encoder: it writes all that it can write before more rows come.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.encoder.flush()
    }

    /// Bytes that the sink has taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.encoder.bytes()
    }

    /// Bytes that wait in temporary files for the end.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.encoder.stored_bytes()
    }

    pub(crate) fn finish(mut self, Ending { overflowed, notes, .. }: Ending) -> Result<Encoded> {
        // A cell of the last blocks, which other threads encode, may be wrong. The document can only report that
        // before its end is written.
        if let Err(failure) = self.encoder.drain() {
            return Err(self.fail(failure));
        }
        let completion = if overflowed { Completion::Overflow } else { Completion::Complete };
        let summary = self.encoder.finish(completion.clone())?;
        Ok(Encoded { completion, summary, notes })
    }

    /// Ends a result that failed, and returns the error, marked as reported if the document reports it.
    pub(crate) fn fail(self, failure: Error) -> Error {
        // After an error of the sink its bytes may have gaps, which a trailer can't repair.
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

/// A future that is pending at its first poll and ready at its second.
#[derive(Default)]
struct Pause {
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
