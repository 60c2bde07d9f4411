//! The cells of a column as text.

use std::ops::Range;

use arrow_array::Array;

use crate::short::{ROOM, append_beginning, append_text};
use crate::value::{Spelling, Value};

/// The cells of a column as text, one after the other.
#[derive(Debug, Default)]
pub struct Cells {
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

impl Cells {
    /// One cell.
    pub(crate) fn of_one(text: &[u8]) -> Self {
        let mut cells = Self { text: text.to_vec(), ends: vec![text.len()] };
        cells.close();
        cells
    }

    /// Appends a cell for every one of these rows of `array`: `null`, or what `append` writes.
    pub fn extend(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        null: &[u8],
        mut append: impl FnMut(usize, &mut Vec<u8>),
    ) {
        let never: Result<(), std::convert::Infallible> =
            self.try_extend(array, rows, null, |row, text| {
                append(row, text);
                Ok(())
            });
        let Ok(()) = never;
    }

    /// The same with what may fail, at a row of the array.
    ///
    /// # Errors
    /// That of `append`, which is not called again.
    #[inline]
    pub fn try_extend<E>(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        null: &[u8],
        mut append: impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ends.reserve(rows.len());
        let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else {
            for row in rows {
                append(row, &mut self.text)?;
                self.ends.push(self.text.len());
            }
            return Ok(());
        };
        for row in rows {
            if nulls.is_valid(row) {
                append(row, &mut self.text)?;
            } else {
                append_text(null, &mut self.text);
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }

    /// Appends a cell for each of these rows: `null`, or the value.
    ///
    /// Some are made before the first of them is copied: a text that has just been written byte by byte
    /// can't be read in one move before all its bytes are in the cache.
    pub(crate) fn extend_values<V: Value>(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        values: &[V],
        null: &[u8],
        spelling: &Spelling,
    ) {
        const AT_ONCE: usize = 8;
        self.ends.reserve(rows.len());
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let first = rows.start;
        for (index, values) in values[rows].chunks(AT_ONCE).enumerate() {
            let mut buffers: [V::Buffer; AT_ONCE] = Default::default();
            let mut texts = [""; AT_ONCE];
            for ((text, buffer), value) in texts.iter_mut().zip(&mut buffers).zip(values) {
                *text = value.text(spelling, buffer);
            }
            let row = first + index * AT_ONCE;
            for (offset, text) in texts[..values.len()].iter().enumerate() {
                let is_null = nulls.is_some_and(|nulls| nulls.is_null(row + offset));
                append_text(if is_null { null } else { text.as_bytes() }, &mut self.text);
                self.ends.push(self.text.len());
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// All cells are there. Behind the last stand bytes that are no cell's, so that short ones can be
    /// taken with what follows.
    pub(crate) fn close(&mut self) {
        self.text.extend_from_slice(&[0; ROOM]);
    }

    /// Appends the text of a cell, or `empty` where it has none.
    #[inline]
    pub(crate) fn append_cell(&self, row: usize, empty: &[u8], to: &mut Vec<u8>) {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        let length = self.ends[row] - from;
        let text = &self.text[from..];
        match text.first_chunk() {
            _ if length == 0 => to.extend_from_slice(empty),
            Some(beginning) if length <= ROOM => append_beginning(beginning, length, to),
            _ => to.extend_from_slice(&text[..length]),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}
