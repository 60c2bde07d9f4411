//! Bitmaps of Arrow, 64 rows at a time.

use arrow_array::Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};

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

/// Transposes eight words into eight bytes for each of their 64 bits: byte `r` has bit `r` of
/// every word, with the first word in its most significant bit.
pub(crate) fn transposed(words: [u64; 8]) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (eighth, bytes) in bytes.chunks_exact_mut(8).enumerate() {
        // Byte c has the bits of eight rows of column 7 - c.
        let mut square = 0;
        for word in words {
            square = square << 8 | (word >> (8 * eighth)) & 0xff;
        }
        // Swaps halves, quarters and eighths across the diagonal.
        let swap = (square ^ (square >> 7)) & 0x00aa_00aa_00aa_00aa;
        square ^= swap ^ (swap << 7);
        let swap = (square ^ (square >> 14)) & 0x0000_cccc_0000_cccc;
        square ^= swap ^ (swap << 14);
        let swap = (square ^ (square >> 28)) & 0x0000_0000_f0f0_f0f0;
        square ^= swap ^ (swap << 28);
        bytes.copy_from_slice(&square.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use arrow_array::Int32Array;

    use super::*;

    #[test]
    fn bits_are_transposed() {
        let words: [u64; 8] =
            std::array::from_fn(|index| 0x9e37_79b9_7f4a_7c15_u64.rotate_left(7 * index as u32));
        for (row, byte) in transposed(words).into_iter().enumerate() {
            let expected = words.iter().fold(0, |byte, word| byte << 1 | (word >> row & 1) as u8);
            assert_eq!(byte, expected, "row {row}");
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
