//! Converts cells to Arrow arrays.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType,
};
use arrow_array::{ArrayRef, ArrowNativeTypeOp};
use arrow_schema::{DataType, TimeUnit};
use taploom_model::{Error, ErrorKind, Result};

use super::arrays::{ArrayCells, ShapeCells};
use super::sphere::Shape;
use crate::server::shown_text;
use crate::server::text_cells::{CellBuilder, CellForm};

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellReader {
    /// The binary format of the type that the Arrow type stands for.
    Binary,
    /// The binary format of `oid`, an integer without a sign.
    ObjectId,
    /// The binary format of an array.
    Array,
    /// Text that becomes a decimal.
    Decimal,
    /// Text of a shape of pgSphere.
    Shape(Shape),
    /// Text that is converted to the Arrow type.
    Text,
    /// Text of a timestamp, likewise.
    TimestampText,
}

/// Collects the cells of one column.
pub(super) enum Cells {
    Boolean(BooleanBuilder),
    Short(PrimitiveBuilder<Int16Type>),
    Int(PrimitiveBuilder<Int32Type>),
    Long(PrimitiveBuilder<Int64Type>),
    ObjectId(PrimitiveBuilder<Int64Type>),
    Float(PrimitiveBuilder<Float32Type>),
    Double(PrimitiveBuilder<Float64Type>),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Seconds(PrimitiveBuilder<TimestampSecondType>),
    Milliseconds(PrimitiveBuilder<TimestampMillisecondType>),
    Microseconds(PrimitiveBuilder<TimestampMicrosecondType>),
    Decimal(PrimitiveBuilder<Decimal128Type>, DataType),
    Array(Box<ArrayCells>),
    Shape(Box<ShapeCells>),
    /// Text that is converted to another type than the server's.
    Converted(Box<CellBuilder>),
    /// The same for texts of timestamps.
    ConvertedTimestamp(Box<CellBuilder>),
}

/// The reason why a cell can't be read.
#[derive(Debug)]
pub(super) enum BadCell {
    /// It is not in the format of its type.
    Malformed,
    /// It does not fit the type of its column.
    Unfit(Box<Unfit>),
}

/// A cell that does not fit the type of its column.
#[derive(Debug)]
pub(super) struct Unfit {
    /// The cell, for the message.
    pub(super) shown: String,
    /// What the caller can do, if not the usual.
    pub(super) remedy: Option<String>,
}

impl BadCell {
    #[cold]
    pub(super) fn unfit(shown: impl Into<String>) -> Self {
        Self::Unfit(Box::new(Unfit { shown: shown.into(), remedy: None }))
    }
}

impl Cells {
    /// A builder for an Arrow type. `inner` are the inner dimensions that arrays have to have.
    pub(super) fn new(reader: CellReader, data_type: &DataType, inner: &[u32]) -> Result<Self> {
        let text = |form| CellBuilder::new(form, data_type, 0).map(Box::new);
        Ok(match (reader, data_type) {
            (CellReader::Text, DataType::Utf8) => Self::Text(StringBuilder::new()),
            (CellReader::Text, _) => Self::Converted(text(CellForm::Text)?),
            (CellReader::TimestampText, _) => Self::ConvertedTimestamp(text(CellForm::Datetime)?),
            (CellReader::Array, DataType::List(item)) => {
                Self::Array(Box::new(ArrayCells::new(Arc::clone(item), inner)?))
            }
            (CellReader::Shape(shape), DataType::List(item)) => {
                Self::Shape(Box::new(ShapeCells::new(Arc::clone(item), shape)))
            }
            (CellReader::Decimal, DataType::Decimal128(..)) => {
                Self::Decimal(empty(0), data_type.clone())
            }
            (CellReader::ObjectId, DataType::Int64) => Self::ObjectId(empty(0)),
            (_, DataType::Boolean) => Self::Boolean(BooleanBuilder::with_capacity(0)),
            (_, DataType::Int16) => Self::Short(empty(0)),
            (_, DataType::Int32) => Self::Int(empty(0)),
            (_, DataType::Int64) => Self::Long(empty(0)),
            (_, DataType::Float32) => Self::Float(empty(0)),
            (_, DataType::Float64) => Self::Double(empty(0)),
            (_, DataType::Binary) => Self::Bytes(BinaryBuilder::with_capacity(0, 0)),
            (_, DataType::Date32) => Self::Date(empty(0)),
            (_, DataType::Timestamp(TimeUnit::Second, None)) => Self::Seconds(empty(0)),
            (_, DataType::Timestamp(TimeUnit::Millisecond, None)) => Self::Milliseconds(empty(0)),
            (_, DataType::Timestamp(TimeUnit::Microsecond, None)) => Self::Microseconds(empty(0)),
            (_, other) => {
                let message = format!("cells of PostgreSQL can't be read as Arrow type {other}");
                return Err(Error::new(ErrorKind::Internal, message));
            }
        })
    }

