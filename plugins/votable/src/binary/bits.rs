//! Bitmaps of Arrow, 64 rows at a time.

use arrow_array::Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, u8x64, u64x8};

/// Rows per word.
pub(crate) const WORD_ROWS: usize = 64;

/// The bits of up to 64 rows, the first row in the lowest bit; the other bits are zero.
pub(crate) fn word(bits: &BooleanBuffer, first: usize, rows: usize) -> u64 {
    bits_from(bits.values(), bits.offset() + first) & lowest(rows)
}

/// The bits of null cells in these rows.
pub(crate) fn null_word(nulls: &NullBuffer, first: usize, rows: usize) -> u64 {
    !word(nulls.inner(), first, rows) & lowest(rows)
}

fn lowest(bits: usize) -> u64 {
    u64::MAX >> (WORD_ROWS - bits.min(WORD_ROWS))
}

/// Up to 64 bits, from this position on.
fn bits_from(bytes: &[u8], bit: usize) -> u64 {
    let (bytes, shift) = (&bytes[bit / 8..], bit % 8);
    let low = match bytes.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let next = bytes.get(8).map_or(0, |byte| u64::from(*byte));
    low >> shift | if shift > 0 { next << (64 - shift) } else { 0 }
}

/// The nulls of a column, if the array has any.
pub(crate) fn nulls_of(array: &dyn Array) -> Option<&NullBuffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0)
}

/// The positions of the bits that are set.
pub(crate) fn for_each_set(words: &[u64], mut found: impl FnMut(usize)) {
    for (word, first) in words.iter().zip((0..).step_by(WORD_ROWS)) {
        let mut left = *word;
        while left != 0 {
            found(first + left.trailing_zeros() as usize);
            // Clears the lowest bit that is set.
            left &= left - 1;
        }
    }
}

/// The position of the first bit that is set.
pub(crate) fn first_set(words: &[u64]) -> Option<usize> {
    let index = words.iter().position(|word| *word != 0)?;
    Some(index * WORD_ROWS + words[index].trailing_zeros() as usize)
}

/// Transposes the words of 64 columns into eight bytes for each of their 64 bits: the bytes of row
/// `r` have bit `r` of every word, the first word in the most significant bit of the first byte.
#[inline(always)]
pub(crate) fn transposed<S: Simd>(simd: S, words: &[u64; WORD_ROWS]) -> [[u8; 8]; WORD_ROWS] {
    // Eight words become eight words with one byte of each, from the last word to the first.
    let mut bytes = [[0; 8]; 8];
    for (eight, bytes) in words.as_chunks::<8>().0.iter().zip(&mut bytes) {
        *bytes = bytes_transposed(*eight);
    }
    let mut rows = [[0; 8]; WORD_ROWS];
    for (index, rows) in rows.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let of_eight_rows: [u64; 8] = std::array::from_fn(|columns| bytes[columns][index]);
        let of_eight_rows: u8x64<S> = u64x8::simd_from(simd, of_eight_rows).bitcast();
        for (bit, row) in rows.iter_mut().enumerate() {
            let bit = u8x64::simd_from(simd, 1 << bit);
            *row = (of_eight_rows & bit).simd_eq(bit).to_bitmask().to_le_bytes();
        }
    }
    rows
}

/// Transposes eight words as a square of bytes; the first word becomes the most significant byte of
/// every word.
#[inline(always)]
fn bytes_transposed(mut words: [u64; 8]) -> [u64; 8] {
    words.reverse();
    for (step, mask) in
        [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)]
    {
        // Swaps halves, quarters and eighths across the diagonal.
        for index in (0..8).filter(|index| index & step == 0) {
            let swap = ((words[index] >> (8 * step)) ^ words[index + step]) & mask;
            words[index] ^= swap << (8 * step);
            words[index + step] ^= swap;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use arrow_array::Int32Array;
    use fearless_simd::dispatch;

    use super::*;
    use crate::binary::tests::levels;

    #[test]
    fn bits_are_transposed() {
        let words: [u64; 64] =
            std::array::from_fn(|index| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index as u64 + 1));
        for level in levels() {
            let rows = dispatch!(level, simd => transposed(simd, &words));
            for (row, bytes) in rows.iter().enumerate() {
                for (column, word) in words.iter().enumerate() {
                    let bit = bytes[column / 8] >> (7 - column % 8) & 1;
                    assert_eq!(u64::from(bit), word >> row & 1, "column {column} of row {row}");
                }
            }
        }
    }

    #[test]
    fn nulls_are_found_from_any_row_on() {
        let is_null = |row: usize| row.is_multiple_of(3) || row.is_multiple_of(64);
        let values = (0..300).map(|row| (!is_null(row)).then_some(1));
        let array = values.collect::<Int32Array>();
        let nulls = nulls_of(&array).unwrap();
        for (first, rows) in [(0, 300), (1, 64), (63, 65), (64, 64), (7, 1), (130, 170), (5, 0)] {
            let starts = (0..rows).step_by(WORD_ROWS);
            let words = starts.map(|row| null_word(nulls, first + row, rows - row));
            let words: Vec<u64> = words.collect();
            let mut found = Vec::new();
            for_each_set(&words, |row| found.push(row));
            let expected: Vec<_> = (0..rows).filter(|row| is_null(first + row)).collect();
            assert_eq!(found, expected, "{rows} rows from {first}");
            assert_eq!(first_set(&words), expected.first().copied());
        }
    }
}
