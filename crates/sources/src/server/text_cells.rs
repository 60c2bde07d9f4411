//! Converts the text of cells to Arrow arrays of any type.

use std::str;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType, UInt8Type, UInt64Type,
};
use arrow_cast::parse::Parser;
use arrow_schema::{DataType, TimeUnit};
use taploom_model::{Error, ErrorKind, Result};

use super::lists::ListEnds;
use crate::timestamp::micros_of_text;

/// The form in which a server writes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellForm {
    /// UTF-8 text, including numbers as text.
    Text,
    /// `YYYY-MM-DD hh:mm:ss`, possibly with decimals of a second.
    Datetime,
    /// Arbitrary bytes.
    #[cfg(feature = "mysql")]
    Bytes,
    /// This number of bits, in as few bytes as possible, the highest byte first.
    #[cfg(feature = "mysql")]
    Bits(u32),
}

/// Collects the cells of one column.
pub(crate) enum CellBuilder {
    Boolean(BooleanBuilder),
    UnsignedByte(PrimitiveBuilder<UInt8Type>),
    Short(PrimitiveBuilder<Int16Type>),
    Int(PrimitiveBuilder<Int32Type>),
    Long(PrimitiveBuilder<Int64Type>),
    UnsignedLong(PrimitiveBuilder<UInt64Type>),
    Float(PrimitiveBuilder<Float32Type>),
    Double(PrimitiveBuilder<Float64Type>),
    Text(StringBuilder),
    /// Text of a DATETIME, in which the space between date and time becomes a T, as in DALI 1.1, 3.3.3.
    Datetime(StringBuilder),
    Bytes(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Seconds(PrimitiveBuilder<TimestampSecondType>),
    Milliseconds(PrimitiveBuilder<TimestampMillisecondType>),
    Microseconds(PrimitiveBuilder<TimestampMicrosecondType>),
    List(Box<ListCells>),
    #[cfg(feature = "mysql")]
    Bits(Box<BitCells>),
}

/// The error for a cell that can't be converted to the type of its column.
pub(crate) struct UnfitCell;

impl CellBuilder {
    /// A builder for an Arrow type and for cells that the server writes in the given form.
    pub(crate) fn new(form: CellForm, data_type: &DataType, rows: usize) -> Result<Self> {
        #[cfg(feature = "mysql")]
        if let CellForm::Bits(width) = form {
            let cells = Self::new(CellForm::Text, data_type, rows)?;
            return Ok(Self::Bits(Box::new(BitCells { width, digits: String::new(), cells })));
        }
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::UInt8 => Self::UnsignedByte(PrimitiveBuilder::with_capacity(rows)),
            DataType::Int16 => Self::Short(PrimitiveBuilder::with_capacity(rows)),
            DataType::Int32 => Self::Int(PrimitiveBuilder::with_capacity(rows)),
            DataType::Int64 => Self::Long(PrimitiveBuilder::with_capacity(rows)),
            DataType::UInt64 => Self::UnsignedLong(PrimitiveBuilder::with_capacity(rows)),
            DataType::Float32 => Self::Float(PrimitiveBuilder::with_capacity(rows)),
            DataType::Float64 => Self::Double(PrimitiveBuilder::with_capacity(rows)),
            DataType::Utf8 if form == CellForm::Datetime => {
                Self::Datetime(StringBuilder::with_capacity(rows, 0))
            }
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(rows, 0)),
            DataType::Binary => Self::Bytes(BinaryBuilder::with_capacity(rows, 0)),
            DataType::Date32 => Self::Date(PrimitiveBuilder::with_capacity(rows)),
            DataType::Timestamp(TimeUnit::Second, None) => {
                Self::Seconds(PrimitiveBuilder::with_capacity(rows))
            }
            DataType::Timestamp(TimeUnit::Millisecond, None) => {
                Self::Milliseconds(PrimitiveBuilder::with_capacity(rows))
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Self::Microseconds(PrimitiveBuilder::with_capacity(rows))
            }
            DataType::List(item) => {
                let elements = Self::new(CellForm::Text, item.data_type(), rows)?;
                let ends = ListEnds::new(Arc::clone(item));
                Self::List(Box::new(ListCells { elements, ends }))
            }
            other => {
                let message = format!("text can't be converted to Arrow type {other}");
                return Err(Error::new(ErrorKind::Internal, message));
            }
        })
    }

    /// Appends a cell.
    #[inline]
    pub(crate) fn append(&mut self, cell: &[u8]) -> Result<(), UnfitCell> {
        match self {
            Self::Boolean(builder) => builder.append_value(boolean(cell)?),
            Self::Double(builder) => {
                builder.append_value(float(cell, f64::is_infinite)?);
            }
            Self::Float(builder) => {
                builder.append_value(float(cell, f32::is_infinite)?);
            }
            Self::Int(builder) => builder.append_value(integer(cell)?),
            Self::Long(builder) => builder.append_value(integer(cell)?),
            Self::Short(builder) => builder.append_value(integer(cell)?),
            Self::UnsignedByte(builder) => builder.append_value(integer(cell)?),
            Self::UnsignedLong(builder) => builder.append_value(integer(cell)?),
            Self::Text(builder) => builder.append_value(text(cell)?),
            Self::Datetime(builder) => append_datetime(builder, text(cell)?),
            Self::Bytes(builder) => builder.append_value(cell),
            Self::Date(builder) => {
                builder.append_value(Date32Type::parse(text(cell)?).ok_or(UnfitCell)?);
            }
            Self::Seconds(builder) => builder.append_value(ticks(cell, 1_000_000)?),
            Self::Milliseconds(builder) => builder.append_value(ticks(cell, 1_000)?),
            Self::Microseconds(builder) => builder.append_value(ticks(cell, 1)?),
            Self::List(list) => list.append(cell)?,
            #[cfg(feature = "mysql")]
            Self::Bits(bits) => bits.append(cell)?,
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::UnsignedByte(builder) => builder.append_null(),
            Self::Short(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Long(builder) => builder.append_null(),
            Self::UnsignedLong(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Text(builder) | Self::Datetime(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Seconds(builder) => builder.append_null(),
            Self::Milliseconds(builder) => builder.append_null(),
            Self::Microseconds(builder) => builder.append_null(),
            Self::List(list) => list.ends.end_null(),
            #[cfg(feature = "mysql")]
            Self::Bits(bits) => bits.cells.append_null(),
        }
    }

    /// Returns the cells so far as an array, and starts a new one.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::List(list) => list.finish()?,
            #[cfg(feature = "mysql")]
            Self::Bits(bits) => bits.cells.finish()?,
            Self::Boolean(builder) => ArrayBuilder::finish(builder),
            Self::UnsignedByte(builder) => ArrayBuilder::finish(builder),
            Self::Short(builder) => ArrayBuilder::finish(builder),
            Self::Int(builder) => ArrayBuilder::finish(builder),
            Self::Long(builder) => ArrayBuilder::finish(builder),
            Self::UnsignedLong(builder) => ArrayBuilder::finish(builder),
            Self::Float(builder) => ArrayBuilder::finish(builder),
            Self::Double(builder) => ArrayBuilder::finish(builder),
            Self::Text(builder) | Self::Datetime(builder) => ArrayBuilder::finish(builder),
            Self::Bytes(builder) => ArrayBuilder::finish(builder),
            Self::Date(builder) => ArrayBuilder::finish(builder),
            Self::Seconds(builder) => ArrayBuilder::finish(builder),
            Self::Milliseconds(builder) => ArrayBuilder::finish(builder),
            Self::Microseconds(builder) => ArrayBuilder::finish(builder),
        })
    }
}

