//! Where the statuses of jobs go if there is no Kafka.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, warn};

use crate::channels::StatusChannel;
use crate::status::{JobStatus, Statuses};

/// How long the final status of a job waits for those before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the statuses of all jobs go. Clones are the same place.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    channel: StatusChannel,
    /// Cancelled when nobody reads standard output any more: no job could end then.
    closed: CancellationToken,
}

impl Outlet {
    pub(crate) fn new(channel: StatusChannel) -> Self {
        Self { channel, closed: CancellationToken::new() }
    }

    /// The statuses of one job on their way to this place.
    pub(crate) fn of_job(&self) -> StatusesInOrder {
        StatusesInOrder { outlet: self.clone(), beside: Mutex::default() }
    }

    /// Sends a status that is JSON already.
    pub(crate) async fn send(&self, status: Vec<u8>, is_final: bool) -> io::Result<()> {
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
    #[cfg(feature = "worker")]
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

/// Sends the statuses of one job to a [channel](StatusChannel), in order.
///
/// A status that is not final does not hold up the job: it is sent beside the work, and while it is on its way, the newest of
/// those after it waits and replaces the others. The job goes on if it can't be sent. The final status comes after all of
/// these, but waits no longer than five seconds for them.
#[derive(Debug)]
pub struct StatusesInOrder {
    outlet: Outlet,
    beside: Mutex<Option<Beside>>,
}

/// Sends statuses that are not final.
#[derive(Debug)]
struct Beside {
    newest: watch::Sender<Vec<u8>>,
    /// Ends when `newest` is dropped and was sent.
    task: AbortOnDropHandle<()>,
}

impl Beside {
    fn begin(outlet: Outlet, first: Vec<u8>) -> Self {
        let (newest, mut statuses) = watch::channel(first);
        statuses.mark_changed();
        let send = async move {
            while statuses.changed().await.is_ok() {
                let status = statuses.borrow_and_update().to_vec();
                if let Err(error) = outlet.send(status, false).await {
                    warn!("{error}");
                }
            }
        };
        Self { newest, task: AbortOnDropHandle::new(tokio::spawn(send.in_current_span())) }
    }
}

impl StatusesInOrder {
    /// Sends a status that is not final, and does not wait for that.
    pub(crate) fn send_beside(&self, status: Vec<u8>) {
        let mut beside = self.beside();
        match &*beside {
            Some(Beside { newest, .. }) => drop(newest.send_replace(status)),
            None => *beside = Some(Beside::begin(self.outlet.clone(), status)),
        }
    }

    /// Sends the final status.
    pub(crate) async fn send_final(&self, status: Vec<u8>) -> io::Result<()> {
        let before = self.beside().take();
        if let Some(Beside { newest, task }) = before {
            drop(newest);
            if timeout(PATIENCE, task).await.is_err() {
                warn!("a status that is not final was not taken in time, and is given up");
            }
        }
        self.outlet.send(status, true).await
    }

    fn beside(&self) -> MutexGuard<'_, Option<Beside>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Statuses for StatusesInOrder {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        let text = serde_json::to_vec(status)?;
        if status.status.is_final() {
            return self.send_final(text).await;
        }
        self.send_beside(text);
        Ok(())
    }
}
