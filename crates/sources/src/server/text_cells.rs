//! Converts the text of cells to Arrow arrays of any type.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType, UInt8Type, UInt64Type,
};
use arrow_cast::parse::Parser;
use arrow_schema::{DataType, TimeUnit};
use taploom_model::{Arraysize, Error, ErrorKind, Result};

use super::cells::{BadCell, Cells, booleans, bytes, numbers, texts};
use super::lists::ListEnds;
use crate::timestamp::micros_of_text;

/// The form in which a server writes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellForm {
    /// UTF-8 text, including numbers as text.
    Text,
    /// `YYYY-MM-DD hh:mm:ss`, possibly with decimals of a second.
    Datetime,
    /// The same. In a column of text, only three decimals of the second are kept.
    #[cfg(feature = "mysql")]
    DatetimeInMilliseconds,
    /// Arbitrary bytes.
    #[cfg(feature = "mysql")]
    Bytes,
    /// This number of bits, in as few bytes as possible, the highest byte first.
    #[cfg(feature = "mysql")]
    Bits(u32),
}

/// Collects cells of an Arrow type, which the server writes in the given form. Lists have to have these dimensions; `None`
/// allows any number of elements.
pub(crate) fn cells_of(
    form: CellForm,
    data_type: &DataType,
    dimensions: Option<&Arraysize>,
) -> Result<Box<dyn Cells>> {
    #[cfg(feature = "mysql")]
    if let CellForm::Bits(width) = form {
        return Ok(Box::new(BitCells {
            width: width as usize,
            // Other types get a decimal number.
            is_of_digits: matches!(
                data_type,
                DataType::Boolean | DataType::List(_) | DataType::Utf8
            ),
            text: String::new(),
            cells: cells_of(CellForm::Text, data_type, dimensions)?,
        }));
    }
    Ok(match data_type {
        DataType::Boolean => {
            booleans(|cell| boolean(cell).ok_or_else(|| BadCell::unfit_text(cell)))
        }
        DataType::UInt8 => parsed::<UInt8Type>(data_type, integer),
        DataType::Int16 => parsed::<Int16Type>(data_type, integer),
        DataType::Int32 => parsed::<Int32Type>(data_type, integer),
        DataType::Int64 => parsed::<Int64Type>(data_type, integer),
        DataType::UInt64 => parsed::<UInt64Type>(data_type, integer),
        DataType::Float32 => parsed::<Float32Type>(data_type, |cell| float(cell, f32::is_infinite)),
        DataType::Float64 => parsed::<Float64Type>(data_type, |cell| float(cell, f64::is_infinite)),
        DataType::Utf8 if form == CellForm::Datetime => texts(append_datetime),
        #[cfg(feature = "mysql")]
        DataType::Utf8 if form == CellForm::DatetimeInMilliseconds => {
            texts(|builder, text| append_datetime(builder, in_milliseconds(text)))
        }
        DataType::Utf8 => texts(|builder, text| builder.append_value(text)),
        DataType::Binary => bytes(),
        DataType::Date32 => parsed::<Date32Type>(data_type, |cell| Date32Type::parse(text(cell)?)),
        DataType::Timestamp(TimeUnit::Second, None) => {
            parsed::<TimestampSecondType>(data_type, |cell| ticks(cell, 1_000_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, None) => {
            parsed::<TimestampMillisecondType>(data_type, |cell| ticks(cell, 1_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            parsed::<TimestampMicrosecondType>(data_type, |cell| ticks(cell, 1))
        }
        DataType::List(item) => Box::new(ListCells {
            is_of_booleans: *item.data_type() == DataType::Boolean,
            elements: cells_of(CellForm::Text, item.data_type(), None)?,
            ends: ListEnds::new(Arc::clone(item), dimensions.cloned().unwrap_or(Arraysize::FREE)),
        }),
        other => {
            let message = format!("text can't be converted to Arrow type {other}");
            return Err(Error::new(ErrorKind::Internal, message));
        }
    })
}

/// Numbers that `parse` makes of text, or `None` if they do not fit.
fn parsed<T: ArrowPrimitiveType>(
    data_type: &DataType,
    parse: impl Fn(&[u8]) -> Option<T::Native> + Send + Sync + 'static,
) -> Box<dyn Cells> {
    numbers::<T, _>(data_type, move |cell| parse(cell).ok_or_else(|| BadCell::unfit_text(cell)))
}

/// Lists whose elements are separated by spaces, as in the TABLEDATA of VOTable 1.4, 6.
struct ListCells {
    is_of_booleans: bool,
    elements: Box<dyn Cells>,
    ends: ListEnds,
}

impl Cells for ListCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        let mut count = 0;
        for word in cell.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            // Bits need no spaces between them.
            let length = if self.is_of_booleans && is_of_letters(word) { 1 } else { word.len() };
            for element in word.chunks(length) {
                match element {
                    // Neither true nor false, as in VOTable 1.4, 6.
                    b"?" if self.is_of_booleans => self.elements.append_null(),
                    element => {
                        let appended = self.elements.append(element);
                        // The message shows the whole list.
                        appended.map_err(|_| BadCell::unfit_text(cell))?;
                    }
                }
                count += 1;
            }
        }
        self.ends.end(count)
    }

    fn append_null(&mut self) {
        self.ends.end_null();
    }

    fn finish(&mut self, _rows: usize) -> Result<ArrayRef> {
        let elements = self.elements.finish(0)?;
        self.ends.finish(elements)
    }
}

fn is_of_letters(word: &[u8]) -> bool {
    word.iter().all(|letter| matches!(letter, b'0' | b'1' | b't' | b'f' | b'T' | b'F' | b'?'))
}

/// Cells of BIT columns, which the server sends as bytes. They are converted to text, and then read as such.
#[cfg(feature = "mysql")]
struct BitCells {
    width: usize,
    /// Whether the text has one digit per bit, the highest bit first, or is a decimal number.
    is_of_digits: bool,
    text: String,
    cells: Box<dyn Cells>,
}

#[cfg(feature = "mysql")]
impl Cells for BitCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        let unfit = || BadCell::unfit(format!("the bits {cell:02x?}"));
        let mut wide = [0; 8];
        let start = wide.len().checked_sub(cell.len()).ok_or_else(unfit)?;
        wide[start..].copy_from_slice(cell);
        let number = u64::from_be_bytes(wide);
        self.text.clear();
        let written = match self.is_of_digits {
            true => write!(self.text, "{number:0width$b}", width = self.width),
            false => write!(self.text, "{number}"),
        };
        written.map_err(|_| unfit())?;
        self.cells.append(self.text.as_bytes()).map_err(|_| unfit())
    }

    fn append_null(&mut self) {
        self.cells.append_null();
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        self.cells.finish(rows)
    }
}