/// Lists whose elements are separated by spaces, as in the TABLEDATA of VOTable 1.4, 6.
pub(crate) struct ListCells {
    elements: CellBuilder,
    ends: ListEnds,
}

impl ListCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), UnfitCell> {
        let is_boolean = matches!(self.elements, CellBuilder::Boolean(_));
        let mut count = 0;
        for word in cell.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            // Bits need no spaces between them.
            let length = if is_boolean && is_of_letters(word) { 1 } else { word.len() };
            for element in word.chunks(length) {
                match element {
                    // Neither true nor false, as in VOTable 1.4, 6.
                    b"?" if is_boolean => self.elements.append_null(),
                    element => self.elements.append(element)?,
                }
                count += 1;
            }
        }
        self.ends.end(count).ok_or(UnfitCell)
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let elements = self.elements.finish()?;
        self.ends.finish(elements)
    }
}

fn is_of_letters(word: &[u8]) -> bool {
    word.iter().all(|letter| matches!(letter, b'0' | b'1' | b't' | b'f' | b'T' | b'F' | b'?'))
}

/// Cells of BIT columns, which the server sends as bytes. They are converted to digits and then appended as text.
#[cfg(feature = "mysql")]
pub(crate) struct BitCells {
    width: u32,
    digits: String,
    cells: CellBuilder,
}

