//! Numbers, booleans and bits, one per cell, as words of eight bytes.

use arrow_array::cast::AsArray;
use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, mask64x8, u64x8};

use crate::binary::bits::{WORD_ROWS, first_set, for_each_set, word};
use crate::binary::column::{Cells, Rules};
use crate::binary::elements::{NO_NULL, Number, Numbers, letter};
use crate::misfit::Misfit;

/// Makes words of the cells of a column whose cells have at most eight bytes; VOTable 1.4,
/// sections 5.3 and 6.
///
/// The bytes of a cell are the highest bytes of its word: `to_be_bytes` begins with them.
pub(crate) trait WordWriter: Send + Sync {
    /// Bytes of a cell.
    fn bytes(&self) -> usize;

    /// A word per row: the values of the array, if they need no change, or else `room`.
    fn words<'a>(
        &self,
        level: Level,
        cells: Cells<'a>,
        room: &'a mut Vec<u64>,
    ) -> Result<&'a [u64], Misfit>;
}

/// Writes numbers.
pub(crate) struct NumberWriter<T: Number>(pub(crate) Numbers<T>);

impl<T: Number> WordWriter for NumberWriter<T> {
    fn bytes(&self) -> usize {
        size_of::<T::Native>()
    }

    fn words<'a>(
        &self,
        level: Level,
        cells: Cells<'a>,
        room: &'a mut Vec<u64>,
    ) -> Result<&'a [u64], Misfit> {
        let array = cells.array.as_primitive::<T>();
        let range = cells.first..cells.first + cells.rows;
        self.0
            .find_reserved(array, range.clone())
            .map_err(|(row, message)| Misfit::new(row, message))?;
        let null = match (self.0.null_cell, first_set(cells.nulls)) {
            (_, None) => None,
            (None, Some(row)) => return Err(Misfit::new(row, NO_NULL)),
            (Some(null), Some(_)) => Some(T::word(null)),
        };
        let values = array.values();
        let words = (size_of::<T::Native>() == size_of::<u64>())
            .then(|| &values.inner().typed_data::<u64>()[range.clone()]);
        if let (Some(words), None) = (words, null) {
            return Ok(words);
        }
        let room = words_of(room, cells.rows);
        let values = &values[range];
        match (words, null) {
            (Some(words), Some(null)) => {
                dispatch!(level, simd => put_nulls(simd, words, cells.nulls, null, room));
            }
            (_, null) => {
                dispatch!(level, _ => convert::<T>(values, room));
                if let Some(null) = null {
                    for_each_set(cells.nulls, |row| room[row] = null);
                }
            }
        }
        Ok(&room[..cells.rows])
    }
}

/// Writes `T`, `F`, and 0x00 for null.
pub(crate) struct BooleanWriter;

impl WordWriter for BooleanWriter {
    fn bytes(&self) -> usize {
        1
    }

    fn words<'a>(
        &self,
        level: Level,
        cells: Cells<'a>,
        room: &'a mut Vec<u64>,
    ) -> Result<&'a [u64], Misfit> {
        Ok(spell(level, cells, [letter(false), letter(true), 0], room))
    }
}

/// Writes a byte whose most significant bit is the value.
pub(crate) struct BitWriter {
    pub(crate) rules: Rules,
}

impl WordWriter for BitWriter {
    fn bytes(&self) -> usize {
        1
    }

    fn words<'a>(
        &self,
        level: Level,
        cells: Cells<'a>,
        room: &'a mut Vec<u64>,
    ) -> Result<&'a [u64], Misfit> {
        if let Some(row) = first_set(cells.nulls) {
            self.rules.check_null_bit().map_err(|message| Misfit::new(row, message))?;
        }
        Ok(spell(level, cells, [0, 0x80, 0], room))
    }
}

/// Room for the words of some rows, in whole words of bits.
fn words_of(room: &mut Vec<u64>, rows: usize) -> &mut [u64] {
    let rows = rows.next_multiple_of(WORD_ROWS);
    if room.len() < rows {
        room.resize(rows, 0);
    }
    &mut room[..rows]
}

/// The bytes for `false`, `true` and null.
fn spell<'a>(
    level: Level,
    cells: Cells<'_>,
    spelled: [u8; 3],
    room: &'a mut Vec<u64>,
) -> &'a [u64] {
    let Cells { array, first, rows, nulls } = cells;
    let values = array.as_boolean().values();
    let room = words_of(room, rows);
    let values = (0..rows).step_by(WORD_ROWS).map(|done| word(values, first + done, rows - done));
    let bits = values.zip(nulls.iter().copied());
    dispatch!(level, simd => choose(simd, bits, spelled, room));
    &room[..rows]
}

/// A word for each row, by the bit of its value and the bit of its null.
#[inline(always)]
fn choose<S: Simd>(
    simd: S,
    bits: impl Iterator<Item = (u64, u64)>,
    spelled: [u8; 3],
    words: &mut [u64],
) {
    let [no, yes, null] = spelled.map(|byte| u64::from_be_bytes([byte, 0, 0, 0, 0, 0, 0, 0]));
    let no = u64x8::simd_from(simd, no);
    let yes = u64x8::simd_from(simd, yes);
    let null = u64x8::simd_from(simd, null);
    for (words, (values, nulls)) in words.chunks_exact_mut(WORD_ROWS).zip(bits) {
        for (index, eight) in words.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let cells = mask64x8::from_bitmask(simd, values >> (8 * index)).select(yes, no);
            let cells = mask64x8::from_bitmask(simd, nulls >> (8 * index)).select(null, cells);
            *eight = cells.into();
        }
    }
}

#[inline(always)]
fn convert<T: Number>(values: &[T::Native], words: &mut [u64]) {
    for (word, value) in words.iter_mut().zip(values) {
        *word = T::word(*value);
    }
}

/// Copies words, with another one for the rows whose bits are set.
#[inline(always)]
fn put_nulls<S: Simd>(simd: S, from: &[u64], nulls: &[u64], null: u64, words: &mut [u64]) {
    let to = words.chunks_exact_mut(WORD_ROWS);
    for ((words, from), nulls) in to.zip(from.chunks(WORD_ROWS)).zip(nulls) {
        let (eights, rest) = from.as_chunks::<8>();
        let null8 = u64x8::simd_from(simd, null);
        let (to, _) = words.as_chunks_mut::<8>();
        for (index, (eight, from)) in to.iter_mut().zip(eights).enumerate() {
            let is_null = mask64x8::from_bitmask(simd, nulls >> (8 * index));
            *eight = is_null.select(null8, u64x8::simd_from(simd, *from)).into();
        }
        let done = eights.len() * 8;
        for (index, (word, from)) in words[done..].iter_mut().zip(rest).enumerate() {
            *word = if nulls >> (done + index) & 1 == 1 { null } else { *from };
        }
    }
}
