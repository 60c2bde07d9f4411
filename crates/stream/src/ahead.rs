//! A source that works while its reader does.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use taploom_encoder::{Error, ErrorKind, Result, ResultSchema};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::source::RowSource;

/// A source that is read on a blocking thread of a tokio runtime, one batch ahead of its reader: one
/// batch is being made and one waits. Dropping it ends the query behind it.
pub struct Ahead {
    schema: ResultSchema,
    rows_hint: Option<u64>,
    batches: mpsc::Receiver<Step>,
    overflowed: bool,
}

enum Step {
    Batch(RecordBatch),
    Failed(Error),
    End { overflowed: bool },
}

impl Ahead {
    /// Starts to read `source`.
    pub fn start(mut source: impl RowSource + 'static, runtime: &Handle) -> Self {
        let (sender, batches) = mpsc::channel(1);
        let (schema, rows_hint) = (source.schema().clone(), source.rows_hint());
        let handle = runtime.clone();
        runtime.spawn_blocking(move || {
            handle.block_on(async {
                loop {
                    // A reader that leaves must not wait for a slow query.
                    let next = tokio::select! {
                        next = source.next_batch() => next,
                        () = sender.closed() => return,
                    };
                    let step = match next {
                        Ok(Some(batch)) => Step::Batch(batch),
                        Ok(None) => Step::End { overflowed: source.overflowed() },
                        Err(error) => Step::Failed(error),
                    };
                    let last = !matches!(step, Step::Batch(_));
                    if sender.send(step).await.is_err() || last {
                        return;
                    }
                }
            });
        });
        Self { schema, rows_hint, batches, overflowed: false }
    }
}

#[async_trait]
impl RowSource for Ahead {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match self.batches.recv().await {
            Some(Step::Batch(batch)) => Ok(Some(batch)),
            Some(Step::End { overflowed }) => {
                self.overflowed = overflowed;
                Ok(None)
            }
            Some(Step::Failed(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Source, "the thread of the source ended early")),
        }
    }

    fn overflowed(&self) -> bool {
        self.overflowed
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }
}
