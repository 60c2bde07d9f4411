//! The batch that is being filled with rows.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use taploom_model::{Error, ErrorKind, Result, ResultSchema};
use tokio::time::Instant;

use crate::request::Request;

/// Limits for the size of a batch. A batch is full when it reaches the first of them, or half a second after its first
/// row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Maximum number of rows. 2000 by default.
    pub rows: usize,
    /// Maximum size of the cells in bytes, as the server sends them. One row may exceed it. 4 MiB by default.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows: 2000, bytes: 4 << 20 }
    }
}

impl BatchLimits {
    /// The limits of a request. No batch has more rows than are wanted, so that a few rows of a slow query are there soon.
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let most = request.most_rows.and_then(|rows| usize::try_from(rows).ok());
        let rows = request.batch_rows.min(most.unwrap_or(usize::MAX));
        Self { rows, ..Self::default() }
    }
}

/// Counts the rows and bytes of the batch that is being filled, and those of the whole result.
#[derive(Debug)]
pub(crate) struct UnfinishedBatch {
    limits: BatchLimits,
    rows: usize,
    bytes: usize,
    all_rows: u64,
    /// When the batch ends, whatever it has. Known once it has a row.
    ends: Option<Instant>,
}

/// The longest time from the first row of a batch to its end: the rows of a slow query are passed on as they come.
const MAX_TIME: Duration = Duration::from_millis(500);

impl UnfinishedBatch {
    pub(crate) fn new(limits: BatchLimits) -> Self {
        let limits = BatchLimits { rows: limits.rows.max(1), bytes: limits.bytes.max(1) };
        Self { limits, rows: 0, bytes: 0, all_rows: 0, ends: None }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= self.limits.rows || self.bytes >= self.limits.bytes
    }

    /// When the batch has to end, once it has a row.
    pub(crate) fn ends(&self) -> Option<Instant> {
        self.ends
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Number of rows of the batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of rows of the result so far.
    pub(crate) fn all_rows(&self) -> u64 {
        self.all_rows
    }

    /// Counts a row.
    pub(crate) fn add_row(&mut self, bytes: usize) {
        if self.rows == 0 {
            self.ends = Some(Instant::now() + MAX_TIME);
        }
        self.rows += 1;
        self.bytes += bytes;
        self.all_rows += 1;
    }

    /// Makes the batch of its columns, and starts the next one.
    pub(crate) fn finish(
        &mut self,
        schema: &ResultSchema,
        columns: Vec<ArrayRef>,
    ) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        self.ends = None;
        RecordBatch::try_new_with_options(Arc::clone(schema.arrow()), columns, &options).map_err(
            |error| {
                Error::new(ErrorKind::Internal, "can't make a batch of the rows of a server")
                    .with_source(error)
            },
        )
    }
}
