//! What a plug-in implements for the rows of one result.

use arrow_array::RecordBatch;

use taploom_model::{Completion, Envelope, Resources, Result};

use crate::losses::Losses;

/// Writes one result in one format: batches in, bytes out to the [`Output`](crate::Output) that it was
/// started with. This is what a plug-in implements; a program uses the [`Encoder`](crate::Encoder)
/// around it.
///
/// An encoder is bound to the CPU and the sink alone. It is `Send`, because a result may be started on
/// one thread and written on another, and it is not `Sync`, because rows have an order.
///
/// **The driver calls it** in this order: `write_batch` and `flush` any number of times, `finish` at
/// most once. After an error only `finish` with [`Completion::Failed`] follows, and only where the
/// format reports failures in the document.
///
/// **Dropped without `finish`**, a result must not read as a whole file. What was written by then has
/// no trailer and no footer, and in text formats ends within a record.
pub trait ResultEncoder: Send {
    /// Appends the rows of `batch`, of which there is at least one. Its columns are those of the schema
    /// given at the start, in canonical types unless the format takes them as they come
    /// ([`RowsGiven`](crate::RowsGiven)). Arrays may be slices of larger ones.
    ///
    /// # Errors
    /// `InvalidValue` naming column and row of a cell that does not fit, `Sink` or `Cancelled` for the
    /// output.
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Hands on rows that were taken and wait for no others: blocks that are being encoded on other
    /// threads, and output that is being gathered. It must not change the bytes of the result.
    ///
    /// By default there is nothing to hand on: that is right for a format that keeps nothing, and for
    /// one that writes at the end alone.
    ///
    /// # Errors
    /// As `write_batch`.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes what remains and the trailer, which says how the result ended.
    ///
    /// [`Completion::Failed`] comes only to a format that reports failures in the document
    /// ([`FailureReport::InDocument`](crate::FailureReport)), and may come after an error.
    ///
    /// # Errors
    /// As `write_batch`.
    fn finish(self: Box<Self>, completion: Completion) -> Result<Written>;

    /// Heap held now, in bytes, for rows that were taken and not written yet, and for the buffers
    /// that they pass through.
    fn buffered_bytes(&self) -> usize;
}

/// What only the plug-in knows of a result that it wrote. The driver knows the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Bytes of the output that hold rows, as they stand there (after base64 or compression), without
    /// header, trailer and footer.
    pub data_bytes: u64,
    /// What was not written as it was given.
    pub losses: Losses,
}

impl Written {
    /// So many bytes that hold rows, all of them as they were given.
    #[must_use]
    pub fn new(data_bytes: u64) -> Self {
        Self { data_bytes, losses: Losses::default() }
    }

    /// The same with losses.
    #[must_use]
    pub fn with_losses(mut self, losses: Losses) -> Self {
        self.losses = losses;
        self
    }
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeSummary {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the output that hold rows, as they stand there (after base64 or compression), without
    /// header, trailer and footer.
    pub data_bytes: u64,
    /// All bytes of the output.
    pub total_bytes: u64,
    /// Cells that lost characters, because their text is longer than the column's arraysize.
    pub truncated_cells: u64,
    /// Cells, column names and texts of the metadata in which the format had to replace characters or
    /// values.
    pub altered_cells: u64,
    /// The same column by column.
    pub losses: Losses,
}

/// What an encoder is given besides its options, its columns and its sink.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EncodeContext {
    /// XML to write in place of the format's own.
    pub envelope: Option<Envelope>,
    /// The memory, threads and temporary files that the encoder may use.
    pub resources: Resources,
}

impl EncodeContext {
    /// Sets the XML to write in place of the format's own.
    #[must_use]
    pub fn with_envelope(self, envelope: impl Into<Option<Envelope>>) -> Self {
        Self { envelope: envelope.into(), ..self }
    }

    /// Sets the memory, threads and temporary files that the encoder may use.
    #[must_use]
    pub fn with_resources(self, resources: Resources) -> Self {
        Self { resources, ..self }
    }
}

impl From<Resources> for EncodeContext {
    fn from(resources: Resources) -> Self {
        Self::default().with_resources(resources)
    }
}
