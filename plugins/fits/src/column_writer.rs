//! Writes one column in FITS, except for the parts that are known only at the end: the width of its
//! texts, and whether it has nulls.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, StringArray, new_null_array};
use taploom_format::{Arraysize, CellShape, Column, Datatype, Error, ErrorKind, Result, VoType};

use crate::ascii::append_ascii;
use crate::nulls::Nulls;

/// Writes the cells of one column for a block of rows, appended to the block.
///
/// Several writers of a column may write blocks; at the end, one of them absorbs the records of the
/// others.
#[derive(Clone)]
pub(crate) struct ColumnWriter {
    name: Arc<str>,
    pub(crate) datatype: Datatype,
    pub(crate) shape: Shape,
    nulls: Nulls,
    pub(crate) found: Found,
}

/// The contents of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A fixed number of values; a complex number is one value.
    Values(usize),
    /// A fixed number of texts.
    Texts(usize),
    /// An array of variable length.
    Variable,
}

/// Records of a writer about the cells of a column so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The length of the longest text, or of the longest array.
    pub(crate) most: usize,
    /// Total bytes of all texts, or of all arrays of variable length.
    pub(crate) bytes: u64,
    /// Cells with replaced characters.
    pub(crate) altered_cells: u64,
}

impl ColumnWriter {
    /// Chooses the writer of a column.
    pub(crate) fn new(column: &Column) -> Result<Self> {
        let vo_type = column.vo_type()?;
        let shape = Shape::of(vo_type);
        let shape = shape.map_err(|error| error.with_column(column.name()))?;
        let datatype = match (shape, vo_type.datatype) {
            // astropy refuses bit arrays of variable length.
            (Shape::Variable, Datatype::Bit) => Datatype::Boolean,
            (_, datatype) => datatype,
        };
        Ok(Self {
            name: column.name().into(),
            datatype,
            shape,
            nulls: Nulls::new(column, datatype)?,
            found: Found::default(),
        })
    }

    /// Absorbs the records of another writer of the column.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.nulls.absorb(&other.nulls);
        self.found.most = self.found.most.max(other.found.most);
        self.found.bytes += other.found.bytes;
        self.found.altered_cells += other.found.altered_cells;
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The integer that stands for null, if a cell was null.
    pub(crate) fn null_value(&self) -> Result<Option<i64>> {
        match self.nulls.found {
            true => self.nulls.free_value().map(Some).ok_or_else(|| {
                let message = format!(
                    "every value of {} occurs, and none is left for null; declare a larger datatype",
                    self.datatype
                );
                Error::new(ErrorKind::InvalidValue, message).with_column(&*self.name)
            }),
            false => Ok(None),
        }
    }

    /// Bytes of a value; for bits, the smallest unit that can be written.
    pub(crate) fn value_bytes(&self) -> usize {
        match self.datatype {
            Datatype::Boolean | Datatype::Bit | Datatype::UnsignedByte => 1,
            Datatype::Char | Datatype::UnicodeChar => 1,
            Datatype::Short => 2,
            Datatype::Int | Datatype::Float => 4,
            Datatype::Long | Datatype::Double | Datatype::FloatComplex => 8,
            Datatype::DoubleComplex => 16,
        }
    }

    /// Bytes of a cell; `None` if cells differ in length.
    pub(crate) fn cell_bytes(&self) -> Option<usize> {
        match (self.shape, self.datatype) {
            (Shape::Values(bits), Datatype::Bit) => Some(bits.div_ceil(8)),
            (Shape::Values(values), _) => Some(values.saturating_mul(self.value_bytes())),
            (Shape::Texts(_) | Shape::Variable, _) => None,
        }
    }

    /// Appends all cells of `array`, whose first cell is in row `row` of the result,
    /// counted from 1.
    ///
    /// If cells differ in length, the numbers of their values come first, in 32 bits each.
    /// Integers are followed by a bitmap of nulls: its length in bytes in 32 bits, then one
    /// bit per integer up to the last null, the least significant bit first.
    pub(crate) fn write(&mut self, array: &ArrayRef, row: u64, block: &mut Vec<u8>) -> Result<()> {
        let lists = array.as_list_opt::<i32>();
        match (self.shape, lists) {
            (Shape::Texts(_), None) => {
                let texts: &StringArray = array.as_string();
                self.texts(texts.len(), texts.iter(), block);
            }
            (Shape::Texts(count), Some(lists)) => self.text_lists(lists, count, block),
            (Shape::Values(_), None) => self.values(array, &|index| row + index as u64, block)?,
            (Shape::Values(values), Some(lists)) => self.fixed_lists(lists, values, row, block)?,
            (Shape::Variable, Some(lists)) => self.variable_lists(lists, row, block)?,
            (Shape::Variable, None) => return Err(not_canonical()),
        }
        if self.datatype.is_integer() {
            let bits = self.nulls.take_bits();
            block.extend_from_slice(&length(bits.len()));
            block.extend_from_slice(&bits);
        }
        Ok(())
    }

