//! The status messages of one job, and what they tell other workers.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tracing::warn;

use crate::done::{Account, Done, ExecutionId};
use crate::lock::lock;
use crate::status::{JobStatus, Statuses};
use crate::worker::partitions::Place;
use crate::worker::publisher::Publisher;
use crate::worker::retries::handed_over;

/// Publishes the status messages of one job.
pub(super) struct JobStatuses<'a> {
    publisher: &'a Publisher,
    place: &'a Place,
    account: Account,
    /// Set while rows are read.
    reading: Mutex<Option<Reading>>,
}

/// The rows of the job are being read.
struct Reading {
    /// The status that says so.
    status: JobStatus,
    /// A rebalance waits until this is dropped.
    _busy: Arc<()>,
}

impl<'a> JobStatuses<'a> {
    pub(super) fn new(publisher: &'a Publisher, place: &'a Place, done: Done) -> Self {
        let (account, reading) = (Account::new(done), Mutex::default());
        Self { publisher, place, account, reading }
    }

    /// The query in the database, once its id was published.
    pub(super) fn execution_id(&self) -> ExecutionId {
        self.account.execution_id()
    }

    /// The job is handed over. If its rows were being read, this says that they are to be read from the beginning, and that
    /// the attempt does not count: not the job has ended it.
    pub(super) async fn handed_over(&self) {
        let Some(Reading { status, _busy }) = self.reading().take() else { return };
        if self.place.hand_over.lost.is_cancelled() {
            return;
        }
        let done = self.account.gives_rows_up();
        if let Err(error) = self.publisher.send(self.place, &status, Some(&done)).await {
            warn!(job = status.job_id, "can't publish that the job is handed over: {error}");
        }
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        lock(&self.reading)
    }
}

#[async_trait]
impl Statuses for JobStatuses<'_> {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        if status.status.is_final() {
            return self.publisher.finish(self.place, Some(status.clone())).await;
        }
        // If its rows broke off, the query is begun again, and a rebalance need not wait for it.
        *self.reading() = None;
        let (done, is_news) = self.account.published(status);
        if is_news {
            return self.publisher.keep(self.place, status.clone(), &done).await;
        }
        // A job must not wait because its progress can't be published.
        if let Err(error) = self.publisher.try_keep(self.place, status, &done).await {
            warn!(job = status.job_id, "can't publish a status: {error}");
        }
        Ok(())
    }

    async fn reads_rows(&self, status: &JobStatus) -> io::Result<()> {
        let _busy = self.publisher.busy(self.place).ok_or_else(handed_over)?;
        let done = self.account.reads_rows();
        *self.reading() = Some(Reading { status: status.clone(), _busy });
        self.publisher.keep(self.place, status.clone(), &done).await
    }
}
