//! Bounds the jobs that read rows at the same time, and keeps long ones from delaying short ones.
//!
//! A query that runs in the database needs no place. A job takes one in the short lane when its rows can be read, and
//! its encoder's budget from a common semaphore. A job that reads for longer than `long_after` moves to the long lane as
//! soon as that has room, so that up to `long` slow jobs can run without delaying the rest. Result sizes are not known in
//! advance, so a job can't be sorted before it reads.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use taploom_jobs::{Gate, Pass};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use crate::config::JobsConfig;
use crate::metrics::{Counted, Metrics};

/// The places for jobs that read rows, and the memory of their encoders.
pub(crate) struct Lanes {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
    /// The number of places in the short and in the long lane.
    places: (usize, usize),
    /// The number of jobs for which the memory is enough.
    most: usize,
    long_after: Duration,
    /// The memory of all encoders; a permit is a KiB.
    memory: Arc<Semaphore>,
    /// The memory of one encoder, in bytes.
    budget: usize,
    metrics: Metrics,
}

/// The place of a job, and its memory.
struct Room {
    /// Holds the place.
    _lane: AbortOnDropHandle<()>,
    _memory: Option<OwnedSemaphorePermit>,
    _counted: Counted,
}

impl Lanes {
    /// `budget` is the memory of one encoder, in bytes.
    pub(crate) fn new(jobs: &JobsConfig, budget: usize, metrics: &Metrics) -> Self {
        Self {
            short: Arc::new(Semaphore::new(jobs.short)),
            long: Arc::new(Semaphore::new(jobs.long)),
            places: (jobs.short, jobs.long),
            most: (jobs.memory() / (budget as u64).max(1)).try_into().unwrap_or(usize::MAX),
            long_after: jobs.long_after(),
            memory: Arc::new(Semaphore::new(kib(jobs.memory()) as usize)),
            budget,
            metrics: metrics.clone(),
        }
    }

    /// Number of jobs that can read rows now, including those that read already: the short lane, and the places of the long
    /// lane that are taken. A free place of the long lane is only for a job that has read for long.
    pub(crate) fn open(&self) -> usize {
        let (short, long) = self.places;
        let taken = long.saturating_sub(self.long.available_permits());
        (short + taken).min(self.most).max(1)
    }
}

#[async_trait]
impl Gate for Lanes {
    async fn pass(&self) -> Pass {
        // No semaphore is ever closed, so none of these fails.
        let short = Arc::clone(&self.short).acquire_owned().await;
        let memory = Arc::clone(&self.memory).acquire_many_owned(kib(self.budget as u64)).await;
        let (long, long_after) = (Arc::clone(&self.long), self.long_after);
        let lane = tokio::spawn(async move {
            tokio::time::sleep(long_after).await;
            let _long = long.acquire_owned().await;
            drop(short);
            std::future::pending::<()>().await;
        });
        Box::new(Room {
            _lane: AbortOnDropHandle::new(lane),
            _memory: memory.ok(),
            _counted: self.metrics.memory(self.budget),
        })
    }
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}