    fn text_lists(&mut self, lists: &ListArray, count: usize, block: &mut Vec<u8>) {
        let values: &StringArray = lists.values().as_string();
        let cells = lists.offsets().iter().zip(0..lists.len()).flat_map(|(first, row)| {
            let first = lists.is_valid(row).then_some(*first as usize);
            (0..count).map(move |index| first.map(|first| first + index))
        });
        let texts = cells.map(|index| {
            index.filter(|index| values.is_valid(*index)).map(|index| values.value(index))
        });
        self.texts(lists.len() * count, texts, block);
    }

    fn texts<'a>(
        &mut self,
        count: usize,
        texts: impl Iterator<Item = Option<&'a str>>,
        block: &mut Vec<u8>,
    ) {
        let mut length_at = block.len();
        let first = length_at + count * size_of::<u32>();
        block.resize(first, 0);
        for text in texts {
            let from = block.len();
            let altered = append_ascii(text.unwrap_or_default(), block);
            self.found.altered_cells += u64::from(altered);
            self.count_at(&mut length_at, block.len() - from, block);
        }
        self.found.bytes += (block.len() - first) as u64;
    }

    fn fixed_lists(
        &mut self,
        lists: &ListArray,
        values: usize,
        row: u64,
        block: &mut Vec<u8>,
    ) -> Result<()> {
        let elements = values * self.parts();
        if lists.null_count() == 0 {
            let row_of = |index: usize| row + (index / elements) as u64;
            return self.values(&elements_of(lists), &row_of, block);
        }
        for (index, row) in (0..lists.len()).zip(row..) {
            let cell = match lists.is_valid(index) {
                true => lists.value(index),
                false => new_null_array(&lists.value_type(), elements),
            };
            self.values(&cell, &|_| row, block)?;
        }
        Ok(())
    }

    fn variable_lists(&mut self, lists: &ListArray, row: u64, block: &mut Vec<u8>) -> Result<()> {
        let mut length_at = block.len();
        let first = length_at + lists.len() * size_of::<u32>();
        block.resize(first, 0);
        for length in lists.offsets().lengths() {
            self.count_at(&mut length_at, length / self.parts(), block);
        }
        let offsets = lists.offsets();
        let row_of = |index: usize| {
            let before = offsets[1..].partition_point(|end| (end - offsets[0]) as usize <= index);
            row + before as u64
        };
        self.values(&elements_of(lists), &row_of, block)?;
        self.found.bytes += (block.len() - first) as u64;
        Ok(())
    }

    /// Records the number of values of a cell.
    fn count_at(&mut self, at: &mut usize, count: usize, block: &mut [u8]) {
        self.found.most = self.found.most.max(count);
        let count = length(count);
        block[*at..*at + count.len()].copy_from_slice(&count);
        *at += count.len();
    }

    /// Elements per value.
    fn parts(&self) -> usize {
        if self.datatype.is_complex() { 2 } else { 1 }
    }

    fn values(&mut self, array: &ArrayRef, row_of: RowOf<'_>, block: &mut Vec<u8>) -> Result<()> {
        match self.datatype {
            Datatype::Boolean => logicals(array.as_boolean(), block),
            Datatype::Bit => return self.bits(array.as_boolean(), row_of, block),
            Datatype::UnsignedByte => {
                self.integers::<UInt8Type, 1>(array, u8::to_be_bytes, block);
            }
            Datatype::Short => {
                self.integers::<Int16Type, 2>(array, i16::to_be_bytes, block);
            }
            Datatype::Int => self.integers::<Int32Type, 4>(array, i32::to_be_bytes, block),
            Datatype::Long => self.integers::<Int64Type, 8>(array, i64::to_be_bytes, block),
            Datatype::Float | Datatype::FloatComplex => {
                let floats = array.as_primitive::<Float32Type>();
                fixed(array, floats.values().iter().copied(), f32::to_be_bytes, f32::NAN, block);
            }
            Datatype::Double | Datatype::DoubleComplex => {
                let floats = array.as_primitive::<Float64Type>();
                fixed(array, floats.values().iter().copied(), f64::to_be_bytes, f64::NAN, block);
            }
            Datatype::Char | Datatype::UnicodeChar => return Err(not_canonical()),
        }
        Ok(())
    }

    fn integers<T: ArrowPrimitiveType, const BYTES: usize>(
        &mut self,
        array: &ArrayRef,
        bytes: fn(T::Native) -> [u8; BYTES],
        block: &mut Vec<u8>,
    ) where
        T::Native: Into<i64>,
    {
        for value in array.as_primitive::<T>() {
            self.nulls.push(value.map(Into::into));
            block.extend_from_slice(&value.map_or([0; BYTES], bytes));
        }
    }

    /// The most significant bit first, zeros at the end; FITS 4.0, section 7.3.3.1.
    fn bits(&mut self, bits: &BooleanArray, row_of: RowOf<'_>, block: &mut Vec<u8>) -> Result<()> {
        if let Some(index) = bits.nulls().and_then(|nulls| nulls.iter().position(|valid| !valid)) {
            let message = "FITS has no null bits; declare the datatype boolean";
            return Err(Error::new(ErrorKind::InvalidValue, message)
                .with_column(&*self.name)
                .with_row(row_of(index)));
        }
        let Shape::Values(of_a_cell) = self.shape else { return Err(not_canonical()) };
        for first in (0..bits.len()).step_by(of_a_cell) {
            for from in (first..first + of_a_cell).step_by(8) {
                let to = (from + 8).min(first + of_a_cell);
                let byte = (from..to).zip((0..8).rev());
                block.push(
                    byte.fold(0, |byte, (bit, place)| byte | (u8::from(bits.value(bit)) << place)),
                );
            }
        }
        Ok(())
    }
}

