//! Numbers, booleans and bits, one in a cell.

use arrow_array::Array;
use arrow_array::cast::AsArray;

use crate::binary::column::{CellWriter, Cells, Place, Rules, Width};
use crate::binary::elements::{NO_NULL, Number, Numbers, letter};
use crate::binary::row_block::RowBlock;
use crate::misfit::Misfit;

/// Writes numbers.
pub(crate) struct NumberWriter<T: Number>(pub(crate) Numbers<T>);

impl<T: Number> CellWriter for NumberWriter<T> {
    fn width(&self) -> Width {
        Width::Fixed(size_of::<T::Native>())
    }

    fn write(
        &mut self,
        cells: Cells<'_>,
        place: Place,
        block: &mut RowBlock,
    ) -> Result<u64, Misfit> {
        let array = cells.array.as_primitive::<T>();
        let range = cells.first..cells.first + cells.rows;
        block.scatter(place, array.values()[range.clone()].iter().map(|value| T::bytes(*value)));
        self.0.find_reserved(array, range).map_err(|(row, message)| Misfit::new(row, message))?;
        match self.0.null_cell {
            Some(null) => block.write_nulls(cells, place, T::bytes(null).as_ref()),
            None => {
                if let Some(row) = first_null(cells) {
                    return Err(Misfit::new(row, NO_NULL));
                }
            }
        }
        Ok(0)
    }
}

/// Writes `T`, `F`, and 0x00 for null.
pub(crate) struct BooleanWriter;

impl CellWriter for BooleanWriter {
    fn width(&self) -> Width {
        Width::Fixed(1)
    }

    fn write(
        &mut self,
        cells: Cells<'_>,
        place: Place,
        block: &mut RowBlock,
    ) -> Result<u64, Misfit> {
        let values = cells.array.as_boolean().values();
        let rows = cells.first..cells.first + cells.rows;
        block.scatter(place, rows.map(|row| [letter(values.value(row))]));
        block.write_nulls(cells, place, &[0]);
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

    fn write(
        &mut self,
        cells: Cells<'_>,
        place: Place,
        block: &mut RowBlock,
    ) -> Result<u64, Misfit> {
        if let Some(row) = first_null(cells) {
            self.rules.check_null_bit().map_err(|message| Misfit::new(row, message))?;
        }
        let values = cells.array.as_boolean().values();
        let rows = cells.first..cells.first + cells.rows;
        block.scatter(place, rows.map(|row| [u8::from(values.value(row)) << 7]));
        block.write_nulls(cells, place, &[0]);
        Ok(0)
    }
}

fn first_null(cells: Cells<'_>) -> Option<usize> {
    let nulls = cells.array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    (0..cells.rows).find(|row| nulls.is_null(cells.first + row))
}
