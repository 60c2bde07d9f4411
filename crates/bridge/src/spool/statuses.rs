//! The statuses of a job from a spool folder.

use std::io;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::channels::{StatusChannel, blocking};
use crate::done::{Account, Done};
use crate::spool::folders::Place;
use crate::status::{JobStatus, Statuses};

/// Where the statuses of a worker go.
pub(super) struct Outlet {
    channel: StatusChannel,
    /// Cancelled when nobody reads standard output any more: no job could end then.
    closed: CancellationToken,
}

impl Outlet {
    pub(super) fn new(channel: StatusChannel) -> Self {
        Self { channel, closed: CancellationToken::new() }
    }

    /// Sends a status that is JSON already.
    pub(super) async fn send(&self, status: Vec<u8>, is_final: bool) -> io::Result<()> {
        let sent = self.channel.send(status, is_final).await;
        sent.map_err(|error| match self.channel {
            StatusChannel::Lines => {
                if error.kind() == io::ErrorKind::BrokenPipe {
                    self.closed.cancel();
                }
                io::Error::new(error.kind(), format!("a status on standard output: {error}"))
            }
            StatusChannel::Posts(_) => error,
        })
    }

    /// Waits until nobody reads standard output any more.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

/// Keeps what the next worker has to know, writes the final status into its folder, and sends all statuses on.
pub(super) struct SpoolStatuses<'a> {
    place: Place,
    account: Account,
    /// Whether the rows are being read.
    reads: AtomicBool,
    outlet: &'a Outlet,
}

impl<'a> SpoolStatuses<'a> {
    pub(super) fn new(place: Place, account: Account, outlet: &'a Outlet) -> Self {
        Self { place, account, reads: AtomicBool::new(false), outlet }
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
        let text = serde_json::to_vec(status)?;
        if status.status.is_final() {
            let (place, written) = (self.place.clone(), text.clone());
            blocking(move || place.ended(&written)).await?;
            return self.outlet.send(text, true).await;
        }
        // If its rows broke off, the query is begun again.
        self.reads.store(false, Ordering::Relaxed);
        self.keep(self.account.published(status).0).await?;
        // A job must not wait because its progress can't be sent.
        if let Err(error) = self.outlet.send(text, false).await {
            warn!(job = status.job_id, "{error}");
        }
        Ok(())
    }

    async fn reads_rows(&self, _status: &JobStatus) -> io::Result<()> {
        self.reads.store(true, Ordering::Relaxed);
        self.keep(self.account.reads_rows()).await
    }
}
