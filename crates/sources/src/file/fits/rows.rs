//! Reads the bytes of rows, a few rows at a time.

use std::io::{self, Read};

use taploom_model::{Error, ErrorKind, Result};

use super::hdus::Table;

/// The rows of a table. Rows that were read but not taken yet wait in memory.
pub(super) struct RowBytes {
    input: Box<dyn Read + Send>,
    row_bytes: usize,
    rows: u64,
    read: u64,
    bytes: Vec<u8>,
    most_bytes: usize,
}

impl RowBytes {
    /// Holds at most `most_bytes` of rows, but at least one row.
    pub(super) fn new(input: Box<dyn Read + Send>, table: &Table, most_bytes: usize) -> Self {
        let Table { row_bytes, rows, .. } = *table;
        Self { input, row_bytes, rows, read: 0, bytes: Vec::new(), most_bytes }
    }

    /// Number of rows that were taken.
    pub(super) fn rows_taken(&self) -> u64 {
        self.read - self.waiting() as u64
    }

    fn waiting(&self) -> usize {
        self.bytes.len().checked_div(self.row_bytes).unwrap_or(0)
    }

    /// Reads up to this number of rows. Returns how many are in memory; 0 after the last row.
    pub(super) fn fill(&mut self, most: usize) -> Result<usize> {
        if self.row_bytes == 0 {
            // A table without columns can have rows.
            let rows = (self.rows - self.read).min(most as u64);
            self.read += rows;
            return Ok(usize::try_from(rows).unwrap_or(most));
        }
        let most = most.min(self.most_bytes / self.row_bytes).max(1);
        let waiting = self.waiting();
        if waiting < most {
            let wanted = (self.rows - self.read).min((most - waiting) as u64);
            let wanted = usize::try_from(wanted).unwrap_or(most - waiting);
            let start = self.bytes.len();
            self.bytes.resize(start + wanted * self.row_bytes, 0);
            let filled = self.read_into(start)?;
            let whole = filled / self.row_bytes;
            self.read += whole as u64;
            self.bytes.truncate(start + whole * self.row_bytes);
            if whole < wanted && self.bytes.is_empty() {
                let message =
                    format!("the file is cut short: {} of {} rows are there", self.read, self.rows);
                return Err(Error::new(ErrorKind::Source, message));
            }
        }
        Ok(self.waiting().min(most))
    }

    fn read_into(&mut self, start: usize) -> Result<usize> {
        let bytes = &mut self.bytes[start..];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.input.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let row = self.read + (filled / self.row_bytes) as u64 + 1;
                    let message = "can't read more rows";
                    return Err(Error::new(ErrorKind::Source, message)
                        .with_row(row)
                        .with_source(error));
                }
            }
        }
        Ok(filled)
    }

    /// For each of the first rows, the bytes `offset..offset + width`.
    pub(super) fn cells(
        &self,
        rows: usize,
        offset: usize,
        width: usize,
    ) -> impl Iterator<Item = &[u8]> {
        let row_bytes = self.row_bytes;
        (0..rows).map(move |row| &self.bytes[row * row_bytes + offset..][..width])
    }

    /// Removes the first rows.
    pub(super) fn take(&mut self, rows: usize) {
        let bytes = rows.saturating_mul(self.row_bytes).min(self.bytes.len());
        self.bytes.drain(..bytes);
    }
}
