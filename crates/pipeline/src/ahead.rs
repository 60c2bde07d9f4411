//! A source that works while its reader does.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use taploom_format::{Error, ErrorKind, Result, ResultSchema};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use taploom_model::RowSource;

/// A source that is read on a thread of its own, one batch ahead of its reader: one batch is being
/// made and one waits. Dropping it ends the query behind it.
pub struct Ahead {
    schema: ResultSchema,
    rows_hint: Option<u64>,
    batches: mpsc::Receiver<Step>,
    overflowed: bool,
    notes: Vec<String>,
}

enum Step {
    Batch(RecordBatch),
    Failed(Error),
    End { overflowed: bool, notes: Vec<String> },
}

impl Ahead {
    /// Starts to read `source`, whose futures run on `runtime`.
    pub fn start(mut source: impl RowSource + 'static, runtime: &Handle) -> Self {
        let (sender, batches) = mpsc::channel(1);
        let (schema, rows_hint) = (source.schema().clone(), source.rows_hint());
        let handle = runtime.clone();
        // Not one of the runtime's blocking threads: whoever reads may hold the last of them.
        let refused = sender.clone();
        let thread = std::thread::Builder::new().name("source".to_owned());
        let started = thread.spawn(move || {
            handle.block_on(async {
                loop {
                    // A reader that leaves must not wait for a slow query.
                    let next = tokio::select! {
                        next = source.next_batch() => next,
                        () = sender.closed() => return,
                    };
                    let step = match next {
                        Ok(Some(batch)) => Step::Batch(batch),
                        Ok(None) => {
                            Step::End { overflowed: source.overflowed(), notes: source.notes() }
                        }
                        Err(error) => Step::Failed(error),
                    };
                    let last = !matches!(step, Step::Batch(_));
                    if sender.send(step).await.is_err() || last {
                        return;
                    }
                }
            });
        });
        if let Err(error) = started {
            let error = Error::new(ErrorKind::Source, "can't start a thread for the source")
                .with_source(error);
            // The channel is new, so there is room.
            let _ = refused.try_send(Step::Failed(error));
        }
        Self { schema, rows_hint, batches, overflowed: false, notes: Vec::new() }
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
            Some(Step::End { overflowed, notes }) => {
                self.overflowed = overflowed;
                self.notes = notes;
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

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
