//! Rows to batches, batches to messages.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};
use taploom_arrow_metadata::annotated;
use taploom_encoder::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Error, ErrorKind, Output,
    Result, ResultEncoder, ResultSchema,
};

use crate::column_builder::ColumnBuilder;
use crate::options::ArrowOptions;
use crate::row_sizes::row_sizes;
use crate::withheld::Withheld;

/// Rows that a batch has at most. What readers do for each batch is little for so many.
const MOST_ROWS: usize = 65_536;

/// Bytes that a batch has at most, but for a row that alone has more.
const MOST_BYTES: usize = 16 << 20;

/// Rows that are measured and appended at a time.
const STEP: usize = 1024;

/// Puts rows together to batches of a size of its own, so that the output does not depend on those
/// that it is given.
pub(crate) struct ArrowEncoder {
    rows: CanonicalRows,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    batch_rows: usize,
    batch_bytes: usize,
    most_bytes: usize,
    writer: StreamWriter<Withheld>,
    /// Bytes of the output before the first batch.
    head: u64,
}

impl ArrowEncoder {
    pub(crate) fn start(
        options: &ArrowOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::with_names(schema, &schema.unique_names())?;
        let canonical = rows.schema();
        let schema = Arc::new(annotated(canonical, canonical.arrow())?);
        let columns = schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type()));
        let columns = columns.collect::<Result<_>>()?;
        let ipc = IpcWriteOptions::default()
            .try_with_compression(options.compression.codec())
            .map_err(failed)?;
        let output = Withheld::new(Output::new(sink));
        let writer = StreamWriter::try_new_with_options(output, &schema, ipc).map_err(failed)?;
        let head = writer.get_ref().taken();
        Ok(Self {
            rows,
            schema,
            columns,
            batch_rows: 0,
            batch_bytes: 0,
            // Buffers that grow have up to twice their size, and compressed ones are there as well.
            most_bytes: (context.memory_budget / 4).min(MOST_BYTES),
            writer,
            head,
        })
    }

    fn append(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut from = 0;
        for (row, size) in row_sizes(rows).into_iter().enumerate() {
            let is_full = self.batch_rows == MOST_ROWS || self.batch_bytes + size > self.most_bytes;
            if is_full && self.batch_rows > 0 {
                self.take(&rows.slice(from, row - from))?;
                self.write()?;
                from = row;
            }
            self.batch_rows += 1;
            self.batch_bytes += size;
        }
        self.take(&rows.slice(from, rows.num_rows() - from))
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<()> {
        for (builder, array) in self.columns.iter_mut().zip(rows.columns()) {
            builder.append(array)?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish);
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed)?;
        (self.batch_rows, self.batch_bytes) = (0, 0);
        self.writer.write(&batch).map_err(failed)
    }
}

impl ResultEncoder for ArrowEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let canonical = self.rows.convert(batch)?;
        let rows = canonical.num_rows();
        for from in (0..rows).step_by(STEP) {
            self.append(&canonical.slice(from, STEP.min(rows - from)))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        if self.batch_rows > 0 {
            self.write()?;
        }
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        summary.data_bytes = self.writer.get_ref().taken() - self.head;
        self.writer.finish().map_err(failed)?;
        summary.total_bytes = self.writer.get_mut().release().map_err(Error::sink)?.finish()?;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuilder::heap_bytes).sum()
    }
}

fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => Error::sink(io),
        other => Error::new(ErrorKind::Internal, "the Arrow writer failed").with_source(other),
    }
}
