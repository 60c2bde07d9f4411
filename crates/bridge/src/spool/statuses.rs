//! The statuses of a job from a spool folder.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::done::{Account, Done};
use crate::outlet::StatusesInOrder;
use crate::spool::claim::Place;
use crate::spool::writes::Writes;
use crate::status::{JobStatus, Statuses};

/// Keeps what the next worker has to know, writes the final status into its folder, and sends all statuses on.
pub(super) struct SpoolStatuses<'a> {
    place: Place,
    account: Account,
    /// Whether the rows are being read.
    reads: AtomicBool,
    sent: StatusesInOrder,
    writes: &'a Writes,
    /// Cancelled when the job has to end here: then no file is waited for.
    end: &'a CancellationToken,
}

impl<'a> SpoolStatuses<'a> {
    pub(super) fn new(
        place: Place,
        account: Account,
        sent: StatusesInOrder,
        writes: &'a Writes,
        end: &'a CancellationToken,
    ) -> Self {
        Self { place, account, reads: AtomicBool::new(false), sent, writes, end }
    }

    /// The job is handed over. If its rows were being read, the attempt does not count.
    pub(super) async fn handed_over(&self) {
        let done = match self.reads.load(Ordering::Relaxed) {
            true => self.account.gives_rows_up(),
            false => self.account.so_far(),
        };
        if let Err(error) = self.keep(done).await {
            warn!("can't write that the job is handed over: {error}");
        }
    }

    async fn keep(&self, done: Done) -> io::Result<()> {
        let place = self.place.clone();
        self.writes.until_done(self.end, move || place.keep(&done)).await
    }
}

#[async_trait]
impl Statuses for SpoolStatuses<'_> {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        let text = serde_json::to_vec(status)?;
        if status.status.is_final() {
            let (place, written) = (self.place.clone(), text.clone());
            self.writes.until_done(self.end, move || place.ended(&written)).await?;
            return self.sent.send_final(text).await;
        }
        // If its rows broke off, the query is begun again.
        self.reads.store(false, Ordering::Relaxed);
        self.keep(self.account.published(status).0).await?;
        self.sent.send_beside(text);
        Ok(())
    }

    async fn reads_rows(&self, _status: &JobStatus) -> io::Result<()> {
        self.reads.store(true, Ordering::Relaxed);
        self.keep(self.account.reads_rows()).await
    }
}
