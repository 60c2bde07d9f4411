//! Records of separated values on their way out.

use taploom_encoder::{Output, Result};

use crate::blocks::Block;

/// Writes records of separated values, and keeps back the last value with the separator before it and
/// the end of its record until more follows, so that output which stops early stops within a record.
/// Of a record of one value it keeps back the end alone: cut before the value it would not show at all.
pub struct Records {
    separator: u8,
    end: &'static [u8],
    text: Vec<u8>,
    kept_back: Vec<u8>,
    output: Output,
}

impl Records {
    /// Records with a byte between values and an end each, behind what `output` has already.
    pub fn new(separator: u8, end: &'static [u8], output: Output) -> Self {
        Self { separator, end, text: Vec::new(), kept_back: Vec::new(), output }
    }

    /// Writes one record, such as that of the names; returns its bytes.
    ///
    /// # Errors
    /// As [`Output::append`].
    pub fn append<V: AsRef<[u8]>>(&mut self, values: &[V]) -> Result<u64> {
        self.start();
        let before = self.text.len();
        let last = self.record(values.iter().map(AsRef::as_ref));
        let bytes = (self.text.len() - before) as u64;
        self.write(last)?;
        Ok(bytes)
    }

    /// Writes the rows of a block.
    ///
    /// # Errors
    /// As [`Output::append`].
    pub fn append_block(&mut self, block: &Block<'_>) -> Result<()> {
        self.start();
        let mut last = 0;
        for row in 0..block.rows {
            last = self.record(block.columns.iter().map(|column| column.cell(row)));
        }
        self.write(last)
    }

    /// Writes what was kept back; returns the bytes of the whole output.
    ///
    /// # Errors
    /// As [`Output::finish`].
    pub fn finish(mut self) -> Result<u64> {
        self.output.append(&self.kept_back)?;
        self.output.finish()
    }

    /// Heap held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.kept_back.capacity()
    }

    fn start(&mut self) {
        self.text.clear();
        self.text.extend_from_slice(&self.kept_back);
    }

    /// Lays out a record; returns where to keep back from.
    fn record<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a [u8]>) -> usize {
        let alone = values.len() == 1;
        let mut last = self.text.len();
        for (index, value) in values.enumerate() {
            last = self.text.len();
            if index > 0 {
                self.text.push(self.separator);
            }
            match value {
                // Readers pass over empty lines, and the row would be lost.
                [] if alone => self.text.extend_from_slice(b"\"\""),
                value => self.text.extend_from_slice(value),
            }
        }
        if alone {
            last = self.text.len();
        }
        self.text.extend_from_slice(self.end);
        last
    }

    fn write(&mut self, last: usize) -> Result<()> {
        self.output.append(&self.text[..last])?;
        self.kept_back.clear();
        self.kept_back.extend_from_slice(&self.text[last..]);
        Ok(())
    }
}
