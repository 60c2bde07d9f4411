//! Where the statuses of jobs go if there is no Kafka.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, warn};

use crate::channels::StatusChannel;
use crate::lock::lock;
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
        StatusesInOrder { outlet: self.clone(), newest: Arc::default(), task: Mutex::default() }
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
    newest: Arc<Mutex<Newest>>,
    /// The task that sends statuses which are not final, if there was one.
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// The newest status that is not final.
#[derive(Debug, Default)]
struct Newest {
    waits: Option<Vec<u8>>,
    /// Whether a task is there that will take it.
    is_sent: bool,
}

impl StatusesInOrder {
    /// Sends a status that is not final, and does not wait for that.
    pub(crate) fn send_beside(&self, status: Vec<u8>) {
        let mut newest = lock(&self.newest);
        newest.waits = Some(status);
        if !newest.is_sent {
            newest.is_sent = true;
            let sent = send_newest(self.outlet.clone(), Arc::clone(&self.newest));
            let task = tokio::spawn(sent.in_current_span());
            *lock(&self.task) = Some(AbortOnDropHandle::new(task));
        }
    }

    /// Sends the final status.
    pub(crate) async fn send_final(&self, status: Vec<u8>) -> io::Result<()> {
        let before = lock(&self.task).take();
        if let Some(task) = before
            && timeout(PATIENCE, task).await.is_err()
        {
            warn!("a status that is not final was not taken in time");
        }
        self.outlet.send(status, true).await
    }
}

/// Sends statuses until none waits. Nothing is kept of a status that was sent, since a job may run for hours after it.
async fn send_newest(outlet: Outlet, newest: Arc<Mutex<Newest>>) {
    let next = || {
        let mut newest = lock(&newest);
        newest.is_sent = newest.waits.is_some();
        newest.waits.take()
    };
    while let Some(status) = next() {
        if let Err(error) = outlet.send(status, false).await {
            warn!("{error}");
        }
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
