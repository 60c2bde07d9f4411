//! One column as text: how its cells are written, chosen once, then looped.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef};
use taploom_encoder::{Column, Datatype, Error, ErrorKind, Result};
use taploom_text::{Spelling, TABLEDATA, Value};

use crate::cells::text_of;
use crate::charset::{Charset, Length, string_length};
use crate::misfit::Misfit;
use crate::tabledata::lists::{BITS, Numbers, Strings};
use crate::tabledata::text::{Losses, Text};

/// Bytes of a number, for a guess.
const NUMBER_BYTES: usize = 12;

/// The cells of one column for a block of rows, as text one after the other.
pub(crate) struct TextColumn {
    name: String,
    kind: Kind,
    cells: Cells,
    losses: Losses,
}

/// Texts one after the other.
#[derive(Default)]
struct Cells {
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

enum Kind {
    Scalars(fn(&mut Cells, &dyn Array, Range<usize>) -> Result<(), Misfit>),
    Text(Text),
    Numbers(Numbers),
    Strings(Strings),
}

impl TextColumn {
    pub(crate) fn new(column: &Column) -> Result<Self> {
        let vo_type = column.vo_type()?;
        let kind = match (Charset::of(vo_type.datatype), vo_type.is_list()) {
            (Some(charset), false) => {
                let length = Length::of(vo_type.arraysize.as_ref());
                Kind::Text(Text { charset, most: length.most() })
            }
            (Some(charset), true) => {
                Kind::Strings(Strings(Text { charset, most: string_length(vo_type) }))
            }
            (None, false) => Kind::Scalars(match vo_type.datatype {
                Datatype::Boolean => |cells, array, rows| cells.booleans(array, rows, &TABLEDATA),
                Datatype::Bit => |cells, array, rows| cells.booleans(array, rows, &BITS),
                Datatype::UnsignedByte => Cells::numbers::<UInt8Type>,
                Datatype::Short => Cells::numbers::<Int16Type>,
                Datatype::Int => Cells::numbers::<Int32Type>,
                Datatype::Long => Cells::numbers::<Int64Type>,
                Datatype::Float => Cells::numbers::<Float32Type>,
                Datatype::Double => Cells::numbers::<Float64Type>,
                other => {
                    let message = format!("{other} is carried in a list, or in text");
                    return Err(Error::new(ErrorKind::Internal, message));
                }
            }),
            (None, true) => Kind::Numbers(Numbers::new(column, vo_type.datatype)?),
        };
        let name = column.name().to_owned();
        Ok(Self { name, kind, cells: Cells::default(), losses: Losses::default() })
    }

    /// A guess at the bytes of so many cells.
    pub(crate) fn weigh(&self, array: &ArrayRef, first: usize, rows: usize) -> usize {
        let span = |offsets: &[i32]| (offsets[first + rows] - offsets[first]) as usize;
        match &self.kind {
            Kind::Scalars(_) => rows * NUMBER_BYTES,
            Kind::Text(_) => span(array.as_string::<i32>().value_offsets()),
            Kind::Numbers(_) => span(array.as_list::<i32>().value_offsets()) * NUMBER_BYTES,
            Kind::Strings(Strings(text)) => {
                span(array.as_list::<i32>().value_offsets()).saturating_mul(text.most)
            }
        }
    }

    /// Writes the cells of some rows of `array`, in the place of those of the last block.
    pub(crate) fn write(&mut self, array: &ArrayRef, rows: Range<usize>) -> Result<(), Misfit> {
        self.cells.text.clear();
        self.cells.ends.clear();
        let (cells, losses) = (&mut self.cells, &mut self.losses);
        let written = match &self.kind {
            Kind::Scalars(write) => write(cells, array, rows),
            Kind::Text(text) => {
                let texts = array.as_string::<i32>();
                cells.each(array, rows, |row, to| {
                    losses.add(text.append(text_of(texts, row), to).losses);
                    Ok(())
                })
            }
            Kind::Numbers(numbers) => {
                let lists = array.as_list::<i32>();
                cells.each(array, rows, |row, to| numbers.append(lists, row, to))
            }
            Kind::Strings(strings) => {
                let lists = array.as_list::<i32>();
                cells.each(array, rows, |row, to| {
                    losses.add(strings.append(lists, row, to));
                    Ok(())
                })
            }
        };
        written.map_err(|misfit| misfit.of_column(&self.name))
    }

    /// The text of a cell of the block.
    pub(crate) fn cell(&self, row: usize) -> &[u8] {
        let from = if row == 0 { 0 } else { self.cells.ends[row - 1] };
        &self.cells.text[from..self.cells.ends[row]]
    }

    /// Cells that lost or changed characters so far.
    pub(crate) fn losses(&self) -> Losses {
        self.losses
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.cells.text.capacity() + self.cells.ends.capacity() * size_of::<usize>()
    }
}

impl Cells {
    fn booleans(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        spelling: &Spelling,
    ) -> Result<(), Misfit> {
        let values = array.as_boolean().values();
        self.each(array, rows, |row, to| {
            values.value(row).append(spelling, to);
            Ok(())
        })
    }

    fn numbers<T: ArrowPrimitiveType<Native: Value>>(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
    ) -> Result<(), Misfit> {
        let values = array.as_primitive::<T>().values();
        self.each(array, rows, |row, to| {
            values[row].append(&TABLEDATA, to);
            Ok(())
        })
    }

    /// Appends the cells that are not null by `append`; a null is no text at all.
    fn each(
        &mut self,
        array: &dyn Array,
        rows: Range<usize>,
        mut append: impl FnMut(usize, &mut Vec<u8>) -> Result<(), &'static str>,
    ) -> Result<(), Misfit> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let first = rows.start;
        for row in rows {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                append(row, &mut self.text).map_err(|message| Misfit::new(row - first, message))?;
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}
