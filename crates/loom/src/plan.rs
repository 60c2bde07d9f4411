//! How a memory budget is spent.

use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};

/// Below this, the fixed parts of one column's encoder alone would not fit.
const LEAST: usize = 1 << 20;

/// Heap that the description of a leaf column takes: its name, its Parquet type, the places of its
/// strips, its encoder's buffers.
const LEAF_BYTES: usize = 1 << 10;

/// The budget that two threads need.
const TWO_THREADS: usize = 2 << 20;

/// What may be held at once, in bytes. The parts add up to the budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// What was granted.
    pub(crate) budget: usize,
    /// Rows that wait in memory for a row group to be full or for a block to be worth writing: 9/40.
    pub(crate) held: usize,
    /// Columns that are read back at a time, so that a read is large: 9/40; with threads, one such
    /// group for each, together 18/40.
    pub(crate) loaded: usize,
    /// Encoded pages of the column chunks that are being made, by all threads: 1/32.
    pub(crate) pages: usize,
    /// A data page or a dictionary before it is compressed. An encoder holds some four of them,
    /// and all encoders together get 1/4.
    pub(crate) page: usize,
    /// Rows of a column that are rebuilt and encoded at a time, by their weight: 1/16.
    pub(crate) piece: usize,
    /// The most that a row group may have: its pages are described in memory, some 600 bytes each, and
    /// the smaller the budget, the smaller are pages. With this they take 1/4 at most.
    pub(crate) row_group: usize,
    /// Leaf columns.
    pub(crate) leaves: usize,
    /// A read from scratch.
    pub(crate) read: usize,
    /// What waits for the end of the file or of the row group, for each of five kinds: 1/256.
    pub(crate) spool: usize,
    /// Threads that were wanted.
    wanted: usize,
    /// Threads that encode: those wanted, as far as there is memory for their encoders.
    pub(crate) threads: usize,
}

impl Plan {
    pub(crate) fn new(budget: usize, leaves: usize, threads: usize) -> Result<Self> {
        let fixed = leaves.saturating_mul(LEAF_BYTES);
        let enough = LEAST.max(fixed.saturating_mul(2));
        if budget < enough {
            let why = if enough == LEAST {
                "one column's encoder alone needs more".to_owned()
            } else {
                format!("the descriptions of {leaves} columns alone take half of that")
            };
            return Err(Error::Budget { budget, why, enough });
        }
        let rest = budget - fixed;
        let page = (budget / 32).min(1 << 20);
        // Reads and pieces have a least size, so that a small budget does not do for two of each.
        let most_threads = if budget < TWO_THREADS { 1 } else { (budget / 16 / page).max(1) };
        Ok(Self {
            budget,
            held: rest / 40 * 9,
            loaded: (rest / 40 * 18 / threads.max(2)).min(1 << 30),
            pages: rest / 32,
            page,
            piece: (budget / 16).min(256 << 20),
            row_group: (budget / 362).saturating_mul(budget / 362),
            leaves,
            read: (budget / 64).clamp(32 << 10, 256 << 10),
            spool: rest / 256,
            wanted: threads,
            threads: threads.clamp(1, most_threads),
        })
    }

    /// The leaves of a nested column are encoded side by side, each with a small page at least.
    pub(crate) fn check_leaves(&self, column: &str, leaves: usize) -> Result<()> {
        const ENCODER: usize = 16 << 10;
        if leaves.saturating_mul(ENCODER * self.threads) > self.budget / 4 {
            return Err(Error::Budget {
                budget: self.budget,
                why: format!("column {column} has {leaves} leaves, which are encoded side by side"),
                enough: leaves.saturating_mul(ENCODER * 4 * self.wanted),
            });
        }
        Ok(())
    }

    /// The bloom filters of a column are in memory while it is encoded: 1/8 of the budget for all
    /// threads.
    pub(crate) fn check_bloom_filters<'a>(
        &self,
        column: &str,
        properties: &WriterProperties,
        leaves: impl Iterator<Item = &'a ColumnPath>,
    ) -> Result<()> {
        let filters = leaves.filter_map(|leaf| properties.bloom_filter_properties(leaf));
        let bytes: usize = filters
            .map(|filter| {
                // Parquet's split-block filter: eight bits for every value, in blocks of 256 bits.
                let bits = -8.0 * filter.ndv() as f64 / (1.0 - filter.fpp().powf(1.0 / 8.0)).ln();
                ((bits / 8.0) as usize).next_power_of_two()
            })
            .sum();
        if bytes.saturating_mul(self.threads) > self.budget / 8 {
            return Err(Error::Budget {
                budget: self.budget,
                why: format!("the bloom filters of column {column} take {bytes} bytes"),
                enough: bytes.saturating_mul(8 * self.wanted),
            });
        }
        Ok(())
    }
}
