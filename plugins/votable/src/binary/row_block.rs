//! Columns in, rows out: the transposition, in blocks that stay in the cache.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};

use crate::binary::bits::{WORD_ROWS, null_word, nulls_of, transposed};
use crate::binary::column::{BinaryColumn, Cells};
use crate::misfit::Misfit;

/// Bytes that a block aims at: together with the columns' slices it fits the second-level cache.
const BLOCK_BYTES: usize = 512 << 10;
/// Rows that a block has at most, so that narrow tables do not make long lists of positions.
const BLOCK_ROWS: usize = 4096;

/// Bytes of the count before a cell of variable width; VOTable 1.4, 5.3.
pub(crate) const COUNT_BYTES: usize = 4;

/// A block of rows in the making; its memory serves one block after the other.
///
/// A row is its null flags, which BINARY has none of, and then its cells. Cells of fixed width that
/// follow each other form a *run*: within it the place of a cell is a constant, so that only a variable
/// cell moves the position of every row. Columns are written one after the other, each down the whole
/// block.
#[derive(Default)]
pub(crate) struct RowBlock {
    /// Those of the block before from its end on: every byte of a row is written, zeros too.
    bytes: Vec<u8>,
    end: usize,
    /// For every row, where it begins in `bytes`.
    starts: Vec<usize>,
    /// For every row, where the current run begins in `bytes`.
    runs: Vec<usize>,
    /// For every column, a bit for each null, 64 rows in a word.
    nulls: Vec<u64>,
}

/// How the next block is cut from the rows of a batch.
pub(crate) struct Cut {
    widths: Vec<usize>,
    least_width: usize,
    rows_to_try: usize,
}

impl Cut {
    /// For rows that have at least `least_width` bytes.
    pub(crate) fn new(least_width: usize) -> Self {
        let rows_to_try = (BLOCK_BYTES / least_width.max(1)).clamp(1, BLOCK_ROWS);
        Self { widths: Vec::new(), least_width, rows_to_try }
    }

    /// Makes room for rows from `first` on, as many as make a block and at least one.
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
        // The next block tries what this one would have needed, so that long strings are not
        // measured again and again for rows that do not fit.
        let average = block.end.div_ceil(block.rows().max(1)).max(1);
        self.rows_to_try = (BLOCK_BYTES / average + 1).clamp(1, BLOCK_ROWS);
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.widths.capacity() * size_of::<usize>()
    }
}

/// Writes a cell to the beginning of a place that has room for it: one move, where `copy_from_slice` is
/// a call.
pub(crate) fn put<const WIDTH: usize>(cell: [u8; WIDTH], place: &mut [u8]) {
    if let Some(place) = place.first_chunk_mut() {
        *place = cell;
    }
}

/// A block has few cells of every column, too few for the processor to see a pattern and fetch ahead. Asked
/// for in a row, the misses of many columns overlap. Doubles and booleans, as most columns are.
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
    // What is left in a byte passes 0x7f by the sum, if anything is.
    ((((u64::from(bits) * EACH) & ITS_OWN) + 0x7f * EACH) >> 7) & EACH
}

impl RowBlock {
    /// Rows that there is room for.
    pub(crate) fn rows(&self) -> usize {
        self.starts.len()
    }

    /// The rows, one after the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Writes rows of a batch from `first` on; `truncated` becomes the number of cells that lost
    /// characters, for each column.
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

    /// Writes one byte into each row, out of four: which one, a bit of the first and of the second of two
    /// words says for each of 64 rows.
    pub(crate) fn scatter_bits(
        &mut self,
        offset: usize,
        words: impl Iterator<Item = (u64, u64)>,
        bytes: [u8; 4],
    ) {
        // Eight rows at a time: each of the four is the first, changed where bits are set.
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

    /// Writes the count of a variable cell, and moves the run of the row behind its bytes, which are
    /// returned.
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

    /// Makes room for as many of the rows of these widths as make a block, and for one at least.
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

    /// Writes the null flags, eight columns at a time; VOTable 1.4, 5.4. Every column has so many words.
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