/// The row of the result that an element belongs to.
type RowOf<'a> = &'a dyn Fn(usize) -> u64;

impl Shape {
    fn of(vo_type: &VoType) -> Result<Self> {
        let parts = if vo_type.datatype.is_complex() { 2 } else { 1 };
        let cell = vo_type.cell();
        // A number that does not fit exceeds any memory budget, and is refused for that reason.
        let fixed = cell.dimensions().and_then(Arraysize::fixed);
        let fixed = fixed.map(|elements| usize::try_from(elements / parts).unwrap_or(usize::MAX));
        match (cell, fixed) {
            (CellShape::Text { .. }, _) => Ok(Self::Texts(1)),
            (CellShape::Texts { .. }, Some(count)) => Ok(Self::Texts(count)),
            (CellShape::Texts { .. }, None) => Err(Error::new(
                ErrorKind::UnsupportedColumn,
                format!(
                    "FITS has no arrays of any number of strings, as {vo_type} is; give an \
                     arraysize with a fixed number, such as 8x3"
                ),
            )),
            (CellShape::Scalar, _) => Ok(Self::Values(1)),
            (CellShape::Array { .. }, Some(values)) => Ok(Self::Values(values)),
            (CellShape::Array { .. }, None) => Ok(Self::Variable),
        }
    }
}

/// A length in a block. Arrow arrays have fewer than 2^31 elements.
pub(crate) fn length(length: usize) -> [u8; size_of::<u32>()] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// All elements of a list array, which may be a slice.
fn elements_of(lists: &ListArray) -> ArrayRef {
    let offsets = lists.offsets();
    let (first, end) = (offsets[0] as usize, offsets[lists.len()] as usize);
    lists.values().slice(first, end - first)
}

/// T, F, or zero for null; FITS 4.0, section 7.3.3.1.
fn logicals(values: &BooleanArray, block: &mut Vec<u8>) {
    let letters = values.values().iter().map(|value| if value { b'T' } else { b'F' });
    fixed(values, letters, |letter| [letter], 0, block);
}

/// Appends values of constant size: first all cells, then the null value over those that are
/// null.
fn fixed<V, const BYTES: usize>(
    array: &dyn Array,
    values: impl Iterator<Item = V>,
    bytes: fn(V) -> [u8; BYTES],
    null: V,
    block: &mut Vec<u8>,
) {
    let first = block.len();
    block.resize(first + array.len() * BYTES, 0);
    let (cells, _) = block[first..].as_chunks_mut();
    for (cell, value) in cells.iter_mut().zip(values) {
        *cell = bytes(value);
    }
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else { return };
    let null = bytes(null);
    for index in (!nulls.inner()).set_indices() {
        cells[index] = null;
    }
}

fn not_canonical() -> Error {
    Error::new(ErrorKind::Internal, "a column is not in the type that carries its datatype")
}
