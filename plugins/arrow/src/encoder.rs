//! Collects rows into batches, and encodes batches as messages.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema};
use taploom_arrow_metadata::annotated;
use taploom_format::{
    CanonicalRows, Completion, EncodeContext, Error, ErrorKind, InOrder, Output, Result,
    ResultEncoder, ResultSchema, Spare, Written,
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
    plan: Arc<Plan>,
    rows: CanonicalRows,
    /// The batch that is being filled.
    filling: Option<Message>,
    batch_rows: usize,
    batch_bytes: usize,
    messages: InOrder<Message>,
    output: Withheld,
}

/// What is the same for all results of a schema, and memory that finished results have left.
struct Plan {
    rows: CanonicalRows,
    kind: MessageKind,
    most_bytes: usize,
    threads: usize,
    /// The most batches that are encoded at a time.
    under_way: usize,
    /// The output before the first batch: the schema.
    head: Vec<u8>,
    /// The output after the last batch.
    end: Vec<u8>,
    messages: Arc<Spare<Message>>,
    gathered: Spare<Vec<u8>>,
}

impl Plan {
    fn new(options: &ArrowOptions, schema: &ResultSchema, context: &EncodeContext) -> Result<Self> {
        /// Copies of a batch's rows; see the limits of [`ArrowEncoder`].
        const COPIES: usize = 3;
        let memory_budget = context.resources.memory_budget;
        let rows = CanonicalRows::keeping(schema, &schema.unique_names(), held)?;
        let keys = schema.arrow().metadata().clone();
        let written = Schema::new_with_metadata(rows.schema().arrow().fields().clone(), keys);
        let schema = Arc::new(annotated(schema, &written)?);
        let ipc = IpcWriteOptions::default()
            .try_with_compression(options.compression.codec())
            .map_err(failed)?;
        let mut writer =
            StreamWriter::try_new_with_options(Vec::new(), &schema, ipc.clone()).map_err(failed)?;
        let head_bytes = writer.get_ref().len();
        writer.finish().map_err(failed)?;
        let mut head = std::mem::take(writer.get_mut());
        let end = head.split_off(head_bytes);
        let most_bytes = (memory_budget / 8).clamp(1, MOST_BYTES);
        // Without compression, encoding is mostly copying, and two threads took as long
        // as one.
        let threads =
            if options.compression == Compression::None { 1 } else { context.resources.threads };
        Ok(Self {
            rows,
            kind: MessageKind::new(schema, ipc, most_bytes, MOST_ROWS),
            most_bytes,
            threads,
            under_way: memory_budget.saturating_sub(most_bytes) / (COPIES * most_bytes),
            head,
            end,
            messages: Arc::new(context.spare(Message::heap_bytes)),
            gathered: context.spare(Vec::capacity),
        })
    }
}

impl ArrowEncoder {
    pub(crate) fn start(
        options: &ArrowOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        let plan = context.plan(options, schema, || Plan::new(options, schema, context))?;
        let buffer = plan.gathered.take().unwrap_or_default();
        let mut output = Withheld::new(output, context.resources.memory_budget / 16, buffer);
        output.write_all(&plan.head).map_err(Error::sink)?;
        let messages = InOrder::new(plan.threads, Message::make).at_most(plan.under_way);
        Ok(Self {
            rows: plan.rows.for_another(),
            filling: None,
            batch_rows: 0,
            batch_bytes: 0,
            messages: messages.with_spare(Arc::clone(&plan.messages)),
            output,
            plan,
        })
    }

    /// Takes some rows of a batch of this size in bytes; the size of the rows is already counted.
    fn take(&mut self, batch: &RecordBatch, bytes: usize, rows: Range<usize>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let part = match rows.len() == batch.num_rows() {
            true => batch.clone(),
            false => batch.slice(rows.start, rows.len()),
        };
        let message = match self.filling.take().or_else(|| self.messages.spare()) {
            Some(message) => message,
            None => Message::new(&self.plan.kind)?,
        };
        let message = self.filling.insert(message);
        // With one thread, rows are collected as they come, instead of when the message is made.
        if self.plan.threads == 1 {
            return message.append(&part);
        }
        message.take(part, bytes);
        Ok(())
    }

    /// Hands over the batch that is being filled.
    fn write(&mut self) -> Result<()> {
        let Some(message) = self.filling.take() else { return Ok(()) };
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let Self { messages, output, .. } = self;
        messages.push(message, |message| message.write(output))
    }
}

impl ResultEncoder for ArrowEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = &self.rows.convert(batch)?;
        let sizes = row_sizes(batch);
        let bytes = sizes.iter().sum();
        let mut from = 0;
        for (row, size) in sizes.into_iter().enumerate() {
            let is_full =
                self.batch_rows == MOST_ROWS || self.batch_bytes + size > self.plan.most_bytes;
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
        let Self { messages, output, .. } = self;
        messages.drain(|message| message.write(output))?;
        self.output.hand_on().map_err(Error::sink)
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        self.write()?;
        let Self { plan, mut messages, mut output, .. } = *self;
        messages.drain(|message| message.write(&mut output))?;
        let data_bytes = output.taken() - plan.head.len() as u64;
        output.write_all(&plan.end).map_err(Error::sink)?;
        plan.gathered.put(output.release().map_err(Error::sink)?);
        Ok(Written::new(data_bytes))
    }

    fn buffered_bytes(&self) -> usize {
        let filling = self.filling.as_ref().map_or(0, Message::heap_bytes);
        self.output.heap_bytes() + filling + self.messages.heap_bytes(Message::heap_bytes)
    }
}

pub(crate) fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => Error::sink(io),
        other => Error::new(ErrorKind::Internal, "the Arrow writer failed").with_source(other),
    }
}
