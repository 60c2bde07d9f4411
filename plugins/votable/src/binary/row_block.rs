//! Transposes columns into rows, in blocks that stay in the cache.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};

use crate::binary::bits::{WORD_ROWS, null_word, nulls_of, transposed};
use crate::binary::column::{BinaryColumn, Cells};
use crate::misfit::Misfit;

/// Target bytes of a block: with the slices of the columns, it fits into the second-level
/// cache.
const BLOCK_BYTES: usize = 512 << 10;
/// Maximum rows of a block, so that narrow tables do not have long lists of offsets.
const BLOCK_ROWS: usize = 4096;

/// Bytes of the count before a cell of variable width; VOTable 1.4, section 5.3.
pub(crate) const COUNT_BYTES: usize = 4;

/// A block of rows; its memory is reused by the next block.
///
/// A row is its null flags (BINARY2 only) and its cells. Consecutive cells of fixed width form
/// a *run*: within a run the offset of a cell is constant, so only a variable cell moves the
/// offset of every row. Columns are written one after the other, each into all rows of the
/// block.
#[derive(Default)]
pub(crate) struct RowBlock {
    /// Bytes past `end` are left over from the previous block; every row is overwritten in
    /// full.
    bytes: Vec<u8>,
    end: usize,
    /// The offset of each row in `bytes`.
    starts: Vec<usize>,
    /// The offset of the current run of each row in `bytes`.
    runs: Vec<usize>,
    /// A bit per null for every column, 64 rows per word.
    nulls: Vec<u64>,
}

/// How the next block is cut from the rows of a batch.
pub(crate) struct Cut {
    widths: Vec<usize>,
    least_width: usize,
    rows_to_try: usize,
}

impl Cut {
    /// For rows of at least `least_width` bytes.
    pub(crate) fn new(least_width: usize) -> Self {
        let rows_to_try = (BLOCK_BYTES / least_width.max(1)).clamp(1, BLOCK_ROWS);
        Self { widths: Vec::new(), least_width, rows_to_try }
    }

    /// Makes room for the rows of a block, from row `first` on; at least one.
    pub(crate) fn next(
        &mut self,
        columns: &[BinaryColumn],
        arrays: &[ArrayRef],
        first: usize,
        block: &mut RowBlock,
    ) {
        let left = arrays.first().map_or(0, Array::len) - first;
        let tried = left.min(self.rows_to_try);
        self.widths.clear();
        self.widths.resize(tried, self.least_width);
        for (column, array) in columns.iter().zip(arrays) {
            let cells = Cells { array, first, rows: tried, nulls: &[] };
            column.add_widths(cells, &mut self.widths);
        }
        block.make_room(&self.widths);
        // The next block begins with this number of rows, so that long strings are not
        // measured repeatedly for rows that do not fit.
        let average = block.end.div_ceil(block.rows().max(1)).max(1);
        self.rows_to_try = (BLOCK_BYTES / average + 1).clamp(1, BLOCK_ROWS);
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.widths.capacity() * size_of::<usize>()
    }
}

/// Writes a cell to the beginning of a slice that has room for it: a single move instead of a
/// call of `copy_from_slice`.
pub(crate) fn put<const WIDTH: usize>(cell: [u8; WIDTH], place: &mut [u8]) {
    if let Some(place) = place.first_chunk_mut() {
        *place = cell;
    }
}

/// Prefetches the values of a column. A block has few cells per column, too few for the
/// processor to detect a pattern. Requested together, the cache misses of many columns overlap.
/// Only doubles and booleans are requested, because most columns have these types.
fn warm(array: &ArrayRef, first: usize, rows: usize) {
    const LINE: usize = 64;
    let (bytes, from, to) = if let Some(doubles) = array.as_primitive_opt::<Float64Type>() {
        (doubles.values().inner().as_slice(), first * 8, (first + rows) * 8)
    } else if let Some(booleans) = array.as_boolean_opt() {
        let start = booleans.values().offset() + first;
        (booleans.values().values(), start / 8, (start + rows).div_ceil(8))
    } else {
        return;
    };
    let lines = bytes.get(from..to).unwrap_or_default().iter().step_by(LINE);
    std::hint::black_box(lines.fold(0, |sum, byte| sum ^ byte));
}

/// The lowest bit of each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// A byte for each bit, the lowest first: 0 or 1.
fn a_byte_each(bits: u8) -> u64 {
    const ITS_OWN: u64 = 0x8040_2010_0804_0201;
    // Adding 0x7f sets the highest bit of every byte that is not zero.
    ((((u64::from(bits) * EACH) & ITS_OWN) + 0x7f * EACH) >> 7) & EACH
}

impl RowBlock {
    /// Rows that the block has room for.
    pub(crate) fn rows(&self) -> usize {
        self.starts.len()
    }

