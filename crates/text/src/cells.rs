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
        self.append(0, cell);
        self.written += 1;
    }

    /// Appends a cell of the column to one row.
    fn append(&mut self, place: usize, cell: &[u8]) {
        self.rows.append(place, &self.before);
        self.rows.append(place, if cell.is_empty() { self.empty.as_bytes() } else { cell });
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
        let mut cell = std::mem::take(&mut self.cell);
        for (place, row) in (0..self.rows.len()).zip(rows) {
            cell.clear();
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                append(row, &mut cell)?;
            } else {
                cell.extend_from_slice(null.as_bytes());
            }
            self.append(place, &cell);
        }
        self.cell = cell;
        Ok(())
    }

    /// Appends a cell for each of these rows: `null`, or the string. The strings that need no escaping are copied;
    /// `append` writes the others.
    pub fn extend_strings<S: Fn(u8) -> bool, P: Fn(&[u8]) -> bool>(
        &mut self,
        array: &StringArray,
        rows: Range<usize>,
        null: &str,
        escaping: &Escaping<S, P>,
        mut append: impl FnMut(&str, &mut Vec<u8>),
    ) {
        let Escaping { quotes, is_special, is_plain } = escaping;
        let offsets = &array.value_offsets()[rows.start..=rows.end];
        let range = |row: usize| offsets[row] as usize..offsets[row + 1] as usize;
        let nulls = some_nulls(array);
        let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(rows.start + row));
        let bytes = array.value_data();
        let all = &bytes[offsets[0] as usize..offsets[rows.len()] as usize];
        // A column that writes other rows than it was given is refused later.
        if rows.len() == self.rows.len()
            && !has_any(all, is_special)
            && (0..rows.len()).all(|row| is_null(row) || is_plain(&bytes[range(row)]))
        {
            self.written += rows.len();
            let Self { rows: to, before, empty, .. } = self;
            let mut buffer = [0; 32];
            let null = Cell::padded(if_empty(null, empty).as_bytes(), &mut buffer);
            to.append_all(before, quotes.as_bytes(), |row| {
                if is_null(row) {
                    return null;
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
        let null = if_empty(null, &self.empty);
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
        let [mut of_null, mut of_no, mut of_yes] = [[0; 32]; 3];
        let null = Cell::padded(if_empty(null, empty).as_bytes(), &mut of_null);
        let words = [
            Cell::padded(spelling.no.as_bytes(), &mut of_no),
            Cell::padded(spelling.yes.as_bytes(), &mut of_yes),
        ];
        let values = array.values();
        to.append_all(before, b"", |place| {
            let row = rows.start + place;
            let is_null = nulls.is_some_and(|nulls| nulls.is_null(row));
            let cell = if is_null { null } else { words[usize::from(values.value(row))] };
            // As a constant, this saves two branches for each cell.
            Cell { is_quoted: false, ..cell }
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

/// Whether any byte is special. Blocks of constant size are compared without branches.
fn has_any(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> bool {
    let in_block = |block: &[u8]| block.iter().fold(false, |found, byte| found | is_special(*byte));
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().any(|block| in_block(block)) || in_block(rest)
}

/// A text, or another one in place of an empty one.
fn if_empty<'a>(text: &'a str, empty: &'a str) -> &'a str {
    if text.is_empty() { empty } else { text }
}

/// The nulls of an array that has some.
fn some_nulls(array: &dyn Array) -> Option<&NullBuffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0)
}
