//! Counts the bytes of temporary files against a limit, and against the limits around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Result, ScratchError};
use crate::storage::ScratchStorage;

/// A storage, a limit, and the number of bytes in use.
pub(crate) struct Account {
    storage: Arc<dyn ScratchStorage>,
    budget: u64,
    used: AtomicU64,
    peak: AtomicU64,
    /// The account that contains this one.
    around: Option<Arc<Account>>,
}

impl Account {
    /// An account without a limit.
    pub(crate) fn new(storage: Arc<dyn ScratchStorage>) -> Self {
        let (used, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { storage, budget: u64::MAX, used, peak, around: None }
    }

    /// An account within another one, with a separate limit.
    pub(crate) fn part_of(around: &Arc<Self>, budget: u64) -> Self {
        let account = Self::new(Arc::clone(&around.storage));
        Self { budget, around: Some(Arc::clone(around)), ..account }
    }

    pub(crate) fn storage(&self) -> &dyn ScratchStorage {
        &*self.storage
    }

    /// The smallest limit that applies to this account.
    pub(crate) fn budget(&self) -> u64 {
        let around = self.around.as_ref().map_or(u64::MAX, |around| around.budget());
        self.budget.min(around)
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Counts `bytes` in this account and in all accounts that contain it.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<()> {
        let grow = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.budget);
        let before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow);
        let Ok(before) = before else {
            let place = self.storage.place();
            return Err(ScratchError::OverBudget { place, budget: self.budget });
        };
        if let Some(around) = &self.around
            && let Err(error) = around.reserve(bytes)
        {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(error);
        }
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Releases bytes that [`reserve`](Self::reserve) has counted.
    pub(crate) fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(around) = &self.around {
            around.release(bytes);
        }
    }
}
