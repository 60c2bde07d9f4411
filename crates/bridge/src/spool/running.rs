//! The jobs that a worker has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use taploom_jobs::Stop;

use crate::lock::lock;
use crate::spool::claim::Claim;

/// The jobs that a worker has, by the names of their files. Clones share them.
#[derive(Clone, Default)]
pub(super) struct RunningJobs(Arc<Mutex<HashMap<String, Entry>>>);

struct Entry {
    stop: Stop,
    /// Whether the job has ended, and only its final status is to be sent.
    is_ended: bool,
}

/// A job that a worker has until this is dropped.
pub(super) struct Running {
    jobs: RunningJobs,
    name: String,
    pub(super) stop: Stop,
}

impl RunningJobs {
    /// Enters a job that was claimed.
    pub(super) fn enter(&self, claim: &Claim, stop: Stop) -> Running {
        let (name, is_ended) = (claim.name.clone(), claim.ended.is_some());
        lock(&self.0).insert(name.clone(), Entry { stop: stop.clone(), is_ended });
        Running { jobs: self.clone(), name, stop }
    }

    /// Whether a job is here.
    pub(super) fn has(&self, name: &str) -> bool {
        lock(&self.0).contains_key(name)
    }

    /// Number of the jobs whose final status is to be sent, or of the others.
    pub(super) fn count(&self, is_ended: bool) -> usize {
        lock(&self.0).values().filter(|entry| entry.is_ended == is_ended).count()
    }

    /// Stops a job. Returns whether it is here.
    pub(super) fn abort(&self, name: &str) -> bool {
        let jobs = lock(&self.0);
        let entry = jobs.get(name);
        entry.inspect(|entry| entry.stop.abort.cancel()).is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.jobs.0).remove(&self.name);
    }
}
