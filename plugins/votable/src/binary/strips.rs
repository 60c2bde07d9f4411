//! Writes columns of words into rows, up to sixteen columns at a time.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x16, u64x2};

use crate::binary::row_block::put;

/// Most columns of a strip.
pub(crate) const STRIP_COLUMNS: usize = 16;
/// Bytes written at once.
const PAIR_BYTES: usize = 16;
/// A mask for the offset of a pair in a strip.
const OFFSETS: usize = 127;
/// Bytes that a strip needs from its first cell on. They may be more than the row has left.
pub(crate) const STRIP_BYTES: usize = OFFSETS + 1 + PAIR_BYTES;

/// Up to sixteen columns whose cells are next to each other in a row; each cell has at most eight
/// bytes.
///
/// The cells of a row are written in pairs. Before the strip goes on to the next rows, all its
/// columns are written: rows of a wide table are in different pages of memory, and changing
/// between them is what takes time.
#[derive(Debug, Clone)]
pub(crate) struct Strip {
    /// Columns of the strip.
    pub(crate) columns: usize,
    /// Offset of the first cell from the beginning of the run.
    offset: usize,
    /// At least one.
    pairs: Vec<Pair>,
}

/// The cells of two columns, or of one.
///
/// One move of [`PAIR_BYTES`] writes them, in the order of bytes that the format wants. It writes
/// other bytes after shorter cells. The columns that follow overwrite these, so the row must have
/// room for them.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// Offset of the cells from the first of the strip.
    offset: usize,
    /// The columns of the strip.
    columns: [usize; 2],
    /// For every byte of the row, its position in the words of the two cells.
    order: [u8; PAIR_BYTES],
}

impl Strip {
    /// Columns with cells of these bytes, the first at this offset; `room` has the bytes of a row
    /// from the first column on.
    ///
    /// The strip has as many of these columns as fit into it. `None` if the row has no room for a pair of cells.
    pub(crate) fn new(offset: usize, room: usize, widths: &[usize]) -> Option<Self> {
        let (mut pairs, mut columns, mut bytes) = (Vec::new(), 0, 0);
        for widths in widths.chunks(2).take(STRIP_COLUMNS / 2) {
            if bytes + PAIR_BYTES > room {
                break;
            }
            pairs.push(Pair::new(bytes, columns, widths));
            columns += widths.len();
            bytes += widths.iter().sum::<usize>();
        }
        (!pairs.is_empty()).then_some(Self { columns, offset, pairs })
    }

    /// Writes the cells into rows, whose runs begin at these positions.
    pub(crate) fn write(
        &self,
        level: Level,
        columns: [&[u64]; STRIP_COLUMNS],
        runs: &[usize],
        bytes: &mut [u8],
    ) {
        match self.pairs.len() {
            ..=4 => dispatch!(level, simd => self.write_pairs::<_, 4>(simd, columns, runs, bytes)),
            _ => dispatch!(level, simd => self.write_pairs::<_, 8>(simd, columns, runs, bytes)),
        }
    }

    /// Writes a fixed number of pairs: if there are fewer, the last one again.
    #[inline(always)]
    fn write_pairs<S: Simd, const PAIRS: usize>(
        &self,
        simd: S,
        columns: [&[u64]; STRIP_COLUMNS],
        runs: &[usize],
        bytes: &mut [u8],
    ) {
        let (squares, single) = runs.as_chunks::<2>();
        let last_pair = self.pairs.len().saturating_sub(1);
        // Loops in place of closures: the compiler does not always inline a closure, and one that is called
        // for itself is not compiled for the instructions of `simd`.
        let mut words: [[&[u64]; 2]; PAIRS] = [[&[]; 2]; PAIRS];
        let mut offsets = [0; PAIRS];
        let mut orders = [u8x16::splat(simd, 0); PAIRS];
        for index in 0..PAIRS {
            let pair = self.pairs[index.min(last_pair)];
            for (words, column) in words[index].iter_mut().zip(pair.columns) {
                let column = columns[column];
                *words = &column[..column.len().min(runs.len())];
            }
            offsets[index] = pair.offset & OFFSETS;
            orders[index] = u8x16::simd_from(simd, pair.order);
        }
        let mut in_twos: [[&[[u64; 2]]; 2]; PAIRS] = [[&[]; 2]; PAIRS];
        for index in 0..PAIRS {
            for (twos, words) in in_twos[index].iter_mut().zip(words[index]) {
                *twos = &words.as_chunks().0[..squares.len()];
            }
        }
        // Two rows of two columns are a square of words, which is transposed.
        for (index, [upper, lower]) in squares.iter().enumerate() {
            let mut cells = [[[0; PAIR_BYTES]; 2]; PAIRS];
            for pair in 0..PAIRS {
                let [first, second] = in_twos[pair];
                let first = u64x2::simd_from(simd, first[index]);
                let second = u64x2::simd_from(simd, second[index]);
                let order = orders[pair];
                cells[pair] = [
                    first.zip_low(second).to_bytes().swizzle_dyn(order).into(),
                    first.zip_high(second).to_bytes().swizzle_dyn(order).into(),
                ];
            }
            for (run, half) in [(upper, 0), (lower, 1)] {
                if let Some(place) = place(bytes, run + self.offset) {
                    for (offset, cells) in offsets.iter().zip(&cells) {
                        put(cells[half], &mut place[*offset..]);
                    }
                }
            }
        }
        let (Some(last), Some(run)) = (runs.len().checked_sub(1), single.first()) else { return };
        if let Some(place) = place(bytes, run + self.offset) {
            for pair in 0..PAIRS {
                let [first, second] = words[pair];
                let cells = u64x2::simd_from(simd, [first[last], second[last]]);
                let cells = cells.to_bytes().swizzle_dyn(orders[pair]);
                put(cells.into(), &mut place[offsets[pair]..]);
            }
        }
    }
}

/// The bytes of a strip in a row.
#[inline(always)]
fn place(bytes: &mut [u8], at: usize) -> Option<&mut [u8; STRIP_BYTES]> {
    bytes.get_mut(at..)?.first_chunk_mut()
}

impl Pair {
    /// One or two columns, from this one of the strip on.
    fn new(offset: usize, column: usize, widths: &[usize]) -> Self {
        let [first, second] = [0, 1].map(|index| widths.get(index).copied().unwrap_or(0));
        let positions = (0..8_u8).rev().take(first).chain((8..16).rev().take(second));
        let mut order = [0; PAIR_BYTES];
        for (place, position) in order.iter_mut().zip(positions) {
            *place = position;
        }
        Self { offset, columns: [column, column + widths.len() - 1], order }
    }
}
