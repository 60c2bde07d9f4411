//! Source to encoder, on the thread of the caller.

use taploom_format::{
    ByteSink, Completion, EncodeSummary, EncoderSpec, Ending, Error, ErrorKind, Result, RowSource,
    Step,
};

/// A result that was written to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// `Complete` or `Overflow`.
    pub completion: Completion,
    /// What was written.
    pub summary: EncodeSummary,
    /// What the source noted; see [`Ending::notes`].
    pub notes: Vec<String>,
}

/// Encodes all rows of a source into a sink.
///
/// `progress` is told after every batch how many rows were encoded so far. One batch is held at a
/// time. What the source does between batches is awaited, encoding and writing happen in between on
/// the same thread.
///
/// # Errors
/// The error of the source, the encoder or the sink, whichever is first. Where it is the source's
/// and the format can report it (VOTable), the document in the sink is complete and says so; the
/// error is returned all the same, and [`is_reported`](Error::is_reported). Else the output is cut
/// short.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_format::{Completion, EncoderRegistry, ResultSchema};
/// use taploom_pipeline::{BatchSource, encode};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = BatchSource::new(schema, vec![Ok(batch)].into_iter());
///
/// let registry = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN])?;
/// let spec = registry.request("csv")?;
/// let sink = Box::new(std::io::sink());
/// let encoded = futures::executor::block_on(encode(&mut source, &spec, sink, &mut |_| ()))?;
/// assert_eq!(encoded.completion, Completion::Complete);
/// assert_eq!(encoded.summary.rows, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn encode(
    source: &mut dyn RowSource,
    spec: &EncoderSpec,
    sink: ByteSink,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Encoded> {
    let mut encoder = spec.start(source.schema(), sink)?;
    let mut rows = 0;
    let failure: Error = loop {
        match source.next().await {
            Ok(Step::End(Ending { overflowed, notes, .. })) => {
                let completion =
                    if overflowed { Completion::Overflow } else { Completion::Complete };
                let summary = encoder.finish(completion.clone())?;
                return Ok(Encoded { completion, summary, notes });
            }
            Ok(Step::Rows(batch)) => {
                rows += batch.num_rows() as u64;
                if let Err(error) = encoder.write_batch(&batch) {
                    break error;
                }
                progress(rows);
            }
            Err(error) => break error,
        }
    };
    // Where the sink itself failed, what it has may have holes, and no trailer mends them.
    if matches!(failure.kind(), ErrorKind::Sink | ErrorKind::Cancelled) {
        return Err(failure);
    }
    // Without the causes: they speak of hosts and files that are not the reader's business.
    match encoder.finish(Completion::Failed { message: failure.to_string() }) {
        Ok(_) => Err(failure.reported()),
        // The first error is the one that matters.
        Err(_) => Err(failure),
    }
}
