//! TABLEDATA; VOTable 1.4, 5.1.

mod column;
mod lists;
mod text;

use arrow_array::{ArrayRef, RecordBatch};
use taploom_encoder::{Column, Output, Result};

use crate::encoder::{RowWriter, Written};

use self::column::TextColumn;

/// Bytes of text that a block of rows aims at.
const BLOCK_BYTES: usize = 256 << 10;
/// Rows that a block has at most.
const BLOCK_ROWS: usize = 4096;
/// Bytes of the tags around a cell.
const TAG_BYTES: usize = "<TD></TD>".len();

/// Rows as XML: a block of every column first, so that a column is looked at once a block, and then
/// row after row from those.
pub(crate) struct TableDataRows {
    columns: Vec<TextColumn>,
    block: Vec<u8>,
    rows: u64,
}

impl TableDataRows {
    pub(crate) fn new(columns: &[Column]) -> Result<Self> {
        let columns = columns.iter().map(TextColumn::new).collect::<Result<_>>()?;
        Ok(Self { columns, block: Vec::new(), rows: 0 })
    }

    /// Rows from `first` on that make a block: at least one.
    fn rows_of_block(&self, arrays: &[ArrayRef], first: usize) -> usize {
        let mut rows = arrays.first().map_or(0, |array| array.len() - first).min(BLOCK_ROWS);
        while rows > 1 {
            let cells = self.columns.iter().zip(arrays);
            let bytes: usize = cells
                .map(|(column, array)| column.weigh(array, first, rows) + rows * TAG_BYTES)
                .sum();
            if bytes <= BLOCK_BYTES {
                break;
            }
            rows = rows.div_ceil(2);
        }
        rows
    }

    /// Puts the cells of so many rows between their tags.
    fn lay_out(&mut self, rows: usize) {
        self.block.clear();
        for row in 0..rows {
            self.block.extend_from_slice(b"<TR>");
            for column in &self.columns {
                self.block.extend_from_slice(b"<TD>");
                self.block.extend_from_slice(column.cell(row));
                self.block.extend_from_slice(b"</TD>");
            }
            self.block.extend_from_slice(b"</TR>\n");
        }
    }
}

impl RowWriter for TableDataRows {
    fn tags(&self) -> (&'static str, &'static str) {
        ("<DATA><TABLEDATA>\n", "</TABLEDATA></DATA>\n")
    }

    fn write(&mut self, batch: RecordBatch, output: &mut Output) -> Result<()> {
        let arrays = batch.columns();
        let all = arrays.first().map_or(0, |array| array.len());
        let mut first = 0;
        while first < all {
            let rows = self.rows_of_block(arrays, first);
            for (column, array) in self.columns.iter_mut().zip(arrays) {
                column
                    .write(array, first..first + rows)
                    .map_err(|misfit| misfit.into_error(self.rows))?;
            }
            self.lay_out(rows);
            output.append(&self.block)?;
            first += rows;
            self.rows += rows as u64;
        }
        Ok(())
    }

    fn finish(&mut self, _output: &mut Output) -> Result<()> {
        Ok(())
    }

    fn written(&self) -> Written {
        Written {
            rows: self.rows,
            truncated_cells: self.columns.iter().map(|column| column.losses().truncated).sum(),
            altered_cells: self.columns.iter().map(|column| column.losses().altered).sum(),
        }
    }

    fn heap_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(TextColumn::heap_bytes).sum();
        columns + self.block.capacity()
    }
}
