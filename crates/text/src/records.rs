//! Writes records of separated values to an output.

use arrow_array::RecordBatch;
use taploom_format::{CellLosses, Output, Result};

use crate::blocks::{Blocks, ColumnText, Frame, TextBlock};

/// Writes records of separated values.
///
/// It holds back the last value, with the separator before it and the end of its record, until
/// more output follows, so that output which stops early ends within a record. For a record of
/// one value it holds back only the end: without the value, the output would look complete.
pub struct Records<C> {
    blocks: Blocks<C>,
    writer: Writer,
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
        let empty = if alone { b"\"\"".to_vec() } else { Vec::new() };
        let frame = Frame { before, after: end.to_vec(), empty };
        let blocks = Blocks::new(columns, frame, threads);
        Self { blocks, writer: Writer { alone, kept_back: Vec::new(), output } }
    }

    /// Writes one record, such as the column names; returns its bytes.
    ///
    /// # Errors
    /// As [`Output::append`].
    pub fn append<V: AsRef<[u8]>>(&mut self, values: &[V]) -> Result<u64> {
        let block = self.blocks.frame().record(values.iter().map(AsRef::as_ref));
        self.writer.append(&block)?;
        Ok(block.text.len() as u64)
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// As [`Blocks::write`] and [`Output::append`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.blocks.write(batch, |block| self.writer.append(block))
    }

    /// Writes the rows that are being encoded on other threads. More may follow.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> Result<()> {
        self.blocks.drain(|block| self.writer.append(block))
    }

    /// Writes what was held back; returns the total bytes of the output.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> Result<u64> {
        self.flush()?;
        let Writer { kept_back, output, .. } = &mut self.writer;
        output.append(&std::mem::take(kept_back))?;
        Ok(output.written())
    }

    /// The losses of each column.
    pub fn losses(&self) -> &[CellLosses] {
        self.blocks.losses()
    }

    /// Heap held, in bytes.
    pub fn heap_bytes(&self) -> usize {
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
