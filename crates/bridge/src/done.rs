//! What was done for a job, for the worker that goes on with it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::lock::lock;
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
    /// The other queries that the job has had. Statuses have named them, so that requests to stop the job may name them too.
    pub(crate) earlier: Vec<String>,
}

/// The form in which it is kept: `used=3600000 reads=0 execution=4711`. Earlier queries are in earlier statuses.
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
        let (used, reads) = (used.parse().ok()?, reads.parse().ok()?);
        Some(Self { used, reads, execution_id, earlier: Vec::new() })
    }
}

/// Keeps account of what this worker does for a job, on top of what others have done.
pub(crate) struct Account {
    state: Mutex<State>,
    execution_id: ExecutionId,
}

struct State {
    done: Done,
    /// The time that was used before `since`, in milliseconds.
    used_before: u64,
    since: Instant,
    /// Whether the rows were begun. What follows does not count as used, also if they break off.
    reads: bool,
}

impl State {
    /// Counts the time until now.
    fn use_time(&mut self) {
        let here = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.done.used = self.used_before.saturating_add(here);
    }
}

impl Account {
    /// Goes on from what other workers have done.
    pub(crate) fn new(mut done: Done) -> Self {
        let earlier = std::mem::take(&mut done.earlier);
        let execution_id = ExecutionId::new(done.execution_id.clone(), earlier);
        let used_before = done.used;
        let state = State { done, used_before, since: Instant::now(), reads: false };
        Self { state: Mutex::new(state), execution_id }
    }

    /// The query in the database, for requests to stop it.
    pub(crate) fn execution_id(&self) -> ExecutionId {
        self.execution_id.clone()
    }

    /// Takes note of a status that is not final. Returns what was done, and whether the next worker has to know it.
    pub(crate) fn published(&self, status: &JobStatus) -> (Done, bool) {
        self.execution_id.set(status.execution_id.as_deref());
        let mut state = self.state();
        if std::mem::take(&mut state.reads) {
            (state.used_before, state.since) = (state.done.used, Instant::now());
        }
        state.use_time();
        let is_news = state.done.execution_id != status.execution_id;
        state.done.execution_id.clone_from(&status.execution_id);
        (state.done.clone(), is_news)
    }

    /// What was done until now, before the rows are read.
    pub(crate) fn so_far(&self) -> Done {
        let mut state = self.state();
        state.use_time();
        state.done.clone()
    }

    /// Takes note that the rows are being read. The time that the query has taken stays as it was: what follows does not
    /// count.
    pub(crate) fn reads_rows(&self) -> Done {
        let mut state = self.state();
        state.reads = true;
        state.done.reads += 1;
        state.done.execution_id = None;
        state.done.clone()
    }

    /// Takes note that the rows will be read by another worker, from the beginning. This attempt does not count: not the
    /// job has ended it.
    pub(crate) fn gives_rows_up(&self) -> Done {
        let mut state = self.state();
        state.done.reads = state.done.reads.saturating_sub(1);
        state.done.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The id of the query in the database, once there is one, and the ids that the job had before it. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExecutionId(Arc<Mutex<Ids>>);

#[derive(Debug, Default)]
struct Ids {
    known: Option<String>,
    earlier: Vec<String>,
}

impl ExecutionId {
    fn new(known: Option<String>, earlier: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(Ids { known, earlier })))
    }

    pub(crate) fn known(&self) -> Option<String> {
        self.lock().known.clone()
    }

    /// Whether an id may be one of the job's: it has or had it, or no query of it is known yet.
    #[cfg(feature = "kafka")]
    pub(crate) fn may_be(&self, id: &str) -> bool {
        let ids = self.lock();
        let mut all = ids.known.iter().chain(&ids.earlier).peekable();
        all.peek().is_none() || all.any(|known| known == id)
    }

    /// Takes note of a query that was begun.
    pub(crate) fn set(&self, id: Option<&str>) {
        let mut ids = self.lock();
        if ids.known.as_deref() != id {
            let before = std::mem::replace(&mut ids.known, id.map(str::to_owned));
            ids.earlier.extend(before);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ids> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use std::time::Duration;

    use super::*;
    use crate::message::Metadata;
    use crate::status::Phase;

    #[test]
    fn what_was_done_is_read_back() {
        for execution_id in [None, Some("47 execution=11".to_owned())] {
            let done = Done { used: 3_600_000, reads: 2, execution_id, earlier: Vec::new() };
            assert_eq!(Done::parse(&done.to_string()).unwrap(), done);
        }
        assert_eq!(Done::parse("used=1 reads=x"), None);
    }

    #[test]
    fn reading_that_breaks_off_does_not_count_as_used() {
        let status = JobStatus {
            job_id: "job".to_owned(),
            execution_id: Some("4711".to_owned()),
            timestamp: 0,
            status: Phase::Executing,
            query_info: None,
            result_info: None,
            error_info: None,
            metadata: Metadata::default(),
        };
        let an_hour = Duration::from_secs(3600);
        let before = Done { used: 7, ..Done::default() };
        for (reads, used) in [(false, 3_600_007), (true, 7)] {
            let account = Account::new(before.clone());
            if reads {
                account.reads_rows();
            }
            account.state().since -= an_hour;
            let (done, _) = account.published(&status);
            assert!((used..used + 60_000).contains(&done.used), "{}", done.used);
        }
    }
}
