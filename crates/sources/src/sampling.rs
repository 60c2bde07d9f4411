//! The state and the statistics of a sample, for one file or several.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taploom_expressions::{KeptPairs, SampleCounts};

/// The state of a sample, shared by all files of a request.
#[derive(Clone)]
pub(crate) struct Sampling {
    #[cfg_attr(
        not(feature = "parquet"),
        expect(dead_code, reason = "only the Parquet source chooses the rows of a sample")
    )]
    kept: Arc<Mutex<KeptPairs>>,
    is_decided: Arc<AtomicBool>,
    stats: SampleStats,
}

impl Sampling {
    pub(crate) fn new(number: u32, stats: SampleStats) -> Self {
        stats.update(|report| *report = SampleReport::default());
        Self {
            kept: Arc::new(Mutex::new(KeptPairs::new(number))),
            is_decided: Arc::default(),
            stats,
        }
    }

    /// Whether the source itself applies the sample and the condition. Then it returns only the rows of the sample,
    /// possibly without the columns that only the sample or the condition needs.
    pub(crate) fn is_decided_by_source(&self) -> bool {
        self.is_decided.load(Ordering::Relaxed)
    }

    /// Declares that the source itself applies the sample. A source has to do so for all files of a request or for
    /// none.
    #[cfg(feature = "parquet")]
    pub(crate) fn decide_by_source(&self) {
        self.is_decided.store(true, Ordering::Relaxed);
    }

    /// The pairs that are kept so far.
    #[cfg(feature = "parquet")]
    pub(crate) fn kept(&self) -> MutexGuard<'_, KeptPairs> {
        // The lock is poisoned only after a panic, and after a panic the source is not read any more.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> &SampleStats {
        &self.stats
    }
}

/// Statistics on how a source decides the rows of a sample. Clones share the counts.
///
/// The counts are updated after every batch, so they are right even if not all rows are read.
#[derive(Clone, Default)]
pub struct SampleStats {
    report: Arc<Mutex<SampleReport>>,
}

impl SampleStats {
    /// The counts so far.
    pub fn report(&self) -> SampleReport {
        *self.lock()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut SampleReport)) {
        change(&mut self.lock());
    }

    pub(crate) fn set_counts(&self, counts: SampleCounts) {
        self.update(|report| {
            *report = SampleReport {
                rows: counts.rows,
                rows_kept: counts.rows_kept,
                runs: counts.runs,
                groups: counts.groups,
                ids_kept: counts.ids_kept,
                rows_by_values: counts.rows,
                ..SampleReport::default()
            };
        });
    }

    fn lock(&self) -> MutexGuard<'_, SampleReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SampleStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().fmt(f)
    }
}

/// Counts of how the rows of a sample were decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleReport {
    /// Number of rows that were decided. Rows for which the condition of the request is not true are not counted.
    pub rows: u64,
    /// Number of rows that were kept.
    pub rows_kept: u64,
    /// Number of runs of rows with the same group and the same id.
    pub runs: u64,
    /// Number of groups.
    pub groups: u64,
    /// Number of pairs of a group and an id that are kept.
    pub ids_kept: u64,
    /// Number of rows that were decided by the bounds of a row group or page, which show a single group and
    /// id.
    pub rows_by_bounds: u64,
    /// Number of rows that were decided by dictionary codes.
    pub rows_by_codes: u64,
    /// Number of rows whose group or id was decoded.
    pub rows_by_values: u64,
    /// Number of row groups whose rows were decided.
    pub row_groups: u64,
    /// Number of row groups of which no row was kept. At most their key columns and the columns of the condition were
    /// read.
    pub row_groups_skipped: u64,
    /// Number of pages of keys that were decompressed.
    pub key_pages: u64,
    /// Number of pages of keys that were skipped because of their bounds.
    pub key_pages_skipped: u64,
}
