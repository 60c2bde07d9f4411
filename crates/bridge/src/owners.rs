//! Limits the jobs that one owner has in a worker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use taploom_jobs::{Failure, FailureCause};

use crate::lock::lock;

/// The owners of the jobs that run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owners {
    limit: Option<usize>,
    jobs: Arc<Mutex<HashMap<String, usize>>>,
}

/// A job that counts for its owner until this is dropped.
pub(crate) struct JobOfOwner {
    owners: Owners,
    owner: String,
}

impl Owners {
    /// At most this number of jobs for each owner.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Counts a job. One that another worker has begun is counted, and never refused.
    pub(crate) fn enter(&self, owner: &str, is_new: bool) -> Result<JobOfOwner, Failure> {
        let mut jobs = self.jobs();
        let running = jobs.get(owner).copied().unwrap_or(0);
        if let Some(limit) = self.limit.filter(|limit| is_new && running >= *limit) {
            let message = format!(
                "you have {running} jobs that have not ended, and this service runs {limit} for each user at a time: \
                 wait until one of them ends, or stop one"
            );
            return Err(Failure::new(FailureCause::QuotaExceeded, message));
        }
        jobs.insert(owner.to_owned(), running + 1);
        Ok(JobOfOwner { owners: self.clone(), owner: owner.to_owned() })
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        lock(&self.jobs)
    }
}

impl Drop for JobOfOwner {
    fn drop(&mut self) {
        let mut jobs = self.owners.jobs();
        match jobs.get_mut(&self.owner) {
            Some(running) if *running > 1 => *running -= 1,
            _ => drop(jobs.remove(&self.owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    fn an_owner_has_so_many_jobs_at_a_time() {
        let owners = Owners::new(Some(2));
        let first = owners.enter("me", true).unwrap();
        let _taken_over = owners.enter("me", false).unwrap();
        let _of_another = owners.enter("you", true).unwrap();
        let refused = owners.enter("me", true).err().unwrap();
        assert_eq!(refused.cause, FailureCause::QuotaExceeded);
        assert!(refused.message.contains("2 jobs"), "{}", refused.message);
        let _third = owners.enter("me", false).unwrap();
        drop(first);
        assert!(owners.enter("me", true).is_err());
        drop(_third);
        assert!(owners.enter("me", true).is_ok());
        assert_eq!(owners.jobs().len(), 2);
    }
}
