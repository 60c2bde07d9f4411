//! The elements of an array as text.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, BooleanArray, ListArray, PrimitiveArray};
use arrow_schema::DataType;
use taploom_decimals::Number;
use taploom_format::{Error, ErrorKind, Result};

use crate::cells::Cells;
use crate::spelling::Spelling;

/// Writes the elements of a column as text, with a separator between them. The type, a number
/// or a boolean, is chosen once.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    append: AppendElements,
    append_cells: AppendCells,
    spelling: &'a Spelling,
    /// The separator between two elements.
    pub separator: &'a str,
    /// The text of a null element.
    pub null: &'a str,
}

type AppendElements = fn(&Elements<'_>, &dyn Array, Range<usize>, &mut Vec<u8>);
type AppendCells = fn(&Elements<'_>, &dyn Array, Range<usize>, &mut Cells);

impl<'a> Elements<'a> {
    /// Elements of an Arrow type.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] if the type is neither a number nor a boolean in canonical form.
    pub fn new(
        element: &DataType,
        spelling: &'a Spelling,
        separator: &'a str,
        null: &'a str,
    ) -> Result<Self> {
        let (append, append_cells): (AppendElements, AppendCells) = match element {
            DataType::Boolean => (
                |elements, array, range, to| elements.booleans(array.as_boolean(), range, to),
                |elements, array, rows, to| {
                    let array = array.as_boolean();
                    to.extend_booleans(array, rows, elements.null, elements.spelling);
                },
            ),
            DataType::UInt8 => Self::of::<UInt8Type>(),
            DataType::Int16 => Self::of::<Int16Type>(),
            DataType::Int32 => Self::of::<Int32Type>(),
            DataType::Int64 => Self::of::<Int64Type>(),
            DataType::Float32 => Self::of::<Float32Type>(),
            DataType::Float64 => Self::of::<Float64Type>(),
            other => {
                let message = format!("Arrow type {other} is not canonical for an element");
                return Err(Error::new(ErrorKind::Misuse, message));
            }
        };
        Ok(Self { append, append_cells, spelling, separator, null })
    }

    /// Appends all elements of `array`, which has the type that was chosen.
    ///
    /// ```
    /// use arrow_array::Float64Array;
    /// use arrow_schema::DataType;
    /// use taploom_text::{Elements, TABLEDATA};
    ///
    /// let elements = Elements::new(&DataType::Float64, &TABLEDATA, " ", "NaN")?;
    /// let mut text = Vec::new();
    /// elements.append(&Float64Array::from(vec![Some(1.5), None, Some(f64::INFINITY)]), &mut text);
    /// assert_eq!(text, b"1.5 NaN +Inf");
    /// # Ok::<(), taploom_format::Error>(())
    /// ```
    pub fn append(&self, array: &dyn Array, to: &mut Vec<u8>) {
        (self.append)(self, array, 0..array.len(), to);
    }

    /// Appends the elements of `array` in `range`, such as the elements of one list.
    pub fn append_range(&self, array: &dyn Array, range: Range<usize>, to: &mut Vec<u8>) {
        (self.append)(self, array, range, to);
    }

    /// Appends the elements of some rows of `array`, each as a separate cell.
    pub fn append_cells(&self, array: &dyn Array, rows: Range<usize>, to: &mut Cells) {
        (self.append_cells)(self, array, rows, to);
    }

    fn of<T: ArrowPrimitiveType<Native: Number>>() -> (AppendElements, AppendCells) {
        (
            |elements, array, range, to| {
                let array: &PrimitiveArray<T> = array.as_primitive();
                let values = array.values()[range.clone()].iter();
                let decimals = elements.spelling.decimals(elements.null);
                elements
                    .each(array, range, values, to, |value, to| decimals.append_one(*value, to));
            },
            |elements, array, rows, to| {
                to.extend_numbers::<T>(
                    array.as_primitive(),
                    rows,
                    elements.null,
                    elements.spelling,
                );
            },
        )
    }

    fn booleans(&self, array: &BooleanArray, range: Range<usize>, to: &mut Vec<u8>) {
        let values = array.values().slice(range.start, range.len());
        self.each(array, range, values.iter(), to, |value, to| {
            to.extend_from_slice(self.spelling.boolean(value).as_bytes());
        });
    }

    fn each<V>(
        &self,
        array: &dyn Array,
        range: Range<usize>,
        values: impl Iterator<Item = V>,
        to: &mut Vec<u8>,
        append: impl Fn(V, &mut Vec<u8>),
    ) {
        let first = range.start;
        for (index, value) in range.zip(values) {
            if index > first {
                to.extend_from_slice(self.separator.as_bytes());
            }
            if array.is_null(index) {
                to.extend_from_slice(self.null.as_bytes());
            } else {
                append(value, to);
            }
        }
    }
}

/// The range of the elements of a list in the array of all elements.
pub fn elements_of(lists: &ListArray, row: usize) -> Range<usize> {
    let offsets = lists.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}
