//! The batches of a file.

use arrow_array::RecordBatch;
use taploom_model::Result;
#[cfg(any(feature = "arrow", feature = "parquet"))]
use taploom_model::{Error, ErrorKind};

#[cfg(any(feature = "arrow", feature = "parquet"))]
use crate::guard::guarded;
#[cfg(any(feature = "arrow", feature = "parquet"))]
use crate::input::{STDIN, shown_name};

/// Batches, up to the first error.
pub(super) fn until_error(
    mut next: impl FnMut() -> Result<Option<RecordBatch>> + Send,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let batch = next();
        failed = batch.is_err();
        batch.transpose()
    })
}

/// The batches of a reader that others wrote, up to its first error or panic.
#[cfg(any(feature = "arrow", feature = "parquet"))]
pub(super) fn batches(
    mut reader: impl Iterator<Item = Result<RecordBatch>> + Send,
    name: String,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    until_error(move || guarded(&name, || reader.next().transpose()))
}

#[cfg(any(feature = "arrow", feature = "parquet"))]
/// The error of a reader that fails between the first row and the last, `place` in the file: `in row group 2 of 7`.
pub(super) fn unreadable(
    name: &str,
    place: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let space = if place.is_empty() { "" } else { " " };
    let file = if name == shown_name(STDIN) { "FILE" } else { name };
    let message = format!(
        "source {name}: can't read more rows{space}{place} (taploom inspect --verify {file} tells what can be read)"
    );
    Error::new(ErrorKind::Source, message).with_source(error)
}

#[cfg(any(feature = "arrow", feature = "parquet"))]
/// Slices a batch into batches of at most `most` rows, which share its memory.
pub(super) fn slices(batch: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    (0..rows).step_by(most).map(|row| batch.slice(row, most.min(rows - row))).collect()
}
