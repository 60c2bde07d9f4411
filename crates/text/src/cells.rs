//! The cells of a column as text.

use std::ops::Range;

use arrow_array::{Array, BooleanArray};

use crate::short::{Line, ROOM, Word, append_text};
use crate::value::{Spelling, Value};

/// The cells of a column as text, one after the other.
#[derive(Debug, Default)]
pub struct Cells {
    text: Vec<u8>,
    /// The end of each cell in `text`.
    ends: Vec<usize>,
}

impl Cells {
    /// A buffer for one cell.
    pub(crate) fn of_one(text: &[u8]) -> Self {
        let mut cells = Self { text: text.to_vec(), ends: vec![text.len()] };
        cells.close();
        cells
    }

    /// Appends a cell for each of these rows of `array`: `null`, or the text that `append`
    /// writes.
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

    /// As [`extend`](Self::extend), for values that can't always be written.
    ///
    /// # Errors
    /// The first error of `append`.
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
    pub(crate) fn extend_values<V: Value>(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        values: &[V],
        null: &[u8],
        spelling: &Spelling,
    ) {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let values = rows.clone().zip(&values[rows]);
        self.extend_short(values, null, |(row, value), line| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                line.put(null);
            } else {
                line.put(value.text(spelling, &mut V::Buffer::default()).as_bytes());
            }
        });
    }

    /// Appends a cell for each of these rows: `null`, or the boolean.
    pub(crate) fn extend_booleans(
        &mut self,
        array: &BooleanArray,
        rows: Range<usize>,
        null: &[u8],
        spelling: &Spelling,
    ) {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let words = [spelling.no, spelling.yes].map(Word::new);
        let values = array.values();
        self.extend_short(rows, null, |row, line| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                line.put(null);
            } else {
                let word = &words[usize::from(values.value(row))];
                line.put_beginning(&word.bytes, word.length);
            }
        });
    }

    /// Appends a cell for each value: `null`, or at most 32 bytes.
    fn extend_short<T>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
        null: &[u8],
        put: impl Fn(T, &mut Line<'_>),
    ) {
        let start = self.text.len();
        self.text.resize(start + values.len() * ROOM.max(null.len()), 0);
        let mut line = Line::new(&mut self.text, start);
        self.ends.extend(values.map(|value| {
            put(value, &mut line);
            line.at
        }));
        let end = line.at;
        self.text.truncate(end);
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Ends the cells. Bytes after the last cell allow short cells to be copied with a
    /// constant size.
    pub(crate) fn close(&mut self) {
        self.text.extend_from_slice(&[0; ROOM]);
    }

    /// The text of a cell, and the bytes after it.
    #[inline]
    pub(crate) fn cell(&self, row: usize) -> (usize, &[u8]) {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        (self.ends[row] - from, &self.text[from..])
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}
