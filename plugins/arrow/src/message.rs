//! Collects rows of many batches into a message.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, StreamEncoder,
    write_message,
};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use taploom_format::{Error, Result};

use crate::column_builder::ColumnBuilder;
use crate::encoder::failed;
use crate::row_sizes::fixed_size;
use crate::withheld::Withheld;

/// The common properties of all messages of a stream.
pub(crate) struct MessageKind {
    schema: SchemaRef,
    ipc: IpcWriteOptions,
    /// The number of rows to reserve memory for: the rows of a batch in which all cells have a
    /// fixed size.
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

/// A batch that is collected, encoded and written.
pub(crate) struct Message {
    /// Rows that are not yet collected, as they came.
    parts: Vec<RecordBatch>,
    /// Bytes of the batches that those rows belong to.
    parts_held: usize,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    encoder: MessageEncoder,
    /// The encoded message. It shares memory with the columns, which is reused once the
    /// message is written.
    encoded: Vec<Buffer>,
}

/// How a batch is encoded.
enum MessageEncoder {
    Plain(Box<StreamEncoder>),
    /// Every message has separate dictionaries. If an encoder kept state from earlier messages, the output
    /// would depend on the number of threads.
    WithDictionaries(IpcWriteOptions),
}

fn with_dictionaries(batch: &RecordBatch, ipc: &IpcWriteOptions) -> Result<Vec<Buffer>> {
    let (mut tracker, data) = (DictionaryTracker::new(false), IpcDataGenerator::default());
    // This call gives the dictionaries the same numbers as in the schema of the stream.
    data.schema_to_bytes_with_dictionary_tracker(batch.schema_ref(), &mut tracker, ipc);
    let encoded = data.encode(batch, &mut tracker, ipc, &mut IpcWriteContext::default());
    let (dictionaries, rows) = encoded.map_err(failed)?;
    let mut bytes = Vec::new();
    for message in dictionaries.into_iter().chain([rows]) {
        write_message(&mut bytes, message, ipc).map_err(failed)?;
    }
    Ok(vec![Buffer::from_vec(bytes)])
}

impl Message {
    pub(crate) fn new(kind: &MessageKind) -> Result<Self> {
        let schema = Arc::clone(&kind.schema);
        let is_dictionary =
            |field: &FieldRef| matches!(field.data_type(), DataType::Dictionary(_, _));
        let encoder = if schema.fields().iter().any(is_dictionary) {
            MessageEncoder::WithDictionaries(kind.ipc.clone())
        } else {
            let mut encoder =
                StreamEncoder::try_new_with_options(&schema, kind.ipc.clone()).map_err(failed)?;
            // The encoder repeats the schema before its first batch; the stream already has
            // it.
            encoder.encode(&RecordBatch::new_empty(Arc::clone(&schema))).map_err(failed)?;
            MessageEncoder::Plain(Box::new(encoder))
        };
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
        let columns = self.columns.iter_mut().zip(self.schema.fields());
        let arrays = columns.map(|(column, field)| {
            column.finish().map_err(|error| error.with_column(field.name()))
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed)?;
        self.encoded = match &mut self.encoder {
            MessageEncoder::Plain(encoder) => encoder.encode(&batch).map_err(failed)?,
            MessageEncoder::WithDictionaries(ipc) => with_dictionaries(&batch, ipc)?,
        };
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
