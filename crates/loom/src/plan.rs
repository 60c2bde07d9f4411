//! Divides a memory budget among the parts of the writer.

use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};

/// The smallest budget. The fixed parts of one column's encoder take less than this.
const LEAST: usize = 1 << 20;

/// Heap per leaf column: its name, its Parquet type, the positions of its strips, the buffers of its encoder.
const LEAF_BYTES: usize = 1 << 10;

/// The smallest budget for two threads.
const TWO_THREADS: usize = 2 << 20;

/// The shares of the budget, in bytes. Together they are the budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// The whole budget.
    pub(crate) budget: usize,
    /// Rows in memory until the row group is full or a block is written: 9/40.
    pub(crate) held: usize,
    /// A group of columns that is read back at a time: 9/40. With several threads, each has one group, and all
    /// groups together have 15/40: the allocator keeps the memory of a freed group for the thread that read it, while
    /// another thread reads the next one.
    pub(crate) loaded: usize,
    /// Encoded pages of the unfinished chunks, on all threads: 1/32.
    pub(crate) pages: usize,
    /// A data page or a dictionary before compression. An encoder holds about four of them, and all encoders
    /// together have 1/4.
    pub(crate) page: usize,
    /// Rows of a column that are unpacked and encoded at a time, by weight: 1/16.
    pub(crate) piece: usize,
    /// The largest row group. Its pages are described in memory with about 600 bytes each, and a smaller budget
    /// makes more, smaller pages. With this limit the descriptions take at most 1/4.
    pub(crate) row_group: usize,
    /// The number of leaf columns.
    pub(crate) leaves: usize,
    /// The size of a read from scratch.
    pub(crate) read: usize,
    /// Metadata that wait for the end of the file or of the row group, in each of five spools: 1/256.
    pub(crate) spool: usize,
    /// The number of threads in the options.
    wanted: usize,
    /// The number of threads for whose encoders there is memory.
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
        // Reads and pieces have a minimum size, so a small budget has no room for two of each.
        let most_threads = if budget < TWO_THREADS { 1 } else { (budget / 16 / page).max(1) };
        Ok(Self {
            budget,
            held: rest / 40 * 9,
            loaded: if threads > 1 { rest / 40 * 15 / threads } else { rest / 40 * 9 }.min(1 << 30),
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

    /// Refuses a nested column with too many leaves: all leaves are encoded at the same time, each with a
    /// separate page.
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

    /// Refuses bloom filters that are too large. The filters of a column are in memory while it is encoded, and
    /// all threads together have 1/8 of the budget for them.
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
