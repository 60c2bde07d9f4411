//! Columns in, rows out: the transposition, in blocks that stay in the cache.

use arrow_array::{Array, ArrayRef};

use crate::binary::column::{BinaryColumn, Cells, Place};
use crate::misfit::Misfit;

/// Bytes that a block aims at: together with the columns' slices it fits the second-level cache.
const BLOCK_BYTES: usize = 256 << 10;
/// Rows that a block has at most, so that narrow tables do not make long lists of positions.
const BLOCK_ROWS: usize = 4096;

/// Bytes of the count before a cell of variable width; VOTable 1.4, 5.3.
pub(crate) const COUNT_BYTES: usize = 4;

/// A block of rows in the making.
///
/// A row is its null flags, which BINARY has none of, and then its cells. Cells of fixed width that follow each other form a
/// *run*: within it the place of a cell is a constant, so that only a variable cell moves the
/// position of every row. Columns are written one after the other, each down the whole block.
pub(crate) struct RowBlock {
    pub(crate) bytes: Vec<u8>,
    /// For every row, where it begins in `bytes`.
    starts: Vec<usize>,
    /// For every row, where the current run begins in `bytes`.
    runs: Vec<usize>,
    widths: Vec<usize>,
    least_width: usize,
    rows_to_try: usize,
}

impl RowBlock {
    /// A block for rows that have at least `least_width` bytes.
    pub(crate) fn new(least_width: usize) -> Self {
        Self {
            bytes: Vec::new(),
            starts: Vec::new(),
            runs: Vec::new(),
            widths: Vec::new(),
            least_width,
            rows_to_try: (BLOCK_BYTES / least_width.max(1)).clamp(1, BLOCK_ROWS),
        }
    }

    /// Appends rows of a batch from `first` on, as many as make a block and at least one; returns
    /// how many. Where a cell does not fit, none of them is there.
    pub(crate) fn fill(
        &mut self,
        columns: &mut [BinaryColumn],
        arrays: &[ArrayRef],
        first: usize,
    ) -> Result<usize, Misfit> {
        let carried = self.bytes.len();
        let rows = self.make_room(columns, arrays, first);
        for (column, array) in columns.iter_mut().zip(arrays) {
            if let Err(misfit) = column.write(Cells { array, first, rows }, self) {
                self.bytes.truncate(carried);
                return Err(misfit);
            }
        }
        Ok(rows)
    }

    /// Writes one cell of fixed width into each row.
    pub(crate) fn scatter<B: AsRef<[u8]>>(&mut self, place: Place, cells: impl Iterator<Item = B>) {
        for (cell, run) in cells.zip(&self.runs) {
            let at = run + place.offset;
            let cell = cell.as_ref();
            self.bytes[at..at + cell.len()].copy_from_slice(cell);
        }
    }

    /// Sets the flags of null cells, and puts `cell` over what stands there.
    pub(crate) fn write_nulls(&mut self, cells: Cells<'_>, place: Place, cell: &[u8]) {
        let nulls = cells.array.nulls().filter(|nulls| nulls.null_count() > 0);
        let Some(nulls) = nulls else { return };
        for row in 0..cells.rows {
            if nulls.is_null(cells.first + row) {
                if let Some(flag) = place.flag {
                    self.bytes[self.starts[row] + flag.byte] |= flag.mask;
                }
                let at = self.runs[row] + place.offset;
                self.bytes[at..at + cell.len()].copy_from_slice(cell);
            }
        }
    }

    /// The bytes of a cell of fixed width.
    pub(crate) fn fixed(&mut self, row: usize, place: Place, width: usize) -> &mut [u8] {
        let at = self.runs[row] + place.offset;
        &mut self.bytes[at..at + width]
    }

    /// Writes the count of a variable cell, and moves the run of the row behind its bytes, which are
    /// returned.
    pub(crate) fn variable(
        &mut self,
        row: usize,
        place: Place,
        count: u32,
        width: usize,
    ) -> &mut [u8] {
        let at = self.runs[row] + place.offset + COUNT_BYTES;
        self.bytes[at - COUNT_BYTES..at].copy_from_slice(&count.to_be_bytes());
        self.runs[row] = at + width;
        &mut self.bytes[at..at + width]
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let positions = self.starts.capacity() + self.runs.capacity() + self.widths.capacity();
        self.bytes.capacity() + positions * size_of::<usize>()
    }

    /// Makes room for the next rows, filled with zeros: flags that are not set, and the cells of
    /// nulls. Returns how many rows.
    fn make_room(&mut self, columns: &[BinaryColumn], arrays: &[ArrayRef], first: usize) -> usize {
        let left = arrays.first().map_or(0, Array::len) - first;
        let tried = left.min(self.rows_to_try);
        self.widths.clear();
        self.widths.resize(tried, self.least_width);
        for (column, array) in columns.iter().zip(arrays) {
            column.add_widths(Cells { array, first, rows: tried }, &mut self.widths);
        }
        self.starts.clear();
        let carried = self.bytes.len();
        let mut end = carried;
        for width in &self.widths {
            if !self.starts.is_empty() && end + width > carried + BLOCK_BYTES {
                break;
            }
            self.starts.push(end);
            end += width;
        }
        let rows = self.starts.len();
        self.runs.clone_from(&self.starts);
        self.bytes.resize(end, 0);
        // The next block tries what this one would have needed, so that long strings are not
        // measured again and again for rows that do not fit.
        let average = (end - carried).div_ceil(rows.max(1)).max(1);
        self.rows_to_try = (BLOCK_BYTES / average + 1).clamp(1, BLOCK_ROWS);
        rows
    }
}
