//! Collects rows of many batches into a message.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_schema::SchemaRef;
use taploom_format::{Error, Result};

use crate::column_builder::ColumnBuilder;
use crate::encoder::failed;
use crate::row_sizes::fixed_size;
use crate::withheld::Withheld;

/// What all messages of a stream have in common.
pub(crate) struct MessageKind {
    schema: SchemaRef,
    ipc: IpcWriteOptions,
    /// Rows to reserve room for: those of a batch whose cells all have a fixed size.
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

/// A batch on its way into the stream.
pub(crate) struct Message {
    /// Rows that are not yet collected, as they came.
    parts: Vec<RecordBatch>,
    /// Bytes of the batches that those rows belong to.
    parts_held: usize,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    encoder: StreamEncoder,
    /// The encoded message. It shares memory with the columns, which is reused once the
    /// message is written.
    encoded: Vec<Buffer>,
}

impl Message {
    pub(crate) fn new(kind: &MessageKind) -> Result<Self> {
        let schema = Arc::clone(&kind.schema);
        let mut encoder =
            StreamEncoder::try_new_with_options(&schema, kind.ipc.clone()).map_err(failed)?;
        // The encoder repeats the schema before its first batch; the stream already has
        // it.
        encoder.encode(&RecordBatch::new_empty(Arc::clone(&schema))).map_err(failed)?;
        let columns = schema.fields().iter();
        let columns = columns.map(|field| ColumnBuilder::new(field.data_type(), kind.room));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Self { parts: Vec::new(), parts_held: 0, schema, columns, encoder, encoded: Vec::new() })
    }

    /// Takes rows that belong to a batch of this size in bytes; they are collected when the
    /// message is made.
    pub(crate) fn take(&mut self, part: RecordBatch, bytes: usize) {
        self.parts.push(part);
        self.parts_held += bytes;
    }

    /// Appends rows to those already collected.
    pub(crate) fn append(&mut self, part: &RecordBatch) -> Result<()> {
        let mut columns = self.columns.iter_mut().zip(part.columns());
        columns.try_for_each(|(column, array)| column.append(array))
    }

    /// Collects the rows, and encodes them.
    pub(crate) fn make(&mut self) -> Result<()> {
        for part in std::mem::take(&mut self.parts) {
            self.append(&part)?;
        }
        self.parts_held = 0;
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish);
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed)?;
        self.encoded = self.encoder.encode(&batch).map_err(failed)?;
        Ok(())
    }

    /// Writes the message, and releases it.
    pub(crate) fn write(&mut self, output: &mut Withheld) -> Result<()> {
        for bytes in std::mem::take(&mut self.encoded) {
            output.write_all(&bytes).map_err(Error::sink)?;
        }
        Ok(())
    }

    /// Allocated heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.parts_held + self.columns.iter().map(ColumnBuilder::heap_bytes).sum::<usize>()
    }
}
