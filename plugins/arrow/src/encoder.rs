//! Collects rows into batches, and encodes batches as messages.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema};
use taploom_arrow_metadata::annotated;
use taploom_format::{
    CanonicalRows, Completion, EncodeContext, Error, ErrorKind, InOrder, Output, Result,
    ResultEncoder, ResultSchema, Written,
};

use crate::held::held;
use crate::message::{Message, MessageKind};
use crate::options::{ArrowOptions, Compression};
use crate::row_sizes::row_sizes;
use crate::withheld::Withheld;

/// Maximum rows of a batch. At this size, the cost per batch is small for readers.
const MOST_ROWS: usize = 65_536;

/// Maximum bytes of a batch, unless a single row is larger.
const MOST_BYTES: usize = 16 << 20;

/// Collects rows into batches whose size does not depend on the incoming batches, so that the
/// output does not either.
///
/// The caller's thread finds the ends of the batches from the sizes of the rows, and writes their
/// messages in order. If messages are compressed, they are made on several threads, if allowed.
///
/// **Limits**: for each batch, the collected rows and the compressed message are held. With one
/// thread, rows are collected as they come. With several threads, a batch also holds its rows as
/// they came, as slices of the incoming batches; an incoming batch that is larger than a message is
/// held until its last message is written. Together with the batch that is being filled, all of
/// them stay within the memory budget.
pub(crate) struct ArrowEncoder {
    rows: CanonicalRows,
    kind: MessageKind,
    /// The batch that is being filled.
    filling: Option<Message>,
    batch_rows: usize,
    batch_bytes: usize,
    most_bytes: usize,
    /// Whether rows are collected as they come, instead of when the message is made.
    alone: bool,
    messages: InOrder<Message>,
    /// Writes the output before the first batch and after the last.
    writer: StreamWriter<Withheld>,
    /// Bytes of the output before the first batch.
    head: u64,
}

impl ArrowEncoder {
    pub(crate) fn start(
        options: &ArrowOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        /// Copies of a batch's rows; see the limits of [`ArrowEncoder`].
        const COPIES: usize = 3;
        let rows = CanonicalRows::keeping(schema, &schema.unique_names(), held)?;
        let keys = schema.arrow().metadata().clone();
        let written = Schema::new_with_metadata(rows.schema().arrow().fields().clone(), keys);
        let schema = Arc::new(annotated(schema, &written)?);
        let ipc = IpcWriteOptions::default()
            .try_with_compression(options.compression.codec())
            .map_err(failed)?;
        let output = Withheld::new(output, context.resources.memory_budget / 16);
        let writer =
            StreamWriter::try_new_with_options(output, &schema, ipc.clone()).map_err(failed)?;
        let head = writer.get_ref().taken();
        let most_bytes = (context.resources.memory_budget / 8).clamp(1, MOST_BYTES);
        let under_way = (context.resources.memory_budget
            - most_bytes.min(context.resources.memory_budget))
            / (COPIES * most_bytes);
        // Without compression, encoding is mostly copying, and two threads took as long
        // as one.
        let threads =
            if options.compression == Compression::None { 1 } else { context.resources.threads };
        let messages = InOrder::new(threads, Message::make);
        Ok(Self {
            rows,
            kind: MessageKind::new(schema, ipc, most_bytes, MOST_ROWS),
            filling: None,
            batch_rows: 0,
            batch_bytes: 0,
            most_bytes,
            alone: threads == 1,
            messages: messages.at_most(under_way),
            writer,
            head,
        })
    }

    /// Takes some rows of a batch of this size in bytes; the size of the rows is already counted.
    fn take(&mut self, batch: &RecordBatch, bytes: usize, rows: Range<usize>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let part = batch.slice(rows.start, rows.len());
        let message = match self.filling.take().or_else(|| self.messages.spare()) {
            Some(message) => message,
            None => Message::new(&self.kind)?,
        };
        let message = self.filling.insert(message);
        if self.alone {
            return message.append(&part);
        }
        message.take(part, bytes);
        Ok(())
    }

    /// Hands over the batch that is being filled.
    fn write(&mut self) -> Result<()> {
        let Some(message) = self.filling.take() else { return Ok(()) };
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let output = self.writer.get_mut();
        self.messages.push(message, |message| message.write(output))
    }
}

impl ResultEncoder for ArrowEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = &self.rows.convert(batch)?;
        let sizes = row_sizes(batch);
        let bytes = sizes.iter().sum();
        let mut from = 0;
        for (row, size) in sizes.into_iter().enumerate() {
            let is_full = self.batch_rows == MOST_ROWS || self.batch_bytes + size > self.most_bytes;
            if is_full && self.batch_rows > 0 {
                self.take(batch, bytes, from..row)?;
                self.write()?;
                from = row;
            }
            self.batch_rows += 1;
            self.batch_bytes += size;
        }
        self.take(batch, bytes, from..batch.num_rows())
    }

    fn flush(&mut self) -> Result<()> {
        // The incomplete batch is not written, because the end of a batch must not depend on time.
        let output = self.writer.get_mut();
        self.messages.drain(|message| message.write(output))?;
        self.writer.get_mut().hand_on().map_err(Error::sink)
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        self.write()?;
        let output = self.writer.get_mut();
        self.messages.drain(|message| message.write(output))?;
        let data_bytes = self.writer.get_ref().taken() - self.head;
        self.writer.finish().map_err(failed)?;
        self.writer.get_mut().release().map_err(Error::sink)?;
        Ok(Written::new(data_bytes))
    }

    fn buffered_bytes(&self) -> usize {
        let gathered = self.writer.get_ref().heap_bytes();
        let filling = self.filling.as_ref().map_or(0, Message::heap_bytes);
        gathered + filling + self.messages.heap_bytes(Message::heap_bytes)
    }
}

pub(crate) fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => Error::sink(io),
        other => Error::new(ErrorKind::Internal, "the Arrow writer failed").with_source(other),
    }
}
