//! Encodes rows as records of separated values.

use std::sync::Arc;

use arrow_array::RecordBatch;
use taploom_format::{Completion, EncodeContext, Losses, Output, Result, ResultEncoder, Written};

use crate::blocks::{BlockPlan, Blocks, ColumnText, Frame, TextBlock};

/// What is the same for all results of a schema in a format of separated values: the columns, and the output before
/// the first row. It is a [plan](EncodeContext::plan).
pub struct RecordPlan<C> {
    blocks: BlockPlan<C>,
    /// Whether a record has one value.
    alone: bool,
    header: Vec<u8>,
    names: Option<TextBlock>,
    alteration: &'static str,
    altered_names: Vec<usize>,
}

impl<C: ColumnText> RecordPlan<C> {
    /// Records with a separator between values and an end of record each.
    pub fn new(columns: Vec<C>, separator: u8, end: &[u8], context: &EncodeContext) -> Self {
        let alone = columns.len() == 1;
        let first = std::iter::once(Vec::new());
        let before = first.chain(std::iter::repeat(vec![separator])).take(columns.len()).collect();
        // Readers skip empty lines, and the row would be lost.
        let empty = if alone { "\"\"" } else { "" };
        let frame = Frame { before, after: end.to_vec(), empty };
        Self {
            blocks: BlockPlan::new(columns, frame, context),
            alone,
            header: Vec::new(),
            names: None,
            alteration: "",
            altered_names: Vec::new(),
        }
    }

    /// Sets the output before the record with the names of the columns.
    #[must_use]
    pub fn with_header(self, header: impl Into<Vec<u8>>) -> Self {
        Self { header: header.into(), ..self }
    }

    /// Adds a record with the names of the columns, before the first row.
    #[must_use]
    pub fn with_names<V: AsRef<[u8]>>(mut self, names: &[V]) -> Self {
        self.names = Some(self.blocks.frame().record(names.iter().map(AsRef::as_ref)));
        self
    }

    /// Sets how cells and names with characters that the format can't hold are altered, and the positions of the
    /// columns whose names were altered.
    #[must_use]
    pub fn with_alterations(mut self, alteration: &'static str, names: Vec<usize>) -> Self {
        (self.alteration, self.altered_names) = (alteration, names);
        self
    }
}

/// The encoder of a format whose rows are records of separated values.
///
/// It holds back the last value, with the separator before it and the end of its record, until
/// more output follows, so that output which stops early ends within a record. For a record of
/// one value it holds back only the end: without the value, the output would look complete.
pub struct Records<C> {
    plan: Arc<RecordPlan<C>>,
    blocks: Blocks<C>,
    writer: Writer,
    /// Number of bytes of the output before the first row.
    header_bytes: u64,
}

struct Writer {
    alone: bool,
    kept_back: Vec<u8>,
    output: Output,
}

impl<C: ColumnText> Records<C> {
    /// Starts a result: writes the header and the names of the columns.
    ///
    /// # Errors
    /// As [`Output::append`].
    pub fn start(plan: Arc<RecordPlan<C>>, threads: usize, mut output: Output) -> Result<Self> {
        output.append(&plan.header)?;
        let header_bytes = plan.header.len() as u64;
        let mut records = Self {
            blocks: Blocks::of(&plan.blocks, threads),
            header_bytes,
            writer: Writer { alone: plan.alone, kept_back: Vec::new(), output },
            plan,
        };
        if let Some(names) = &records.plan.names {
            records.header_bytes += names.text.len() as u64;
            records.writer.append(names)?;
        }
        Ok(records)
    }
}

impl<C: ColumnText> ResultEncoder for Records<C> {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.blocks.write(batch, |block| self.writer.append(block))
    }

    fn flush(&mut self) -> Result<()> {
        self.blocks.drain(|block| self.writer.append(block))
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        self.flush()?;
        let Writer { kept_back, output, .. } = &mut self.writer;
        output.append(&std::mem::take(kept_back))?;
        let rows = output.written() - self.header_bytes;
        let RecordPlan { alteration, altered_names, .. } = &*self.plan;
        let losses = Losses::of_cells(alteration, self.blocks.losses().iter().copied());
        Ok(Written::new(rows).with_losses(losses.with_altered_names(altered_names.iter().copied())))
    }

    fn buffered_bytes(&self) -> usize {
        self.blocks.heap_bytes() + self.writer.kept_back.capacity()
    }
}

impl Writer {
    fn append(&mut self, block: &TextBlock) -> Result<()> {
        let last = if self.alone { block.last_after } else { block.last_cell };
        let (text, last) = block.text.split_at(last);
        self.output.append(&self.kept_back)?;
        self.output.append(text)?;
        self.kept_back.clear();
        self.kept_back.extend_from_slice(last);
        Ok(())
    }
}
