//! Reads a source one batch ahead of its reader.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use taploom_format::{Error, ErrorKind, Result, ResultSchema, RowSource, Step};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Reads a source on a separate thread, one batch ahead of its reader. At most two batches exist at a time:
/// one that the source is producing, and one that waits for the reader.
///
/// **Dropping it** drops the source, which ends its query. A source whose future is pending is dropped at
/// once. A source that blocks its thread is dropped when its call returns. `drop` does not wait for that;
/// [`close`](Self::close) does.
#[derive(Debug)]
pub struct Ahead {
    schema: ResultSchema,
    rows_hint: Option<u64>,
    steps: mpsc::Receiver<Result<Step>>,
    /// Closed once the source is dropped.
    dropped: Mutex<std::sync::mpsc::Receiver<Infallible>>,
}

impl Ahead {
    /// Starts to read `source`. Its futures run on `runtime`, for timers and sockets.
    pub fn start(mut source: impl RowSource + 'static, runtime: &Handle) -> Self {
        let (sender, steps) = mpsc::channel(1);
        let (schema, rows_hint) = (source.schema().clone(), source.rows_hint());
        let handle = runtime.clone();
        let refused = sender.clone();
        let (not_dropped, dropped) = std::sync::mpsc::channel();
        // A separate thread instead of one of the runtime's blocking threads: the encoder that reads this
        // source may occupy the last one of them.
        let thread = std::thread::Builder::new().name("source".to_owned());
        let started = thread.spawn(move || {
            handle.block_on(async {
                loop {
                    // A slow query must not keep this thread after the reader has gone.
                    let step = tokio::select! {
                        step = source.next() => step,
                        () = sender.closed() => return,
                    };
                    let is_last = !matches!(step, Ok(Step::Rows(_)));
                    if sender.send(step).await.is_err() || is_last {
                        return;
                    }
                }
            });
            drop(source);
            drop(not_dropped);
        });
        if let Err(error) = started {
            let error = Error::new(ErrorKind::Source, "can't start a thread for the source")
                .with_source(error);
            // The channel is new and empty, so the error fits.
            let _ = refused.try_send(Err(error));
        }
        Self { schema, rows_hint, steps, dropped: Mutex::new(dropped) }
    }

    /// Drops the source, and waits until it has ended its query, but no longer than `limit`. Call it before the program
    /// exits: that stops the thread of the source before it has ended the query.
    pub fn close(self, limit: Duration) {
        let Self { steps, dropped, .. } = self;
        drop(steps);
        // Nothing is ever sent, so the only other outcome is that the time is out.
        let _ = dropped.into_inner().map(|dropped| dropped.recv_timeout(limit));
    }
}

#[async_trait]
impl RowSource for Ahead {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        let ended_early = || Error::new(ErrorKind::Source, "the thread of the source ended early");
        self.steps.recv().await.unwrap_or_else(|| Err(ended_early()))
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }
}
