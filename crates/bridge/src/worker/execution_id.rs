//! The id of a job's query, for those who want to stop the job.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The id of the query in the database, once there is one. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct ExecutionId(Arc<Mutex<Option<String>>>);

impl ExecutionId {
    pub(super) fn new(id: Option<String>) -> Self {
        Self(Arc::new(Mutex::new(id)))
    }

    pub(super) fn known(&self) -> Option<String> {
        self.lock().clone()
    }

    pub(super) fn set(&self, id: Option<&str>) {
        *self.lock() = id.map(str::to_owned);
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