    /// Appends a cell.
    #[inline]
    pub(super) fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        match self {
            Self::Double(builder) => builder.append_value(f64::from_be_bytes(fixed(cell)?)),
            Self::Float(builder) => builder.append_value(f32::from_be_bytes(fixed(cell)?)),
            Self::Int(builder) => builder.append_value(i32::from_be_bytes(fixed(cell)?)),
            Self::Long(builder) => builder.append_value(i64::from_be_bytes(fixed(cell)?)),
            Self::Short(builder) => builder.append_value(i16::from_be_bytes(fixed(cell)?)),
            Self::Boolean(builder) => match cell {
                [value @ (0 | 1)] => builder.append_value(*value == 1),
                _ => return Err(BadCell::Malformed),
            },
            Self::Text(builder) => match simdutf8::basic::from_utf8(cell) {
                Ok(text) => builder.append_value(text),
                Err(_) => return Err(unfit_text(cell)),
            },
            Self::ObjectId(builder) => {
                builder.append_value(i64::from(u32::from_be_bytes(fixed(cell)?)));
            }
            Self::Bytes(builder) => builder.append_value(cell),
            Self::Date(builder) => builder.append_value(date(i32::from_be_bytes(fixed(cell)?))?),
            Self::Seconds(builder) => builder.append_value(timestamp(fixed(cell)?, 1_000_000)?),
            Self::Milliseconds(builder) => builder.append_value(timestamp(fixed(cell)?, 1_000)?),
            Self::Microseconds(builder) => builder.append_value(timestamp(fixed(cell)?, 1)?),
            Self::Decimal(builder, DataType::Decimal128(_, scale)) => {
                let number = decimal(cell, *scale).ok_or_else(|| unfit_text(cell))?;
                builder.append_value(number);
            }
            Self::Decimal(..) => return Err(BadCell::Malformed),
            Self::Array(array) => array.append(cell)?,
            Self::Shape(shape) => shape.append(cell)?,
            Self::Converted(builder) => {
                builder.append(cell).map_err(|_| unfit_text(cell))?;
            }
            Self::ConvertedTimestamp(builder) => {
                // The zone of the session is UTC, and DALI 1.1, 3.3.3 has no suffix for it.
                let instant = cell.strip_suffix(b"+00").unwrap_or(cell);
                builder.append(instant).map_err(|_| unfit_text(cell))?;
            }
        }
        Ok(())
    }

    #[inline]
    pub(super) fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Short(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Long(builder) | Self::ObjectId(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Seconds(builder) => builder.append_null(),
            Self::Milliseconds(builder) => builder.append_null(),
            Self::Microseconds(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Array(array) => array.append_null(),
            Self::Shape(shape) => shape.append_null(),
            Self::Converted(builder) | Self::ConvertedTimestamp(builder) => builder.append_null(),
        }
    }

    /// Returns the cells so far as an array, and starts a new one with room for `rows` cells.
    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        Ok(match self {
            Self::Boolean(builder) => ArrayBuilder::finish(builder),
            Self::Short(builder) => taken(builder, rows),
            Self::Int(builder) => taken(builder, rows),
            Self::Long(builder) | Self::ObjectId(builder) => taken(builder, rows),
            Self::Float(builder) => taken(builder, rows),
            Self::Double(builder) => taken(builder, rows),
            Self::Text(builder) => {
                let bytes = builder.values_slice().len();
                let next = StringBuilder::with_capacity(rows, bytes);
                Arc::new(std::mem::replace(builder, next).finish())
            }
            Self::Bytes(builder) => ArrayBuilder::finish(builder),
            Self::Date(builder) => taken(builder, rows),
            Self::Seconds(builder) => taken(builder, rows),
            Self::Milliseconds(builder) => taken(builder, rows),
            Self::Microseconds(builder) => taken(builder, rows),
            Self::Decimal(builder, data_type) => {
                let decimals = builder.finish().with_data_type(data_type.clone());
                Arc::new(decimals)
            }
            Self::Array(array) => array.finish()?,
            Self::Shape(shape) => shape.finish()?,
            Self::Converted(builder) | Self::ConvertedTimestamp(builder) => builder.finish()?,
        })
    }
}

