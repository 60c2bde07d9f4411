//! Batches from the readers of other crates.

use arrow_array::RecordBatch;
use taploom_model::{Error, ErrorKind, Result};

use crate::guard::guarded;

/// The batches of a reader, up to its first error or panic.
pub(super) fn batches(
    mut reader: impl Iterator<Item = Result<RecordBatch>> + Send,
    name: String,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = guarded(&name, || reader.next().transpose());
        failed = next.is_err();
        next.transpose()
    })
}

/// The error of a reader that fails after the first row.
pub(super) fn unreadable(
    name: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let message = format!("source {name}: can't read more rows");
    Error::new(ErrorKind::Source, message).with_source(error)
}

/// Slices a batch into batches of at most `most` rows, which share its memory.
pub(super) fn slices(batch: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    (0..rows).step_by(most).map(|row| batch.slice(row, most.min(rows - row))).collect()
}
