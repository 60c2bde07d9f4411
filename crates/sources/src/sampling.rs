//! The rows of a sample that were decided, of one file or several.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taploom_expressions::{KeptPairs, SampleCounts};

/// What a sample needs beside its request, from the first file to the last.
#[derive(Clone)]
pub(crate) struct Sampling {
    #[cfg_attr(
        not(feature = "parquet"),
        expect(dead_code, reason = "only the source of Parquet decides by itself")
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

    /// Whether the source gives the rows of the sample alone, and perhaps without their keys.
    pub(crate) fn is_decided_by_source(&self) -> bool {
        self.is_decided.load(Ordering::Relaxed)
    }

    /// What the source does that calls it. The answer has to be the same for all files with the same columns.
    #[cfg(feature = "parquet")]
    pub(crate) fn decide_by_source(&self) {
        self.is_decided.store(true, Ordering::Relaxed);
    }

    /// The pairs that are kept so far.
    #[cfg(feature = "parquet")]
    pub(crate) fn kept(&self) -> MutexGuard<'_, KeptPairs> {
        // After a panic the source is not read any more.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> &SampleStats {
        &self.stats
    }
}

/// Where a source counts how it decides the rows of a sample. Clones count together.
///
/// The counts are up to date after every batch, also where the rows are not read to their end.
#[derive(Clone, Default)]
pub struct SampleStats {
    report: Arc<Mutex<SampleReport>>,
}

impl SampleStats {
    /// What was counted so far.
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

/// How the rows of a sample were decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleReport {
    /// Rows that were decided.
    pub rows: u64,
    /// Rows that were kept.
    pub rows_kept: u64,
    /// Runs of rows with the same group and the same id.
    pub runs: u64,
    /// Groups.
    pub groups: u64,
    /// Pairs of a group and an id that are kept.
    pub ids_kept: u64,
    /// Rows that were decided because the bounds of a row group or page show one group and one id.
    pub rows_by_bounds: u64,
    /// Rows that were decided by dictionary codes.
    pub rows_by_codes: u64,
    /// Rows whose group or id was decoded.
    pub rows_by_values: u64,
    /// Row groups that were decided.
    pub row_groups: u64,
    /// Row groups of which no row was kept. Only their keys were read.
    pub row_groups_skipped: u64,
    /// Pages of keys that were decompressed.
    pub key_pages: u64,
    /// Pages of keys that were passed over because of their bounds.
    pub key_pages_skipped: u64,
}