fn empty<T: ArrowPrimitiveType>(rows: usize) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::with_capacity(rows)
}

/// The array of a builder, which gets room for as many cells again.
fn taken<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>, rows: usize) -> ArrayRef
where
    T::Native: ArrowNativeTypeOp,
{
    Arc::new(std::mem::replace(builder, empty(rows)).finish())
}

#[inline]
pub(super) fn fixed<const LENGTH: usize>(cell: &[u8]) -> Result<[u8; LENGTH], BadCell> {
    cell.try_into().map_err(|_| BadCell::Malformed)
}

#[cold]
pub(super) fn unfit_text(cell: &[u8]) -> BadCell {
    BadCell::unfit(shown_text(cell))
}

/// Days since 1970 for days since 2000.
fn date(days: i32) -> Result<i32, BadCell> {
    const EPOCH: i32 = 10_957;
    match days {
        i32::MAX => Err(BadCell::unfit("infinity")),
        i32::MIN => Err(BadCell::unfit("-infinity")),
        _ => days.checked_add(EPOCH).ok_or_else(|| BadCell::unfit("a date after the year 5881580")),
    }
}

/// A time since 1970, for microseconds since 2000. `unit` is the unit of the result, in microseconds.
fn timestamp(micros: [u8; 8], unit: i64) -> Result<i64, BadCell> {
    const EPOCH: i64 = 946_684_800_000_000;
    match i64::from_be_bytes(micros) {
        i64::MAX => Err(BadCell::unfit("infinity")),
        i64::MIN => Err(BadCell::unfit("-infinity")),
        micros => match micros.checked_add(EPOCH) {
            Some(micros) if micros % unit == 0 => Ok(micros / unit),
            Some(_) => Err(BadCell::unfit("a timestamp with more decimals of the second")),
            None => Err(BadCell::unfit("a timestamp after the year 294246")),
        },
    }
}

/// The digits of a number, of which `scale` are decimals. `None` for NaN, infinity, and more decimals.
fn decimal(cell: &[u8], scale: i8) -> Option<i128> {
    let (is_negative, digits) = match cell {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (whole, decimals) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (digits.get(..point)?, digits.get(point + 1..)?),
        None => (digits, &[][..]),
    };
    let missing = usize::try_from(scale).ok()?.checked_sub(decimals.len())?;
    let zeros = std::iter::repeat_n(&b'0', missing);
    let mut number: i128 = 0;
    for digit in whole.iter().chain(decimals).chain(zeros) {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_digit_by_digit() {
        for (text, scale, expected) in [
            ("1.50", 2, Some(150)),
            ("-0.05", 2, Some(-5)),
            ("7", 2, Some(700)),
            ("99999999999999999999999999999999999999", 0, Some(10_i128.pow(38) - 1)),
            ("1.505", 2, None),
            ("NaN", 2, None),
            ("-Infinity", 2, None),
            ("9999999999999999999999999999999999999999", 0, None),
        ] {
            assert_eq!(decimal(text.as_bytes(), scale), expected, "{text}");
        }
    }

    #[test]
    fn cells_of_a_wrong_length_are_malformed() {
        for data_type in [
            DataType::Boolean,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::Float32,
            DataType::Float64,
            DataType::Date32,
            DataType::Timestamp(TimeUnit::Microsecond, None),
        ] {
            let mut cells = Cells::new(CellReader::Binary, &data_type, &[]).unwrap();
            for length in [0, 3, 9] {
                let appended = cells.append(&vec![0; length]);
                assert!(matches!(appended, Err(BadCell::Malformed)), "{data_type}, {length}");
            }
        }
    }
}
