//! Converts cells to Arrow arrays.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType,
};
use arrow_schema::{DataType, TimeUnit};
use taploom_model::{Arraysize, Error, ErrorKind, Result};

use super::arrays::{ArrayCells, ShapeCells};
use super::sphere::Shape;
use crate::server::cells::{BadCell, Cells, booleans, bytes, numbers, texts};
use crate::server::text_cells::{CellForm, cells_of};

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

/// Collects the cells of a column of an Arrow type. Arrays have to have these dimensions; `None` allows any number of
/// elements.
pub(super) fn cells(
    reader: CellReader,
    data_type: &DataType,
    dimensions: Option<&Arraysize>,
) -> Result<Box<dyn Cells>> {
    let shape = || dimensions.cloned().unwrap_or(Arraysize::FREE);
    Ok(match (reader, data_type) {
        (CellReader::Text, DataType::Utf8) => texts(|builder, text| builder.append_value(text)),
        (CellReader::Text, _) => cells_of(CellForm::Text, data_type, dimensions)?,
        (CellReader::TimestampText, _) => {
            Box::new(UtcCells(cells_of(CellForm::Datetime, data_type, dimensions)?))
        }
        (CellReader::Array, DataType::List(item)) => {
            Box::new(ArrayCells::new(Arc::clone(item), shape())?)
        }
        (CellReader::Shape(kind), DataType::List(item)) => {
            Box::new(ShapeCells::new(Arc::clone(item), kind, shape()))
        }
        (CellReader::Decimal, DataType::Decimal128(_, scale)) => {
            let scale = *scale;
            numbers::<Decimal128Type, _>(data_type, move |cell| {
                decimal(cell, scale).ok_or_else(|| BadCell::unfit_text(cell))
            })
        }
        (CellReader::ObjectId, DataType::Int64) => numbers::<Int64Type, _>(data_type, |cell| {
            Ok(i64::from(u32::from_be_bytes(fixed(cell)?)))
        }),
        (_, DataType::Boolean) => booleans(|cell| match cell {
            [value @ (0 | 1)] => Ok(*value == 1),
            _ => Err(BadCell::Malformed),
        }),
        (_, DataType::Int16) => {
            numbers::<Int16Type, _>(data_type, |cell| Ok(i16::from_be_bytes(fixed(cell)?)))
        }
        (_, DataType::Int32) => {
            numbers::<Int32Type, _>(data_type, |cell| Ok(i32::from_be_bytes(fixed(cell)?)))
        }
        (_, DataType::Int64) => {
            numbers::<Int64Type, _>(data_type, |cell| Ok(i64::from_be_bytes(fixed(cell)?)))
        }
        (_, DataType::Float32) => {
            numbers::<Float32Type, _>(data_type, |cell| Ok(f32::from_be_bytes(fixed(cell)?)))
        }
        (_, DataType::Float64) => {
            numbers::<Float64Type, _>(data_type, |cell| Ok(f64::from_be_bytes(fixed(cell)?)))
        }
        (_, DataType::Binary) => bytes(),
        (_, DataType::Date32) => {
            numbers::<Date32Type, _>(data_type, |cell| date(i32::from_be_bytes(fixed(cell)?)))
        }
        (_, DataType::Timestamp(TimeUnit::Second, None)) => {
            numbers::<TimestampSecondType, _>(data_type, |cell| timestamp(fixed(cell)?, 1_000_000))
        }
        (_, DataType::Timestamp(TimeUnit::Millisecond, None)) => {
            numbers::<TimestampMillisecondType, _>(data_type, |cell| timestamp(fixed(cell)?, 1_000))
        }
        (_, DataType::Timestamp(TimeUnit::Microsecond, None)) => {
            numbers::<TimestampMicrosecondType, _>(data_type, |cell| timestamp(fixed(cell)?, 1))
        }
        (_, other) => {
            let message = format!("cells of PostgreSQL can't be read as Arrow type {other}");
            return Err(Error::new(ErrorKind::Internal, message));
        }
    })
}

/// Texts of timestamps.
struct UtcCells(Box<dyn Cells>);

impl Cells for UtcCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        // The zone of the session is UTC, and DALI 1.1, 3.3.3 has no suffix for it.
        let instant = cell.strip_suffix(b"+00").unwrap_or(cell);
        self.0.append(instant).map_err(|_| BadCell::unfit_text(cell))
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        self.0.finish(rows)
    }
}

#[inline]
fn fixed<const LENGTH: usize>(cell: &[u8]) -> Result<[u8; LENGTH], BadCell> {
    cell.try_into().map_err(|_| BadCell::Malformed)
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
            let mut cells = cells(CellReader::Binary, &data_type, None).unwrap();
            for length in [0, 3, 9] {
                let appended = cells.append(&vec![0; length]);
                assert!(matches!(appended, Err(BadCell::Malformed)), "{data_type}, {length}");
            }
        }
    }
}
