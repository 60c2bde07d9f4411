//! The status messages of one job, and what they tell other workers.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use tracing::warn;

use crate::status::{JobStatus, Statuses};
use crate::worker::execution_id::ExecutionId;
use crate::worker::history::Done;
use crate::worker::partitions::Place;
use crate::worker::publisher::Publisher;
use crate::worker::retries::handed_over;

/// Publishes the status messages of one job.
pub(super) struct JobStatuses<'a> {
    publisher: &'a Publisher,
    place: &'a Place,
    /// What was done for the job.
    done: Mutex<Done>,
    /// The time that other workers have used.
    used_before: u64,
    since: Instant,
    /// The query in the database, for requests to stop it.
    execution_id: ExecutionId,
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
        let execution_id = ExecutionId::new(done.execution_id.clone());
        let (used_before, since) = (done.used, Instant::now());
        let (done, reading) = (Mutex::new(done), Mutex::default());
        Self { publisher, place, done, used_before, since, execution_id, reading }
    }

    /// The query in the database, once its id was published.
    pub(super) fn execution_id(&self) -> ExecutionId {
        self.execution_id.clone()
    }

    /// The job is handed over. If its rows were being read, this says that they are to be read from the beginning, and that
    /// the attempt does not count: not the job has ended it.
    pub(super) async fn handed_over(&self) {
        let Some(Reading { status, _busy }) = self.reading().take() else { return };
        if self.place.hand_over.lost.is_cancelled() {
            return;
        }
        let done = {
            let mut done = self.done();
            done.reads = done.reads.saturating_sub(1);
            done.clone()
        };
        if let Err(error) = self.publisher.send(self.place, &status, Some(&done)).await {
            warn!(job = status.job_id, "can't publish that the job is handed over: {error}");
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Statuses for JobStatuses<'_> {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        if status.status.is_final() {
            return self.publisher.finish(self.place, Some(status.clone())).await;
        }
        self.execution_id.set(status.execution_id.as_deref());
        let (done, is_news) = {
            let mut done = self.done();
            let is_news = done.execution_id != status.execution_id;
            done.execution_id.clone_from(&status.execution_id);
            let used = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            done.used = self.used_before.saturating_add(used);
            (done.clone(), is_news)
        };
        if is_news {
            return self.publisher.keep(self.place, status.clone(), &done).await;
        }
        // A job must not wait because its progress can't be published.
        if let Err(error) = self.publisher.try_keep(self.place, status, &done).await {
            warn!(job = status.job_id, "can't publish a status: {error}");
        }
        Ok(())
    }

    /// The time that the query has taken stays as it was: what follows does not count.
    async fn reads_rows(&self, status: &JobStatus) -> io::Result<()> {
        let _busy = self.publisher.busy(self.place).ok_or_else(handed_over)?;
        let done = {
            let mut done = self.done();
            done.reads += 1;
            done.execution_id = None;
            done.clone()
        };
        *self.reading() = Some(Reading { status: status.clone(), _busy });
        self.publisher.keep(self.place, status.clone(), &done).await
    }
}
