//! The batches of a reader that others wrote.

use arrow_array::{RecordBatch, RecordBatchReader};
use taploom_model::{Error, ErrorKind, Result};

use crate::guard::guarded;

/// The batches of a reader, up to its first error or panic.
pub(super) fn batches(
    mut reader: impl RecordBatchReader + Send,
    name: String,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = guarded(&name, || {
            reader.next().transpose().map_err(|error| {
                let message = format!("source {name}: can't read more rows");
                Error::new(ErrorKind::Source, message).with_source(error)
            })
        });
        failed = next.is_err();
        next.transpose()
    })
}
