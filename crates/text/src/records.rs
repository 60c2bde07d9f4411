//! Encodes rows as records of separated values.

use arrow_array::RecordBatch;
use taploom_format::{Completion, Losses, Output, Result, ResultEncoder, Written};

use crate::blocks::{Blocks, ColumnText, Frame, TextBlock};

/// The encoder of a format whose rows are records of separated values.
///
/// It holds back the last value, with the separator before it and the end of its record, until
/// more output follows, so that output which stops early ends within a record. For a record of
/// one value it holds back only the end: without the value, the output would look complete.
pub struct Records<C> {
    blocks: Blocks<C>,
    writer: Writer,
    /// Number of bytes of the output before the first row.
    header_bytes: u64,
    alteration: &'static str,
    altered_names: Vec<usize>,
}

struct Writer {
    alone: bool,
    kept_back: Vec<u8>,
    output: Output,
}

impl<C: ColumnText> Records<C> {
    /// Records with a separator between values and an end of record each, written after
    /// what `output` already has.
    pub fn new(columns: Vec<C>, separator: u8, end: &[u8], threads: usize, output: Output) -> Self {
        let alone = columns.len() == 1;
        let first = std::iter::once(Vec::new());
        let before = first.chain(std::iter::repeat(vec![separator])).take(columns.len()).collect();
        // Readers skip empty lines, and the row would be lost.
        let empty = if alone { "\"\"" } else { "" };
        let frame = Frame { before, after: end.to_vec(), empty };
        Self {
            blocks: Blocks::new(columns, frame, threads),
            header_bytes: output.written(),
            writer: Writer { alone, kept_back: Vec::new(), output },
            alteration: "",
            altered_names: Vec::new(),
        }
    }

    /// Sets how cells and names with characters that the format can't hold are altered, and the positions of the
    /// columns whose names were altered.
    #[must_use]
    pub fn with_alterations(mut self, alteration: &'static str, names: Vec<usize>) -> Self {
        (self.alteration, self.altered_names) = (alteration, names);
        self
    }

    /// Writes the record with the names of the columns, before the first row.
    ///
    /// # Errors
    /// As [`Output::append`].
    pub fn write_names<V: AsRef<[u8]>>(&mut self, names: &[V]) -> Result<()> {
        let block = self.blocks.frame().record(names.iter().map(AsRef::as_ref));
        self.header_bytes += block.text.len() as u64;
        self.writer.append(&block)
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
        let losses = Losses::of_cells(self.alteration, self.blocks.losses().iter().copied());
        Ok(Written::new(rows).with_losses(losses.with_altered_names(self.altered_names)))
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
