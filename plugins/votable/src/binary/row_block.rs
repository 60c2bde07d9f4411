//! Transposes columns into rows, in blocks that stay in the cache.

use arrow_array::{Array, ArrayRef};
use fearless_simd::{Level, dispatch};
use taploom_format::prefetch;

use crate::binary::bits::{WORD_ROWS, null_word, nulls_of, transposed};
use crate::binary::column::{BinaryColumn, Cells, Rules, Width, Writer};
use crate::binary::strips::{STRIP_BYTES, STRIP_COLUMNS};
use crate::misfit::Misfit;

/// Target bytes of a block, measured: a smaller one costs more per column, and a larger one, with
/// its text and the cells, more for memory.
const BLOCK_BYTES: usize = 600 << 10;
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
    /// Words of the columns of a strip.
    words: [Vec<u64>; STRIP_COLUMNS],
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
#[inline(always)]
pub(crate) fn put<const WIDTH: usize>(cell: [u8; WIDTH], place: &mut [u8]) {
    if let Some(place) = place.first_chunk_mut() {
        *place = cell;
    }
}

/// How many columns ahead values are fetched into the cache. A block has few cells per column, too few for the
/// processor to detect a pattern.
const COLUMNS_AHEAD: usize = 8;

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
        rules: Rules,
        level: Level,
        truncated: &mut Vec<u64>,
    ) -> Result<(), Misfit> {
        let rows = self.rows();
        let words = rows.div_ceil(WORD_ROWS).max(1);
        let mut nulls = std::mem::take(&mut self.nulls);
        nulls.clear();
        for array in arrays {
            let of_array = nulls_of(array);
            nulls.extend((0..words).map(|index| index * WORD_ROWS).map(|done| {
                of_array.map_or(0, |nulls| null_word(nulls, first + done, rows - done))
            }));
        }
        if rules.flags {
            self.write_flags(level, &nulls, words);
        }
        truncated.clear();
        truncated.resize(columns.len(), 0);
        let mut rooms = std::mem::take(&mut self.words);
        let cells = |index: usize| {
            if let Some(array) = arrays.get(index + COLUMNS_AHEAD) {
                prefetch(array, first..first + rows);
            }
            let nulls = &nulls[index * words..][..words];
            Cells { array: &arrays[index], first, rows, nulls }
        };
        let mut index = 0;
        while let Some(column) = columns.get(index) {
            let end = index + column.strip.as_ref().map_or(1, |strip| strip.columns);
            match &column.writer {
                Writer::Cells(writer) => {
                    let written = writer.write(cells(index), column.offset, self);
                    truncated[index] = written.map_err(|misfit| misfit.of_column(&column.name))?;
                }
                Writer::Words(_) => {
                    let mut made: [&[u64]; STRIP_COLUMNS] = [&[]; STRIP_COLUMNS];
                    let of_strip = (index..end).zip(&columns[index..end]).zip(&mut rooms);
                    for (((index, column), room), made) in of_strip.zip(&mut made) {
                        if let Writer::Words(writer) = &column.writer {
                            let words = writer.words(level, cells(index), room);
                            *made = words.map_err(|misfit| misfit.of_column(&column.name))?;
                        }
                    }
                    match &column.strip {
                        Some(strip) => strip.write(level, made, &self.runs, &mut self.bytes),
                        None => self.scatter(column, made[0]),
                    }
                }
            }
            index = end;
        }
        self.words = rooms;
        self.nulls = nulls;
        Ok(())
    }

    /// Writes one cell into each row, and no other bytes.
    fn scatter(&mut self, column: &BinaryColumn, words: &[u64]) {
        match column.writer.width() {
            Width::Fixed(1) => self.scatter_cells::<1>(column.offset, words),
            Width::Fixed(2) => self.scatter_cells::<2>(column.offset, words),
            Width::Fixed(4) => self.scatter_cells::<4>(column.offset, words),
            _ => self.scatter_cells::<8>(column.offset, words),
        }
    }

    fn scatter_cells<const WIDTH: usize>(&mut self, offset: usize, words: &[u64]) {
        for (word, run) in words.iter().zip(&self.runs) {
            if let Some(cell) = word.to_be_bytes().first_chunk::<WIDTH>() {
                put(*cell, &mut self.bytes[run + offset..]);
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
        let words = self.words.iter().map(Vec::capacity).sum::<usize>() + self.nulls.capacity();
        self.bytes.capacity() + positions * size_of::<usize>() + words * size_of::<u64>()
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
        // Bits are taken 64 rows at a time.
        let whole = self.starts.len() / WORD_ROWS * WORD_ROWS;
        if whole > 0
            && self.starts.len() < widths.len()
            && let Some(end) = self.starts.get(whole)
        {
            self.end = *end;
            self.starts.truncate(whole);
        }
        self.runs.clone_from(&self.starts);
        if self.bytes.len() < self.end + STRIP_BYTES {
            self.bytes.resize(self.end + STRIP_BYTES, 0);
        }
    }

    /// Writes the null flags (VOTable 1.4, section 5.4), 64 columns at a time. The number of
    /// words per column is given.
    fn write_flags(&mut self, level: Level, nulls: &[u64], words: usize) {
        for (group, columns) in nulls.chunks(WORD_ROWS * words).enumerate() {
            let flag_bytes = (columns.len() / words).div_ceil(8);
            for (index, starts) in self.starts.chunks(WORD_ROWS).enumerate() {
                let mut square = [0; WORD_ROWS];
                for (word, column) in square.iter_mut().zip(columns.chunks_exact(words)) {
                    *word = column[index];
                }
                let rows = dispatch!(level, simd => transposed(simd, &square));
                for (start, flags) in starts.iter().zip(rows) {
                    let place = &mut self.bytes[start + 8 * group..];
                    match flag_bytes {
                        8 => put(flags, place),
                        _ => place[..flag_bytes].copy_from_slice(&flags[..flag_bytes]),
                    }
                }
            }
        }
    }
}
