//! Columns in, rows out: the transposition, in blocks that stay in the cache.

use arrow_array::{Array, ArrayRef};

use crate::column_writer::ColumnWriter;

/// Bytes that a block aims at: together with the columns' slices it fits the second-level cache.
const BLOCK_BYTES: usize = 256 << 10;
/// Rows that a block has at most, so that narrow tables do not make long lists of positions.
const BLOCK_ROWS: usize = 4096;

/// A block of BINARY2 rows in the making.
///
/// A row is its null flags and then its cells. Cells of fixed width that follow each other form a
/// *run*: within it the place of a cell is a constant, so that only a variable cell moves the
/// position of every row. Columns are written one after the other, each down the whole block.
pub(crate) struct RowBlock {
    pub(crate) bytes: Vec<u8>,
    /// For every row, where its flags stand in `bytes`.
    pub(crate) flags: Vec<usize>,
    /// For every row, where the current run begins in `bytes`.
    pub(crate) runs: Vec<usize>,
    widths: Vec<usize>,
    least_width: usize,
    rows_to_try: usize,
}

impl RowBlock {
    /// A block for rows that have at least `least_width` bytes.
    pub(crate) fn new(least_width: usize) -> Self {
        Self {
            bytes: Vec::new(),
            flags: Vec::new(),
            runs: Vec::new(),
            widths: Vec::new(),
            least_width,
            rows_to_try: (BLOCK_BYTES / least_width.max(1)).clamp(1, BLOCK_ROWS),
        }
    }

    /// Appends rows of a batch from `first` on, as many as make a block and at least one; returns
    /// how many.
    pub(crate) fn fill(
        &mut self,
        writers: &mut [ColumnWriter],
        columns: &[ArrayRef],
        first: usize,
    ) -> usize {
        let rows = self.place(writers, columns, first);
        for (writer, column) in writers.iter_mut().zip(columns) {
            writer.write(column, first, self);
        }
        rows
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let positions = self.flags.capacity() + self.runs.capacity() + self.widths.capacity();
        self.bytes.capacity() + positions * size_of::<usize>()
    }

    /// Makes room for the next rows, filled with zeros: flags that are not set, and the cells of
    /// nulls.
    fn place(&mut self, writers: &[ColumnWriter], columns: &[ArrayRef], first: usize) -> usize {
        let left = columns.first().map_or(0, Array::len) - first;
        let tried = left.min(self.rows_to_try);
        self.widths.clear();
        self.widths.resize(tried, self.least_width);
        for (writer, column) in writers.iter().zip(columns) {
            if writer.is_variable() {
                writer.add_widths(column, first, &mut self.widths);
            }
        }
        self.flags.clear();
        let carried = self.bytes.len();
        let mut end = carried;
        for width in &self.widths {
            if !self.flags.is_empty() && end + width > carried + BLOCK_BYTES {
                break;
            }
            self.flags.push(end);
            end += width;
        }
        let rows = self.flags.len();
        self.runs.clone_from(&self.flags);
        self.bytes.resize(end, 0);
        // The next block tries what this one would have needed, so that long strings are not
        // measured again and again for rows that do not fit.
        let average = (end - carried).div_ceil(rows.max(1)).max(1);
        self.rows_to_try = (BLOCK_BYTES / average + 1).clamp(1, BLOCK_ROWS);
        rows
    }
}
