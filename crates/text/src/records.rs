//! Records of separated values on their way out.

use arrow_array::RecordBatch;
use taploom_format::{CellLosses, Output, Result};

use crate::blocks::{Blocks, ColumnText, Frame, TextBlock};

/// Writes records of separated values, and keeps back the last value with the separator before it and
/// the end of its record until more follows, so that output which stops early stops within a record.
/// Of a record of one value it keeps back the end alone: cut before the value it would not show at all.
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
    /// Records with a byte between values and an end each, behind what `output` has already.
    pub fn new(columns: Vec<C>, separator: u8, end: &[u8], threads: usize, output: Output) -> Self {
        let alone = columns.len() == 1;
        let first = std::iter::once(Vec::new());
        let before = first.chain(std::iter::repeat(vec![separator])).take(columns.len()).collect();
        // Readers pass over empty lines, and the row would be lost.
        let empty = if alone { b"\"\"".to_vec() } else { Vec::new() };
        let frame = Frame { before, after: end.to_vec(), empty };
        let blocks = Blocks::new(columns, frame, threads);
        Self { blocks, writer: Writer { alone, kept_back: Vec::new(), output } }
    }

    /// Writes one record, such as that of the names; returns its bytes.
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

    /// Writes what was kept back; returns all bytes of the output.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> Result<u64> {
        self.flush()?;
        let Writer { kept_back, output, .. } = &mut self.writer;
        output.append(&std::mem::take(kept_back))?;
        Ok(output.written())
    }

    /// What each column lost.
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
