//! The trait that a plug-in implements for the rows of one result.

use std::sync::Arc;

use arrow_array::RecordBatch;

use taploom_model::{Completion, Envelope, Resources, Result, ResultSchema};

use crate::kept::{Kept, Spare};
use crate::losses::Losses;

/// Writes one result in one format: it takes batches, and writes bytes to the
/// [`Output`](crate::Output) that it was started with. Plug-ins implement this trait; programs use the
/// [`Encoder`](crate::Encoder) around it.
///
/// An encoder depends only on the CPU and the sink. It is `Send`, because a result may be started on
/// one thread and written on another, and it is not `Sync`, because rows have an order.
///
/// **The driver calls it** in this order: `write_batch` and `flush` any number of times, `finish` at
/// most once. After an error only `finish` with [`Completion::Failed`] follows, and only if the format
/// reports failures in the document.
///
/// **If it is dropped without `finish`**, its output must not look like a complete file. The bytes
/// written so far have no trailer and no footer, and in text formats they end within a record.
pub trait ResultEncoder: Send {
    /// Appends the rows of `batch`, which has at least one row. It has the columns of the schema given
    /// at the start, in canonical types unless the format takes them as they come
    /// ([`RowsGiven`](crate::RowsGiven)). Arrays may be slices of larger ones.
    ///
    /// # Errors
    /// `InvalidValue` naming column and row of a cell that does not fit, `Sink` or `Cancelled` for the
    /// output.
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Writes the rows that do not have to wait for further rows: blocks that are being encoded on
    /// other threads, and buffered output. It must not change the bytes of the result.
    ///
    /// The default does nothing. That is right for a format that holds no rows back, and for one that
    /// writes only at the end.
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

    /// Bytes that the result takes for rows that are in temporary files until `finish`, as of the last
    /// `flush`. A program that limits the size of a file adds them to the bytes that the sink has taken.
    ///
    /// The default, 0, is right for a format that does not keep all rows until the end.
    fn stored_bytes(&self) -> u64 {
        0
    }
}

/// The facts about a written result that only the plug-in knows. The driver knows the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Bytes of the output that hold rows, after base64 or compression, without header, trailer and footer.
    pub data_bytes: u64,
    /// Cells and names that were not written unchanged.
    pub losses: Losses,
}

impl Written {
    /// A result with this number of bytes that hold rows, and without losses.
    #[must_use]
    pub fn new(data_bytes: u64) -> Self {
        Self { data_bytes, losses: Losses::default() }
    }

    /// The same result with losses.
    #[must_use]
    pub fn with_losses(mut self, losses: Losses) -> Self {
        self.losses = losses;
        self
    }
}

/// A report on the written result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeSummary {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the output that hold rows, after base64 or compression, without header, trailer and footer.
    pub data_bytes: u64,
    /// All bytes of the output.
    pub total_bytes: u64,
    /// Cells that lost characters, because their text is longer than the column's arraysize.
    pub truncated_cells: u64,
    /// Cells, column names and texts of the metadata in which the format had to replace characters or
    /// values.
    pub altered_cells: u64,
    /// The same losses, column by column.
    pub losses: Losses,
}

impl EncodeSummary {
    /// Adds the report on another file of the same table. Names and texts of the metadata that both files
    /// altered are counted once.
    ///
    /// ```
    /// use taploom_format::EncodeSummary;
    ///
    /// let mut first = EncodeSummary::default();
    /// first.rows = 10;
    /// let mut both = first.clone();
    /// both.join(&first);
    /// assert_eq!(both.rows, 20);
    /// ```
    pub fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        self.data_bytes += other.data_bytes;
        self.total_bytes += other.total_bytes;
        self.losses.join(&other.losses);
        self.truncated_cells = self.losses.truncated_cells();
        self.altered_cells = self.losses.altered();
    }
}

/// The envelope and the resources, which an encoder gets in addition to its options, its columns
/// and its sink.
///
/// A context also keeps what one result leaves for the next: [plans](Self::plan) and [buffers](Spare). Its clones share
/// them. A service that answers many small queries therefore clones one context for all of them, or one
/// [`EncoderSpec`](crate::EncoderSpec), instead of making a new one for each. Between results, a context holds the plans
/// of the last eight kinds of results, and buffers of at most a quarter of [`Resources::memory_budget`]. The conformance
/// suite allows 16 KiB of plans per column, and 64 KiB per table.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EncodeContext {
    /// XML to write in place of the format's own.
    pub envelope: Option<Envelope>,
    /// The memory, threads and temporary files that the encoder may use.
    pub resources: Resources,
    kept: Kept,
}

impl EncodeContext {
    /// What an encoder works out before the first row, made by `make` unless an earlier result with the same options
    /// and an equal schema has left it.
    ///
    /// A plan is shared by results on several threads. It may depend on the options, the schema, the envelope, the
    /// memory budget and the number of threads; if one of them differs, a new plan is made. It must not depend on
    /// anything else, such as [`Resources::scratch`]. The types of the options and of the plan distinguish formats, so a
    /// format uses types of its own. A plan must not hold a context, which would keep itself alive.
    ///
    /// A format does not have to use plans. They pay if results of a few rows are frequent.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// use taploom_format::{EncodeContext, NoOptions, ResultSchema};
    ///
    /// let arrow = Schema::new(vec![Field::new("ra", DataType::Float64, true)]);
    /// let schema = ResultSchema::derived(Arc::new(arrow));
    /// let context = EncodeContext::default();
    /// let header = || context.plan(&NoOptions {}, &schema, || Ok(schema.unique_names().join("\t")));
    /// assert_eq!(*header()?, "ra");
    /// assert!(Arc::ptr_eq(&header()?, &header()?));
    /// # Ok::<(), taploom_format::Error>(())
    /// ```
    ///
    /// # Errors
    /// The error of `make`.
    pub fn plan<O, P>(
        &self,
        options: &O,
        schema: &ResultSchema,
        make: impl FnOnce() -> Result<P>,
    ) -> Result<Arc<P>>
    where
        O: PartialEq + Clone + Send + Sync + 'static,
        P: Send + Sync + 'static,
    {
        self.kept.plan(options, schema, self.envelope.as_ref(), &self.resources, make)
    }

    /// An empty place for buffers, to be held by a [plan](Self::plan). `bytes_of` tells the heap of a buffer.
    pub fn spare<T>(&self, bytes_of: impl Fn(&T) -> usize + Send + Sync + 'static) -> Spare<T> {
        self.kept.spare(&self.resources, bytes_of)
    }

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
