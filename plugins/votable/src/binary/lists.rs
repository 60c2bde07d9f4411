//! Arrays: a list of elements in every cell.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use taploom_format::{CellShape, VoType};

use crate::binary::column::{CellWriter, Cells, Width};
use crate::binary::elements::Elements;
use crate::binary::row_block::RowBlock;
use crate::cells::elements_of;
use crate::misfit::Misfit;
use crate::options::ArrayCount;

/// Writes lists of fixed length, or with a count each.
pub(crate) struct ListWriter<E> {
    elements: E,
    /// Bytes of every cell, if the length is fixed.
    fixed: Option<usize>,
    count: Count,
}

/// The count of a variable array, for this number of elements in the Arrow list.
#[derive(Debug, Clone, Copy)]
struct Count {
    times: usize,
    over: usize,
}

impl<E: Elements> ListWriter<E> {
    pub(crate) fn new(elements: E, vo_type: &VoType, count: ArrayCount) -> Self {
        let fixed = vo_type.fixed_elements().map(|count| elements.bytes(count) as usize);
        Self { elements, fixed, count: Count::of(vo_type, count) }
    }

    fn width(&self, elements: usize) -> usize {
        self.elements.bytes(elements as u64) as usize
    }
}

impl<E: Elements> CellWriter for ListWriter<E> {
    fn width(&self) -> Width {
        self.fixed.map_or(Width::Variable, Width::Fixed)
    }

    fn add_widths(&self, cells: Cells<'_>, widths: &mut [usize]) {
        if self.fixed.is_none() {
            let lengths = cells.array.as_list::<i32>().offsets().lengths().skip(cells.first);
            for (width, length) in widths.iter_mut().zip(lengths) {
                *width += self.width(length);
            }
        }
    }

    fn write(&self, cells: Cells<'_>, offset: usize, block: &mut RowBlock) -> Result<u64, Misfit> {
        let lists = cells.array.as_list::<i32>();
        let Some(values) = lists.values().as_any().downcast_ref::<E::Array>() else {
            return Err(Misfit::new(0, "the list has elements of another type"));
        };
        let mut truncated = 0;
        for row in 0..cells.rows {
            let index = cells.first + row;
            let range = elements_of(lists, index);
            let bytes = match self.fixed {
                Some(width) => block.fixed(row, offset, width),
                None => {
                    let count = range.len() * self.count.times / self.count.over;
                    let count = u32::try_from(count).map_err(|_| {
                        Misfit::new(row, "the array has more values than can be counted")
                    })?;
                    block.variable(row, offset, count, self.width(range.len()))
                }
            };
            let written = match lists.is_null(index) {
                // A null array of variable length is written as an empty one.
                true if self.fixed.is_none() => Ok(false),
                true => {
                    bytes.fill(0);
                    self.elements.write_null(bytes).map(|()| false)
                }
                false => self.elements.write(values, range, bytes),
            };
            truncated += u64::from(written.map_err(|message| Misfit::new(row, message))?);
        }
        Ok(truncated)
    }
}

impl Count {
    fn of(vo_type: &VoType, count: ArrayCount) -> Self {
        let cell = vo_type.cell();
        match count {
            ArrayCount::Outer => {
                let stride = cell.dimensions().map_or(1, |dimensions| dimensions.stride() as usize);
                Self { times: 1, over: stride }
            }
            // The primitives of a list of strings are its characters.
            ArrayCount::Primitives => match cell {
                CellShape::Texts { length, .. } => Self { times: length as usize, over: 1 },
                _ => Self { times: 1, over: if vo_type.datatype.is_complex() { 2 } else { 1 } },
            },
        }
    }
}
