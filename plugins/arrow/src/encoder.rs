//! Rows to batches, batches to messages.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::ArrowError;
use taploom_arrow_metadata::annotated;
use taploom_format::{
    CanonicalRows, Completion, EncodeContext, Error, ErrorKind, InOrder, Output, Result,
    ResultEncoder, ResultSchema, Written,
};

use crate::message::{Message, MessageKind};
use crate::options::{ArrowOptions, Compression};
use crate::row_sizes::row_sizes;
use crate::withheld::Withheld;

/// Rows that a batch has at most. What readers do for each batch is little for so many.
const MOST_ROWS: usize = 65_536;

/// Bytes that a batch has at most, but for a row that alone has more.
const MOST_BYTES: usize = 16 << 20;

/// Puts rows together to batches of a size of its own, so that the output does not depend on those
/// that it is given.
///
/// The caller's thread finds out where batches end, for which it looks at the sizes of rows alone, and writes their
/// messages in order; in between, these are made, where they are compressed on as many threads as there may be.
///
/// **Limits**: for a batch there are the rows that were put together, and the compressed ones. With one thread rows are
/// put together as they come; with several a batch is there as its rows came as well, in slices: where a batch
/// that came has more than a message takes, it is held until the last of them is written. With the batch
/// that is being filled all of them take no more than the memory budget.
pub(crate) struct ArrowEncoder {
    kind: MessageKind,
    /// The batch that is being filled.
    filling: Option<Message>,
    batch_rows: usize,
    batch_bytes: usize,
    most_bytes: usize,
    /// Whether rows are put together as they come, and not with the message.
    alone: bool,
    messages: InOrder<Message>,
    /// Writes what is before the first batch and behind the last.
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
        /// See the limits of this encoder.
        const COPIES: usize = 3;
        let rows = CanonicalRows::with_names(schema, &schema.unique_names())?;
        let canonical = rows.schema();
        let schema = Arc::new(annotated(canonical, canonical.arrow())?);
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
        // Without compression there is little but copying, and two threads took as long as one.
        let threads =
            if options.compression == Compression::None { 1 } else { context.resources.threads };
        let messages = InOrder::new(threads, Message::make);
        Ok(Self {
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

    /// Takes some rows of a batch of so many bytes; they are counted already.
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

    /// Hands the batch on.
    fn write(&mut self) -> Result<()> {
        let Some(message) = self.filling.take() else { return Ok(()) };
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let output = self.writer.get_mut();
        self.messages.push(message, |message| message.write(output))
    }
}

impl ResultEncoder for ArrowEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
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
        // The batch that is being filled stays: where it ends does not depend on the time.
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
