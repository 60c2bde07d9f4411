//! One column as text: how its cells are written, chosen once, then looped.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use taploom_encoder::{Error, ErrorKind, Result};

use crate::dialect::Dialect;

/// The cells of one column for a block of rows, as text one after the other.
pub(crate) struct ColumnWriter {
    kind: Kind,
    dialect: Dialect,
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
    altered_cells: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Boolean,
    UnsignedByte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Text,
}

impl ColumnWriter {
    /// The writer of a column in one of the canonical types.
    pub(crate) fn new(data_type: &DataType, dialect: Dialect) -> Result<Self> {
        let kind = match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::UInt8 => Kind::UnsignedByte,
            DataType::Int16 => Kind::Short,
            DataType::Int32 => Kind::Int,
            DataType::Int64 => Kind::Long,
            DataType::Float32 => Kind::Float,
            DataType::Float64 => Kind::Double,
            DataType::Utf8 => Kind::Text,
            other => {
                return Err(Error::new(
                    ErrorKind::UnsupportedColumn,
                    format!("Arrow type {other} can't be written yet"),
                ));
            }
        };
        Ok(Self { kind, dialect, text: Vec::new(), ends: Vec::new(), altered_cells: 0 })
    }

    /// Writes all cells of `array`, in the place of those of the last block.
    pub(crate) fn write(&mut self, array: &ArrayRef) {
        self.text.clear();
        self.ends.clear();
        match self.kind {
            Kind::Boolean => {
                let values = array.as_boolean().values();
                self.cells(array, |row, text| {
                    let value: &[u8] = if values.value(row) { b"true" } else { b"false" };
                    text.extend_from_slice(value);
                });
            }
            Kind::UnsignedByte => self.integers::<UInt8Type>(array),
            Kind::Short => self.integers::<Int16Type>(array),
            Kind::Int => self.integers::<Int32Type>(array),
            Kind::Long => self.integers::<Int64Type>(array),
            Kind::Float => self.floats::<Float32Type>(array),
            Kind::Double => self.floats::<Float64Type>(array),
            Kind::Text => {
                let values = array.as_string::<i32>();
                let dialect = self.dialect;
                let mut altered = 0;
                self.cells(array, |row, text| {
                    altered += u64::from(dialect.append_text(values.value(row), text));
                });
                self.altered_cells += altered;
            }
        }
    }

    /// The text of a cell of the block.
    pub(crate) fn cell(&self, row: usize) -> &[u8] {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[from..self.ends[row]]
    }

    /// Cells in which characters were replaced so far.
    pub(crate) fn altered_cells(&self) -> u64 {
        self.altered_cells
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Appends the cells that are not null by `append`; a null is no text at all.
    fn cells(&mut self, array: &ArrayRef, mut append: impl FnMut(usize, &mut Vec<u8>)) {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        for row in 0..array.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                append(row, &mut self.text);
            }
            self.ends.push(self.text.len());
        }
    }

    fn integers<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef)
    where
        T::Native: itoa::Integer,
    {
        let values = array.as_primitive::<T>().values();
        let mut digits = itoa::Buffer::new();
        self.cells(array, |row, text| {
            text.extend_from_slice(digits.format(values[row]).as_bytes());
        });
    }

    fn floats<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef)
    where
        T::Native: zmij::Float + Into<f64>,
    {
        let values = array.as_primitive::<T>().values();
        let mut digits = zmij::Buffer::new();
        self.cells(array, |row, text| {
            let value = values[row];
            let wide: f64 = value.into();
            let written: &str = if wide.is_finite() {
                digits.format_finite(value)
            } else if wide.is_nan() {
                "NaN"
            } else if wide > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            text.extend_from_slice(written.as_bytes());
        });
    }
}
