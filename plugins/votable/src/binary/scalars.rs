//! Numbers, booleans and bits, one per cell.

use arrow_array::cast::AsArray;

use crate::binary::bits::{WORD_ROWS, first_set, for_each_set, word};
use crate::binary::column::{CellWriter, Cells, Rules, Width};
use crate::binary::elements::{NO_NULL, Number, Numbers, letter};
use crate::binary::row_block::RowBlock;
use crate::misfit::Misfit;

/// Writes numbers.
pub(crate) struct NumberWriter<T: Number>(pub(crate) Numbers<T>);

impl<T: Number> CellWriter for NumberWriter<T> {
    fn width(&self) -> Width {
        Width::Fixed(size_of::<T::Native>())
    }

    fn write(&self, cells: Cells<'_>, offset: usize, block: &mut RowBlock) -> Result<u64, Misfit> {
        let array = cells.array.as_primitive::<T>();
        let range = cells.first..cells.first + cells.rows;
        T::scatter(&array.values()[range.clone()], offset, block);
        self.0.find_reserved(array, range).map_err(|(row, message)| Misfit::new(row, message))?;
        match (self.0.null_cell, first_set(cells.nulls)) {
            (_, None) => Ok(0),
            (None, Some(row)) => Err(Misfit::new(row, NO_NULL)),
            (Some(null), Some(_)) => {
                for_each_set(cells.nulls, |row| {
                    T::put(null, block.fixed(row, offset, size_of::<T::Native>()));
                });
                Ok(0)
            }
        }
    }
}

/// Writes `T`, `F`, and 0x00 for null.
pub(crate) struct BooleanWriter;

impl CellWriter for BooleanWriter {
    fn width(&self) -> Width {
        Width::Fixed(1)
    }

    fn write(&self, cells: Cells<'_>, offset: usize, block: &mut RowBlock) -> Result<u64, Misfit> {
        write_bits(cells, offset, block, [letter(false), letter(true), 0, 0]);
        Ok(0)
    }
}

/// Writes a byte whose most significant bit is the value.
pub(crate) struct BitWriter {
    pub(crate) rules: Rules,
}

impl CellWriter for BitWriter {
    fn width(&self) -> Width {
        Width::Fixed(1)
    }

    fn write(&self, cells: Cells<'_>, offset: usize, block: &mut RowBlock) -> Result<u64, Misfit> {
        if let Some(row) = first_set(cells.nulls) {
            self.rules.check_null_bit().map_err(|message| Misfit::new(row, message))?;
        }
        write_bits(cells, offset, block, [0, 0x80, 0, 0]);
        Ok(0)
    }
}

/// Writes a byte for `false`, `true`, and null, which may have either value.
fn write_bits(cells: Cells<'_>, offset: usize, block: &mut RowBlock, spelled: [u8; 4]) {
    let Cells { array, first, rows, nulls } = cells;
    let values = array.as_boolean().values();
    let words = nulls.iter().enumerate().map(|(index, nulls)| {
        let done = index * WORD_ROWS;
        (word(values, first + done, rows - done), *nulls)
    });
    block.scatter_bits(offset, words, spelled);
}
