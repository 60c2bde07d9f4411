//! Rows of many batches, put together and made into a message.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_schema::SchemaRef;
use taploom_encoder::{Error, Result};

use crate::column_builder::ColumnBuilder;
use crate::encoder::failed;
use crate::row_sizes::fixed_size;
use crate::withheld::Withheld;

/// What all messages of a stream have in common.
pub(crate) struct MessageKind {
    schema: SchemaRef,
    ipc: IpcWriteOptions,
    /// Rows for which there is to be room: those of a batch of which no cell has contents of its own.
    room: usize,
}

impl MessageKind {
    pub(crate) fn new(
        schema: SchemaRef,
        ipc: IpcWriteOptions,
        most_bytes: usize,
        most_rows: usize,
    ) -> Self {
        let room = (most_bytes / fixed_size(&schema).max(1)).clamp(1, most_rows);
        Self { schema, ipc, room }
    }
}

/// Rows that make a batch, as they came.
#[derive(Default)]
pub(crate) struct BatchRows {
    parts: Vec<RecordBatch>,
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

impl BatchRows {
    /// Takes these rows of a batch; they are counted already.
    pub(crate) fn take(&mut self, batch: &RecordBatch, rows: Range<usize>) {
        if !rows.is_empty() {
            self.parts.push(batch.slice(rows.start, rows.len()));
        }
    }
}

/// A batch on its way into the stream.
pub(crate) struct Message {
    pub(crate) rows: BatchRows,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    encoder: StreamEncoder,
    /// Some of it is the memory of the columns, used again once the message is written.
    bytes: Vec<Buffer>,
}

impl Message {
    pub(crate) fn new(kind: &MessageKind) -> Result<Self> {
        let schema = Arc::clone(&kind.schema);
        let mut encoder =
            StreamEncoder::try_new_with_options(&schema, kind.ipc.clone()).map_err(failed)?;
        // The schema comes with the first batch of an encoder, and the stream has it already.
        encoder.encode(&RecordBatch::new_empty(Arc::clone(&schema))).map_err(failed)?;
        let columns = schema.fields().iter();
        let columns = columns.map(|field| ColumnBuilder::new(field.data_type(), kind.room));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Self { rows: BatchRows::default(), schema, columns, encoder, bytes: Vec::new() })
    }

    /// Puts the rows together, and encodes them.
    pub(crate) fn make(&mut self) -> Result<()> {
        let parts = std::mem::take(&mut self.rows).parts;
        let put_together = |(index, column): (usize, &mut ColumnBuilder)| {
            parts.iter().try_for_each(|part| column.append(part.column(index)))?;
            column.finish()
        };
        let arrays: Vec<ArrayRef> =
            self.columns.iter_mut().enumerate().map(put_together).collect::<Result<_>>()?;
        drop(parts);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed)?;
        self.bytes = self.encoder.encode(&batch).map_err(failed)?;
        Ok(())
    }

    /// Writes the message, and lets go of it.
    pub(crate) fn write(&mut self, output: &mut Withheld) -> Result<()> {
        for bytes in std::mem::take(&mut self.bytes) {
            output.write_all(&bytes).map_err(Error::sink)?;
        }
        Ok(())
    }

    /// Heap that is taken, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.rows.bytes + self.columns.iter().map(ColumnBuilder::heap_bytes).sum::<usize>()
    }
}
