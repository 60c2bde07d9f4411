//! The trait that every format implements.

use std::path::PathBuf;

use arrow_array::RecordBatch;

use taploom_model::{Completion, Envelope, Result};

/// Writes one result in one format: batches in, bytes out to the sink it was started with.
///
/// Synchronous and bound to the CPU and the sink alone: a slow sink slows `write_batch` down, and
/// that is how back-pressure reaches the source. `Send`, because a result may be started on one
/// thread and written on another; not `Sync`, because rows have an order.
///
/// **Dropped without [`finish`](Self::finish)** means abort. What has been written by then must not
/// read as a whole file: no trailer, no footer, for text formats a record cut short.
///
/// **After an error** of `write_batch` only `finish` with [`Completion::Failed`] may follow; the
/// framework sees to that, a plug-in need not.
pub trait ResultEncoder: Send {
    /// Appends the rows of `batch`, whose schema is that of the [`ResultSchema`] given at the start.
    ///
    /// # Errors
    /// `SchemaMismatch` where the batch differs from that schema, `InvalidValue` for a cell that
    /// does not fit, `Sink` or `Cancelled` for the output.
    ///
    /// [`ResultSchema`]: crate::ResultSchema
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Writes what remains and the trailer, which says how the result ended.
    ///
    /// # Errors
    /// As `write_batch`; and `Failed` for [`Completion::Failed`] in a format that has no place for
    /// an error: then nothing more is written, so that the file stays short for all to see.
    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary>;

    /// Heap held now, in bytes, for rows that were taken and not written yet, and for the buffers
    /// that they pass through.
    fn buffered_bytes(&self) -> usize;
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeSummary {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the output that hold rows, as they stand there (so after base64 or compression),
    /// without header, trailer and footer.
    pub data_bytes: u64,
    /// All bytes of the output.
    pub total_bytes: u64,
    /// Cells that lost characters because they are longer than their FIELD's arraysize.
    pub truncated_cells: u64,
    /// Cells (and names) in which the format had to put another character in a character's place.
    pub altered_cells: u64,
}

/// What an encoder may use besides its sink, and what is not a matter of the format.
#[derive(Debug, Clone)]
pub struct EncodeContext {
    /// XML to write in place of the format's own.
    pub envelope: Option<Envelope>,
    /// Heap that the encoder may hold, in bytes: a ceiling for rows that it collects. 32 MiB.
    pub memory_budget: usize,
    /// Where temporary files may be made. The system's place for them.
    pub scratch_dir: PathBuf,
    /// Bytes that temporary files may take. No limit.
    pub scratch_budget: u64,
    /// Threads that the encoder may keep busy, its caller's included. 1.
    pub threads: usize,
}

impl Default for EncodeContext {
    fn default() -> Self {
        Self {
            envelope: None,
            memory_budget: 32 << 20,
            scratch_dir: std::env::temp_dir(),
            scratch_budget: u64::MAX,
            threads: 1,
        }
    }
}
