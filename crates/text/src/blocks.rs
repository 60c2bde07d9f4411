//! Rows as text: a block of every column first, so that a column is looked at once a block.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use taploom_encoder::Result;

use crate::elements::elements_of;

/// Bytes of text that a block of rows aims at.
const BLOCK_BYTES: usize = 256 << 10;
/// Rows that a block has at most.
const BLOCK_ROWS: usize = 4096;
/// A guess at the width of a value that is no string.
const VALUE_BYTES: usize = 12;

/// How the cells of one column become text; chosen once, at the start.
pub trait ColumnText {
    /// Appends all cells of `array`, in the type that the column was chosen for.
    fn append(&mut self, array: &ArrayRef, to: &mut Cells);
}

/// The columns of a result, each with the text of its cells for a block of rows: some 256 KiB, and
/// one row at least.
pub struct Blocks<C> {
    columns: Vec<C>,
    cells: Vec<Cells>,
}

impl<C: ColumnText> Blocks<C> {
    /// Blocks of these columns.
    pub fn new(columns: Vec<C>) -> Self {
        let cells = columns.iter().map(|_| Cells::default()).collect();
        Self { columns, cells }
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[C] {
        &self.columns
    }

    /// Hands the rows of `batch` to `lay_out`, block by block.
    ///
    /// # Errors
    /// That of `lay_out`, which is not called again.
    pub fn each(
        &mut self,
        batch: &RecordBatch,
        mut lay_out: impl FnMut(&Block<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        while first < batch.num_rows() {
            let rows = rows_of_a_block(batch, first);
            let columns = self.columns.iter_mut().zip(&mut self.cells).zip(batch.columns());
            for ((column, cells), array) in columns {
                cells.clear();
                column.append(&array.slice(first, rows), cells);
            }
            lay_out(&Block { rows, columns: &self.cells })?;
            first += rows;
        }
        Ok(())
    }

    /// Heap held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.cells.iter().map(Cells::heap_bytes).sum()
    }
}

/// Some rows, of which every column is text.
pub struct Block<'a> {
    /// How many.
    pub rows: usize,
    /// The cells of every column.
    pub columns: &'a [Cells],
}

/// The cells of a column as text, one after the other.
#[derive(Debug, Default)]
pub struct Cells {
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

impl Cells {
    /// The text of a cell.
    pub fn cell(&self, row: usize) -> &[u8] {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[from..self.ends[row]]
    }

    /// Appends a cell for every one of `array`: `null`, or what `append` writes.
    pub fn extend(
        &mut self,
        array: &dyn Array,
        null: &[u8],
        mut append: impl FnMut(usize, &mut Vec<u8>),
    ) {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        for row in 0..array.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                append(row, &mut self.text);
            } else {
                self.text.extend_from_slice(null);
            }
            self.ends.push(self.text.len());
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

/// How many rows from `first` on make a block: at least one.
fn rows_of_a_block(batch: &RecordBatch, first: usize) -> usize {
    let (varying, fixed): (Vec<&ArrayRef>, Vec<&ArrayRef>) = batch
        .columns()
        .iter()
        .partition(|column| matches!(column.data_type(), DataType::Utf8 | DataType::List(_)));
    let fixed = VALUE_BYTES * fixed.len();
    let most = BLOCK_ROWS.min(batch.num_rows() - first);
    let mut bytes = 0;
    let fitting = (first..first + most).take_while(|row| {
        bytes += fixed + varying.iter().map(|column| width(column, *row)).sum::<usize>();
        bytes <= BLOCK_BYTES
    });
    fitting.count().max(1)
}

/// A guess at the width of a string or a list.
fn width(column: &ArrayRef, row: usize) -> usize {
    if let Some(strings) = column.as_string_opt::<i32>() {
        return VALUE_BYTES + usize::try_from(strings.value_length(row)).unwrap_or(0);
    }
    let Some(lists) = column.as_list_opt::<i32>() else { return VALUE_BYTES };
    let elements = elements_of(lists, row);
    let characters = lists.values().as_string_opt::<i32>().map_or(0, |strings| {
        let offsets = strings.value_offsets();
        usize::try_from(offsets[elements.end] - offsets[elements.start]).unwrap_or(0)
    });
    VALUE_BYTES * (1 + elements.len()) + characters
}
