//! Finds the cells of the rows that have arrived, so that they can be read column by column.

use std::ops::Range;

/// The places of the cells of a few rows, which stand whole in the received bytes.
///
/// A row of a thousand cells would otherwise be appended to a thousand arrays, one after the other: the ends of all of
/// them do not fit in the fastest cache, and the processor can't foresee the type of the next one.
#[derive(Debug)]
pub(crate) struct RowBlock {
    columns: usize,
    rows: usize,
    /// Row by row.
    places: Vec<CellPlace>,
}

/// The place of a cell in the received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellPlace {
    start: u32,
    /// `u32::MAX` for a null.
    length: u32,
}

impl CellPlace {
    pub(crate) const NULL: Self = Self { start: 0, length: u32::MAX };

    /// The place of a cell that ends before 4 GiB.
    #[inline]
    pub(crate) fn new(start: usize, length: usize) -> Self {
        Self { start: start as u32, length: length as u32 }
    }

    #[inline]
    fn cell(self, received: &[u8]) -> Option<&[u8]> {
        if self == Self::NULL {
            return None;
        }
        let start = self.start as usize;
        Some(&received[start..start + self.length as usize])
    }
}

impl RowBlock {
    pub(crate) fn new(columns: usize) -> Self {
        Self { columns, rows: 0, places: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.rows = 0;
        self.places.clear();
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row that stands at `row` in the received bytes, and returns the places of its cells, to be filled. `None`
    /// if the row ends after 4 GiB.
    pub(crate) fn add_row(&mut self, row: &Range<usize>) -> Option<&mut [CellPlace]> {
        u32::try_from(row.end).ok()?;
        self.rows += 1;
        let first = self.places.len();
        self.places.resize(first + self.columns, CellPlace::NULL);
        self.places.get_mut(first..)
    }

    /// The cells of a column in the first `rows` rows.
    pub(crate) fn column<'a>(
        &'a self,
        received: &'a [u8],
        column: usize,
        rows: usize,
    ) -> BlockColumn<'a> {
        let places = self.places.get(column..).unwrap_or_default();
        BlockColumn { received, places, columns: self.columns, rows: rows.min(self.rows) }
    }
}

/// The cells of a column, row by row. A null is `None`.
pub(crate) struct BlockColumn<'a> {
    received: &'a [u8],
    /// From the cell of the next row on.
    places: &'a [CellPlace],
    columns: usize,
    /// Number of rows that are left.
    rows: usize,
}

impl<'a> Iterator for BlockColumn<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.rows = self.rows.checked_sub(1)?;
        let place = *self.places.first()?;
        self.places = self.places.get(self.columns..).unwrap_or_default();
        Some(place.cell(self.received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_column() {
        let received = b"abcdef";
        let mut block = RowBlock::new(2);
        for start in [0, 3] {
            let row = block.add_row(&(start..start + 3)).unwrap();
            row.copy_from_slice(&[CellPlace::new(start, 2), CellPlace::NULL]);
        }
        let cells = |column, rows| block.column(received, column, rows).collect::<Vec<_>>();
        assert_eq!(cells(0, 2), [Some(&b"ab"[..]), Some(b"de")]);
        assert_eq!(cells(1, 2), [None, None]);
        assert_eq!(cells(0, 1), [Some(&b"ab"[..])]);
        assert_eq!(cells(0, 9).len(), 2);
        block.clear();
        assert_eq!((block.rows(), block.column(received, 0, 1).count()), (0, 0));
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let mut block = RowBlock::new(0);
        assert_eq!(block.add_row(&(0..2)), Some(&mut [][..]));
        assert_eq!(block.rows(), 1);
    }
}
