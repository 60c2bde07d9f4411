//! The statuses of a job from a spool folder.

use std::io;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tracing::warn;

use crate::channels::{StatusChannel, blocking};
use crate::done::{Account, Done};
use crate::spool::folders::Place;
use crate::status::{JobStatus, Statuses};

/// Keeps what the next worker has to know, writes the final status into its folder, and sends all statuses on.
pub(super) struct SpoolStatuses<'a> {
    place: Place,
    account: Account,
    /// Whether the rows are being read.
    reads: AtomicBool,
    channel: &'a StatusChannel,
}

impl<'a> SpoolStatuses<'a> {
    pub(super) fn new(place: Place, account: Account, channel: &'a StatusChannel) -> Self {
        Self { place, account, reads: AtomicBool::new(false), channel }
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
        blocking(move || place.keep(&done)).await
    }
}

#[async_trait]
impl Statuses for SpoolStatuses<'_> {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        if status.status.is_final() {
            let (place, text) = (self.place.clone(), serde_json::to_vec(status)?);
            blocking(move || place.ended(&text)).await?;
            return self.channel.publish(status).await;
        }
        // If its rows broke off, the query is begun again.
        self.reads.store(false, Ordering::Relaxed);
        self.keep(self.account.published(status).0).await?;
        // A job must not wait because its progress can't be sent.
        if let Err(error) = self.channel.publish(status).await {
            warn!(job = status.job_id, "{error}");
        }
        Ok(())
    }

    async fn reads_rows(&self, _status: &JobStatus) -> io::Result<()> {
        self.reads.store(true, Ordering::Relaxed);
        self.keep(self.account.reads_rows()).await
    }
}