#[inline]
fn boolean(cell: &[u8]) -> Option<bool> {
    match cell {
        b"0" | b"f" | b"F" | b"\x00" => Some(false),
        b"1" | b"t" | b"T" | b"\x01" => Some(true),
        word if word.eq_ignore_ascii_case(b"true") => Some(true),
        word if word.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

#[inline]
fn integer<T: atoi_simd::Parse + TryFrom<i64>>(cell: &[u8]) -> Option<T> {
    atoi_simd::parse::<T, true, true>(cell).ok().or_else(|| whole(cell))
}

/// Parses an integer that is written with a point or an exponent, such as a sum of DECIMALs or DOUBLEs.
#[cold]
fn whole<T: TryFrom<i64>>(cell: &[u8]) -> Option<T> {
    let number: f64 = fast_float2::parse(cell).ok()?;
    // Beyond 2^53 a double can't represent every integer.
    if number.fract() != 0.0 || number.abs() > (1_i64 << 53) as f64 {
        return None;
    }
    T::try_from(number as i64).ok()
}

#[inline]
fn float<T: fast_float2::FastFloat>(cell: &[u8], is_infinite: impl Fn(T) -> bool) -> Option<T> {
    let number: T = fast_float2::parse(cell).ok()?;
    // Digits that parse to infinity are a number out of range. Only a word, such as `inf`, means infinity.
    if is_infinite(number) && cell.iter().any(u8::is_ascii_digit) {
        return None;
    }
    Some(number)
}

#[inline]
fn text(cell: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(cell).ok()
}

/// Cuts off what follows the third decimal of the second.
#[cfg(feature = "mysql")]
fn in_milliseconds(datetime: &str) -> &str {
    let decimals = datetime.find('.');
    decimals.and_then(|point| datetime.get(..point + 4)).unwrap_or(datetime)
}

fn append_datetime(builder: &mut StringBuilder, text: &str) {
    // Times in text are written with milliseconds at least, as VO services do.
    let written = match text.split_once(' ') {
        // PostgreSQL writes ` BC` after a time before Christ, for which DALI has no form.
        Some((_, time)) if time.contains(' ') => builder.write_str(text),
        Some((date, time)) => {
            let decimals = time.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let point = if decimals == 0 { "." } else { "" };
            let zeros = "000".get(decimals..).unwrap_or_default();
            write!(builder, "{date}T{time}{point}{zeros}")
        }
        None => builder.write_str(text),
    };
    // Writing to memory does not fail.
    debug_assert!(written.is_ok());
    builder.append_value("");
}

fn ticks(cell: &[u8], micros: i64) -> Option<i64> {
    let instant = micros_of_text(text(cell)?)?;
    (instant % micros == 0).then_some(instant / micros)
}
