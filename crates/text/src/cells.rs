//! The cells of some rows as text, written column by column.

use std::ops::Range;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::NullBuffer;
use taploom_decimals::{Cell, Number, Rows, Validity, Values};

use crate::spelling::Spelling;

/// Takes the cells of one column after the other, and appends each cell to its row.
///
/// Each column makes one call, with all rows that it was given.
#[derive(Debug, Default)]
pub struct Cells {
    rows: Rows,
    /// The text before each cell of the column.
    before: Vec<u8>,
    /// The text that replaces an empty cell.
    empty: String,
    /// Number of cells of the column.
    written: usize,
    /// A cell that is being written.
    cell: Vec<u8>,
}

impl Cells {
    /// Starts rows without cells, of about this width. `empty` replaces each empty cell.
    pub(crate) fn start_rows(&mut self, rows: usize, width: usize, empty: &str) {
        self.rows.start(rows, width);
        empty.clone_into(&mut self.empty);
    }

    /// Starts a column whose cells have this text before them.
    pub(crate) fn start_column(&mut self, before: &[u8]) {
        before.clone_into(&mut self.before);
        self.written = 0;
    }

    /// Number of cells of the column.
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    /// Appends the only cell of a column.
    pub(crate) fn push(&mut self, cell: &[u8]) {
        let cell = if cell.is_empty() { self.empty.as_bytes() } else { cell };
        self.rows.append(0, &self.before);
        self.rows.append(0, cell);
        self.written += 1;
    }

    /// The last row with the columns so far.
    pub(crate) fn last_row(&self) -> &[u8] {
        self.rows.last().unwrap_or_default()
    }

    /// The rows with the columns so far.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Appends a cell for each of these rows of `array`: `null`, or the text that `append`
    /// writes.
    pub fn extend(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        null: &str,
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
    pub fn try_extend<E>(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        null: &str,
        mut append: impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.written += rows.len();
        let nulls = some_nulls(array);
        for (place, row) in (0..self.rows.len()).zip(rows) {
            self.cell.clear();
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                append(row, &mut self.cell)?;
            } else {
                self.cell.extend_from_slice(null.as_bytes());
            }
            let cell = if self.cell.is_empty() { self.empty.as_bytes() } else { &self.cell };
            self.rows.append(place, &self.before);
            self.rows.append(place, cell);
        }
        Ok(())
    }

    /// Appends a cell for each of these rows: `null`, or the string. The strings that need no escaping are copied; `append`
    /// writes the others.
    pub fn extend_strings<S: Fn(u8) -> bool, P: Fn(&[u8]) -> bool>(
        &mut self,
        array: &StringArray,
        rows: Range<usize>,
        null: &str,
        escaping: &Escaping<S, P>,
        mut append: impl FnMut(&str, &mut Vec<u8>),
    ) {
        // A column that is given other rows is refused after it.
        if rows.len() != self.rows.len() || rows.is_empty() {
            self.written += rows.len();
            return;
        }
        let Escaping { quotes, is_special, is_plain } = escaping;
        let offsets = &array.value_offsets()[rows.start..=rows.end];
        let range = |row: usize| offsets[row] as usize..offsets[row + 1] as usize;
        let nulls = some_nulls(array);
        let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(rows.start + row));
        let bytes = array.value_data();
        let none_is_special =
            !has_any(&bytes[range(0).start..range(rows.len() - 1).end], is_special);
        if none_is_special
            && (0..rows.len()).all(|row| is_null(row) || is_plain(&bytes[range(row)]))
        {
            self.written += rows.len();
            let Self { rows: to, before, empty, .. } = self;
            let null = Word::new(if null.is_empty() { empty } else { null });
            to.append_all(before, quotes.as_bytes(), |row| {
                if is_null(row) {
                    return null.cell();
                }
                let range = range(row);
                Cell { bytes: &bytes[range.start..], length: range.len(), is_quoted: true }
            });
            return;
        }
        self.extend(array, rows, null, |row, text| append(array.value(row), text));
    }

    /// Appends a cell for each of these rows: `null`, or the number.
    pub(crate) fn extend_numbers<T: ArrowPrimitiveType<Native: Number>>(
        &mut self,
        array: &PrimitiveArray<T>,
        rows: Range<usize>,
        null: &str,
        spelling: &Spelling,
    ) {
        self.written += rows.len();
        let mut values = Values::new(&array.values()[rows.clone()]);
        if let Some(nulls) = some_nulls(array) {
            let offset = nulls.offset() + rows.start;
            values = values.with_validity(Validity { bits: nulls.validity(), offset });
        }
        let null = if null.is_empty() { &self.empty } else { null };
        spelling.decimals(null).append_to_rows(values, &self.before, &mut self.rows);
    }

    /// Appends a cell for each of these rows: `null`, or the boolean.
    pub(crate) fn extend_booleans(
        &mut self,
        array: &BooleanArray,
        rows: Range<usize>,
        null: &str,
        spelling: &Spelling,
    ) {
        self.written += rows.len();
        if rows.len() != self.rows.len() {
            return;
        }
        let nulls = some_nulls(array);
        let Self { rows: to, before, empty, .. } = self;
        let null = Word::new(if null.is_empty() { empty } else { null });
        let words = [spelling.no, spelling.yes].map(Word::new);
        let values = array.values();
        to.append_all(before, b"", |place| {
            let row = rows.start + place;
            let is_null = nulls.is_some_and(|nulls| nulls.is_null(row));
            if is_null { null.cell() } else { words[usize::from(values.value(row))].cell() }
        });
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes() + self.before.capacity() + self.cell.capacity()
    }
}

/// Which strings a format writes as they are.
#[derive(Debug, Clone, Copy)]
pub struct Escaping<S, P> {
    /// The quotes on both sides of a string that is written as it is.
    pub quotes: &'static str,
    /// Whether a byte may have to be escaped, wherever it stands. The bytes of all rows are searched at once, so this
    /// should be a few comparisons without branches.
    pub is_special: S,
    /// Whether a string without special bytes is written as it is.
    pub is_plain: P,
}

/// A text, in a buffer that lets it be copied with a constant size if it is short.
struct Word<'a> {
    text: &'a [u8],
    padded: [u8; 32],
}

impl<'a> Word<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.as_bytes();
        let mut padded = [0; 32];
        if let Some(beginning) = padded.get_mut(..text.len()) {
            beginning.copy_from_slice(text);
        }
        Self { text, padded }
    }

    fn cell(&self) -> Cell<'_> {
        let length = self.text.len();
        let bytes = if length <= self.padded.len() { &self.padded } else { self.text };
        Cell { bytes, length, is_quoted: false }
    }
}

/// Whether any byte is special. Blocks of constant size are compared without branches.
fn has_any(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> bool {
    let in_block = |block: &[u8]| block.iter().fold(false, |found, byte| found | is_special(*byte));
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().any(|block| in_block(block)) || in_block(rest)
}

/// The nulls of an array that has some.
fn some_nulls(array: &dyn Array) -> Option<&NullBuffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0)
}
