//! What was done for a job, for the worker that goes on with it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::status::JobStatus;

/// What was done for a job that has not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// The time that the query has taken, in milliseconds.
    pub(crate) used: u64,
    /// How often the reading of its rows was begun.
    pub(crate) reads: u32,
    /// The query that runs in the database, unless its rows were begun: a worker that ended then has left them half
    /// read.
    pub(crate) execution_id: Option<String>,
}

/// The form in which it is kept: `used=3600000 reads=0 execution=4711`.
impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "used={} reads={}", self.used, self.reads)?;
        self.execution_id.iter().try_for_each(|id| write!(f, " execution={id}"))
    }
}

impl Done {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (used, rest) = text.strip_prefix("used=")?.split_once(" reads=")?;
        let (reads, execution_id) = match rest.split_once(" execution=") {
            Some((reads, id)) => (reads, Some(id.to_owned())),
            None => (rest, None),
        };
        Some(Self { used: used.parse().ok()?, reads: reads.parse().ok()?, execution_id })
    }
}

/// Keeps account of what this worker does for a job, on top of what others have done.
pub(crate) struct Account {
    done: Mutex<Done>,
    /// The time that other workers have used, in milliseconds.
    used_before: u64,
    since: Instant,
    execution_id: ExecutionId,
}

impl Account {
    /// Goes on from what other workers have done.
    pub(crate) fn new(done: Done) -> Self {
        let execution_id = ExecutionId::new(done.execution_id.clone());
        Self { used_before: done.used, since: Instant::now(), execution_id, done: Mutex::new(done) }
    }

    /// The query in the database, for requests to stop it.
    pub(crate) fn execution_id(&self) -> ExecutionId {
        self.execution_id.clone()
    }

    /// Takes note of a status that is not final. Returns what was done, and whether the next worker has to know it.
    pub(crate) fn published(&self, status: &JobStatus) -> (Done, bool) {
        self.execution_id.set(status.execution_id.as_deref());
        let mut done = self.done();
        let is_news = done.execution_id != status.execution_id;
        done.execution_id.clone_from(&status.execution_id);
        done.used = self.used();
        (done.clone(), is_news)
    }

    /// What was done until now, before the rows are read.
    pub(crate) fn so_far(&self) -> Done {
        let mut done = self.done();
        done.used = self.used();
        done.clone()
    }

    fn used(&self) -> u64 {
        let here = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.used_before.saturating_add(here)
    }

    /// Takes note that the rows are being read. The time that the query has taken stays as it was: what follows does not
    /// count.
    pub(crate) fn reads_rows(&self) -> Done {
        let mut done = self.done();
        done.reads += 1;
        done.execution_id = None;
        done.clone()
    }

    /// Takes note that the rows will be read by another worker, from the beginning. This attempt does not count: not the
    /// job has ended it.
    pub(crate) fn gives_rows_up(&self) -> Done {
        let mut done = self.done();
        done.reads = done.reads.saturating_sub(1);
        done.clone()
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of the query in the database, once there is one. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExecutionId(Arc<Mutex<Option<String>>>);

impl ExecutionId {
    pub(crate) fn new(id: Option<String>) -> Self {
        Self(Arc::new(Mutex::new(id)))
    }

    pub(crate) fn known(&self) -> Option<String> {
        self.lock().clone()
    }

    fn set(&self, id: Option<&str>) {
        *self.lock() = id.map(str::to_owned);
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    fn what_was_done_is_read_back() {
        for execution_id in [None, Some("47 execution=11".to_owned())] {
            let done = Done { used: 3_600_000, reads: 2, execution_id };
            assert_eq!(Done::parse(&done.to_string()).unwrap(), done);
        }
        assert_eq!(Done::parse("used=1 reads=x"), None);
    }
}