#[cfg(feature = "mysql")]
impl BitCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), UnfitCell> {
        use std::fmt::Write as _;

        let mut wide = [0; 8];
        let start = wide.len().checked_sub(cell.len()).ok_or(UnfitCell)?;
        wide[start..].copy_from_slice(cell);
        let number = u64::from_be_bytes(wide);
        self.digits.clear();
        // Booleans, lists and text get one digit per bit, the highest bit first. Other types get a decimal number.
        let written = match self.cells {
            CellBuilder::Boolean(_) | CellBuilder::List(_) | CellBuilder::Text(_) => {
                write!(self.digits, "{number:0width$b}", width = self.width as usize)
            }
            _ => write!(self.digits, "{number}"),
        };
        written.map_err(|_| UnfitCell)?;
        self.cells.append(self.digits.as_bytes())
    }
}

#[inline]
fn boolean(cell: &[u8]) -> Result<bool, UnfitCell> {
    match cell {
        b"0" | b"f" | b"F" | b"\x00" => Ok(false),
        b"1" | b"t" | b"T" | b"\x01" => Ok(true),
        word if word.eq_ignore_ascii_case(b"true") => Ok(true),
        word if word.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(UnfitCell),
    }
}

#[inline]
fn integer<T: atoi_simd::Parse + TryFrom<i64>>(cell: &[u8]) -> Result<T, UnfitCell> {
    match atoi_simd::parse::<T, true, true>(cell) {
        Ok(number) => Ok(number),
        Err(_) => whole(cell),
    }
}

/// Parses an integer that is written with a point or an exponent, such as a sum of DECIMALs or DOUBLEs.
#[cold]
fn whole<T: TryFrom<i64>>(cell: &[u8]) -> Result<T, UnfitCell> {
    let number: f64 = fast_float2::parse(cell).map_err(|_| UnfitCell)?;
    // Beyond 2^53 a double can't represent every integer.
    if number.fract() != 0.0 || number.abs() > (1_i64 << 53) as f64 {
        return Err(UnfitCell);
    }
    T::try_from(number as i64).map_err(|_| UnfitCell)
}

#[inline]
fn float<T: fast_float2::FastFloat>(
    cell: &[u8],
    is_infinite: impl Fn(T) -> bool,
) -> Result<T, UnfitCell> {
    let number: T = fast_float2::parse(cell).map_err(|_| UnfitCell)?;
    // Digits that parse to infinity are a number out of range. Only a word, such as `inf`, means infinity.
    if is_infinite(number) && cell.iter().any(u8::is_ascii_digit) {
        return Err(UnfitCell);
    }
    Ok(number)
}

#[inline]
fn text(cell: &[u8]) -> Result<&str, UnfitCell> {
    simdutf8::basic::from_utf8(cell).map_err(|_| UnfitCell)
}

fn append_datetime(builder: &mut StringBuilder, text: &str) {
    use std::fmt::Write as _;

    // Times in text are written with milliseconds at least, as VO services do.
    let written = match text.split_once(' ') {
        Some((date, time)) if time.contains('.') => write!(builder, "{date}T{time}"),
        Some((date, time)) => write!(builder, "{date}T{time}.000"),
        None => builder.write_str(text),
    };
    // Writing to memory does not fail.
    debug_assert!(written.is_ok());
    builder.append_value("");
}

fn ticks(cell: &[u8], micros: i64) -> Result<i64, UnfitCell> {
    let instant = micros_of_text(text(cell)?).ok_or(UnfitCell)?;
    if instant % micros == 0 { Ok(instant / micros) } else { Err(UnfitCell) }
}