    /// The rows, one after the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Writes rows of a batch from row `first` on; `truncated` becomes the number of cells
    /// of each column that lost characters.
    pub(crate) fn fill(
        &mut self,
        columns: &[BinaryColumn],
        arrays: &[ArrayRef],
        first: usize,
        flags: bool,
        truncated: &mut Vec<u64>,
    ) -> Result<(), Misfit> {
        let rows = self.rows();
        let words = rows.div_ceil(WORD_ROWS).max(1);
        let mut nulls = std::mem::take(&mut self.nulls);
        nulls.clear();
        for array in arrays {
            warm(array, first, rows);
            let of_array = nulls_of(array);
            nulls.extend((0..words).map(|index| index * WORD_ROWS).map(|done| {
                of_array.map_or(0, |nulls| null_word(nulls, first + done, rows - done))
            }));
        }
        if flags {
            self.write_flags(&nulls, words);
        }
        let columns = columns.iter().zip(arrays).zip(nulls.chunks_exact(words));
        truncated.clear();
        for ((column, array), nulls) in columns {
            truncated.push(column.write(Cells { array, first, rows, nulls }, self)?);
        }
        self.nulls = nulls;
        Ok(())
    }

    /// Writes one cell of fixed width into each row.
    pub(crate) fn scatter<const WIDTH: usize>(
        &mut self,
        offset: usize,
        cells: impl Iterator<Item = [u8; WIDTH]>,
    ) {
        for (cell, run) in cells.zip(&self.runs) {
            put(cell, &mut self.bytes[run + offset..]);
        }
    }

    /// Writes one of four bytes into each row. A bit of the first word and a bit of the
    /// second choose the byte, for each of 64 rows.
    pub(crate) fn scatter_bits(
        &mut self,
        offset: usize,
        words: impl Iterator<Item = (u64, u64)>,
        bytes: [u8; 4],
    ) {
        // Eight rows at a time: the first byte, changed in the rows whose bits are set.
        let [none, first, second, both] = bytes.map(u64::from);
        let (by_first, by_second) = (none ^ first, none ^ second);
        let by_both = by_first ^ second ^ both;
        for ((low, high), runs) in words.zip(self.runs.chunks(WORD_ROWS)) {
            for ((runs, low), high) in runs.chunks(8).zip(low.to_le_bytes()).zip(high.to_le_bytes())
            {
                let (low, high) = (a_byte_each(low), a_byte_each(high));
                let cells = (EACH * none)
                    ^ (low * by_first)
                    ^ (high * by_second)
                    ^ ((low & high) * by_both);
                for (run, cell) in runs.iter().zip(cells.to_le_bytes()) {
                    self.bytes[run + offset] = cell;
                }
            }
        }
    }

    /// The bytes of a cell of fixed width.
    pub(crate) fn fixed(&mut self, row: usize, offset: usize, width: usize) -> &mut [u8] {
        &mut self.bytes[self.runs[row] + offset..][..width]
    }

    /// Writes the count of a variable cell, and moves the run of the row past its bytes,
    /// which are returned.
    pub(crate) fn variable(
        &mut self,
        row: usize,
        offset: usize,
        count: u32,
        width: usize,
    ) -> &mut [u8] {
        let at = self.runs[row] + offset + COUNT_BYTES;
        self.bytes[at - COUNT_BYTES..at].copy_from_slice(&count.to_be_bytes());
        self.runs[row] = at + width;
        &mut self.bytes[at..at + width]
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let positions = self.starts.capacity() + self.runs.capacity();
        self.bytes.capacity()
            + positions * size_of::<usize>()
            + self.nulls.capacity() * size_of::<u64>()
    }

    /// Makes room for the rows of a block, given their widths; at least one.
    fn make_room(&mut self, widths: &[usize]) {
        self.starts.clear();
        self.end = 0;
        for width in widths {
            if !self.starts.is_empty() && self.end + width > BLOCK_BYTES {
                break;
            }
            self.starts.push(self.end);
            self.end += width;
        }
        self.runs.clone_from(&self.starts);
        if self.bytes.len() < self.end {
            self.bytes.resize(self.end, 0);
        }
    }

    /// Writes the null flags, eight columns at a time (VOTable 1.4, section 5.4). The
    /// number of words per column is given.
    fn write_flags(&mut self, nulls: &[u64], words: usize) {
        for (byte, columns) in nulls.chunks(8 * words).enumerate() {
            for (index, starts) in self.starts.chunks(WORD_ROWS).enumerate() {
                let mut eight = [0; 8];
                for (word, column) in eight.iter_mut().zip(columns.chunks_exact(words)) {
                    *word = column[index];
                }
                for (start, flags) in starts.iter().zip(transposed(eight)) {
                    self.bytes[start + byte] = flags;
                }
            }
        }
    }
}
