//! Literals, and their values in a column's type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::timezone::Tz;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array,
    Int64Array, StringArray, UInt64Array, new_null_array,
};
use arrow_buffer::i256;
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, TimeUnit};

const NANOSECONDS_PER_DAY: i128 = 86_400 * 1_000_000_000;

/// A value in a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    /// Digits, perhaps with a sign, a point and an exponent.
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
    /// Nanoseconds since 1970 in UTC: `TIMESTAMP '...'` and `DATE '...'`.
    Instant(i128),
    /// Nanoseconds since midnight: `TIME '...'`.
    TimeOfDay(i64),
}

impl Literal {
    /// The instant in a text: a date, or a date and a time, in UTC if no offset is given.
    pub(crate) fn instant(text: &str) -> Option<Self> {
        let utc: Tz = "+00:00".parse().ok()?;
        let time = arrow_cast::parse::string_to_datetime(&utc, text.trim()).ok()?;
        let seconds = i128::from(time.timestamp());
        Some(Self::Instant(seconds * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos())))
    }

    /// The time of day in a text.
    pub(crate) fn time_of_day(text: &str) -> Option<Self> {
        let text = Arc::new(StringArray::from(vec![text.trim()])) as ArrayRef;
        let time = exact_cast(&text, &DataType::Time64(TimeUnit::Nanosecond))?;
        let count = cast(&time, &DataType::Int64).ok()?;
        Some(Self::TimeOfDay(count.as_primitive::<arrow_array::types::Int64Type>().value(0)))
    }

    /// The literal as one value of its natural type. `None` for a number of more than 76 digits.
    pub(crate) fn alone(&self) -> Option<ArrayRef> {
        Some(match self {
            Self::Null => new_null_array(&DataType::Null, 1),
            Self::Boolean(value) => Arc::new(BooleanArray::from(vec![*value])),
            Self::Number(text) => number(text)?,
            Self::Text(text) => Arc::new(StringArray::from(vec![text.as_str()])),
            Self::Bytes(bytes) => Arc::new(BinaryArray::from(vec![bytes.as_slice()])),
            Self::Instant(instant) => nanoseconds(*instant)?,
            Self::TimeOfDay(time) => nanoseconds((*time).into())?,
        })
    }

    /// The same value in the type of a column, or `None` if that type does not hold exactly this value. A number
    /// beside floats becomes the nearest float.
    pub(crate) fn beside(&self, data_type: &DataType) -> Option<ArrayRef> {
        match (self, data_type) {
            (Self::Null, _) => Some(new_null_array(data_type, 1)),
            (Self::Boolean(_), DataType::Boolean) | (Self::Bytes(_), DataType::Binary) => {
                self.alone()
            }
            (Self::Bytes(_), data_type) if is_bytes(data_type) => {
                exact_cast(&self.alone()?, data_type)
            }
            (Self::Text(text), data_type) if is_uuid(data_type) => {
                let bytes = uuid(text)?;
                exact_cast(&Self::Bytes(bytes).alone()?, data_type)
            }
            (Self::Text(text), data_type) if data_type.is_floating() => {
                let word = text.trim().trim_start_matches(['+', '-']).to_ascii_lowercase();
                let is_special = ["nan", "inf", "infinity"].contains(&word.as_str());
                let value: f64 = text.trim().parse().ok().filter(|_| is_special)?;
                cast(&(Arc::new(Float64Array::from(vec![value])) as ArrayRef), data_type).ok()
            }
            (Self::Text(_), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                exact_cast(&self.alone()?, data_type)
            }
            (Self::Text(text), DataType::Time32(_) | DataType::Time64(_)) => {
                Self::time_of_day(text)?.beside(data_type)
            }
            (Self::Text(text), data_type) if is_instant(data_type) => {
                Self::instant(text)?.beside(data_type)
            }
            (Self::Number(text), DataType::Decimal128(precision, scale)) => {
                let unscaled = scaled(text, *scale, *precision)?.to_i128()?;
                let array = Decimal128Array::from(vec![unscaled]);
                Some(Arc::new(array.with_precision_and_scale(*precision, *scale).ok()?))
            }
            (Self::Number(text), DataType::Decimal256(precision, scale)) => {
                let unscaled = scaled(text, *scale, *precision)?;
                let array = Decimal256Array::from(vec![unscaled]);
                Some(Arc::new(array.with_precision_and_scale(*precision, *scale).ok()?))
            }
            (Self::Number(text), data_type) if data_type.is_floating() => float(text, data_type),
            (Self::Number(text), data_type) if data_type.is_integer() => {
                let value = integer(text)?;
                let array: ArrayRef = match (i64::try_from(value), u64::try_from(value)) {
                    (Ok(value), _) => Arc::new(Int64Array::from(vec![value])),
                    (_, Ok(value)) => Arc::new(UInt64Array::from(vec![value])),
                    _ => return None,
                };
                exact_cast(&array, data_type)
            }
            (Self::Instant(instant), DataType::Date32) => {
                let days = i32::try_from(instant / NANOSECONDS_PER_DAY).ok()?;
                let days = Some(days).filter(|_| instant % NANOSECONDS_PER_DAY == 0)?;
                cast(&arrow_array::Int32Array::from(vec![days]), data_type).ok()
            }
            (Self::Instant(instant), DataType::Date64) => {
                count(*instant, TimeUnit::Millisecond, data_type)
            }
            (Self::Instant(instant), DataType::Timestamp(unit, _)) => {
                count(*instant, *unit, data_type)
            }
            (Self::TimeOfDay(time), DataType::Time64(unit)) => {
                count((*time).into(), *unit, data_type)
            }
            (Self::TimeOfDay(time), DataType::Time32(unit)) => {
                let count = exact_count((*time).into(), *unit)?;
                let count = arrow_array::Int32Array::from(vec![i32::try_from(count).ok()?]);
                cast(&count, data_type).ok()
            }
            _ => None,
        }
    }
}

/// Nanoseconds as a whole number of 128 bits, which has room for every instant of every unit.
fn nanoseconds(count: i128) -> Option<ArrayRef> {
    Some(Arc::new(Decimal128Array::from(vec![count]).with_precision_and_scale(38, 0).ok()?))
}

fn count(nanoseconds: i128, unit: TimeUnit, data_type: &DataType) -> Option<ArrayRef> {
    let count = exact_count(nanoseconds, unit)?;
    cast(&Int64Array::from(vec![count]), data_type).ok()
}

fn exact_count(nanoseconds: i128, unit: TimeUnit) -> Option<i64> {
    let unit = nanoseconds_of(unit);
    i64::try_from(nanoseconds / unit).ok().filter(|_| nanoseconds % unit == 0)
}

/// The nanoseconds of a unit.
pub(crate) fn nanoseconds_of(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

pub(crate) fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

pub(crate) fn is_bytes(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

fn is_uuid(data_type: &DataType) -> bool {
    *data_type == DataType::FixedSizeBinary(16)
}

/// The 16 bytes of a UUID in text.
fn uuid(text: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    (lengths == [8, 4, 4, 4, 12]).then(|| bytes(&parts.concat())).flatten()
}

/// The bytes of hexadecimal digits.
pub(crate) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

/// The same value in another type, or `None` if that type does not hold it.
fn exact_cast(array: &ArrayRef, data_type: &DataType) -> Option<ArrayRef> {
    if array.data_type() == data_type {
        return Some(Arc::clone(array));
    }
    cast_with_options(array, data_type, &CastOptions { safe: false, ..Default::default() }).ok()
}

/// A number in the smallest type that holds it exactly; with an exponent, a float.
fn number(text: &str) -> Option<ArrayRef> {
    if has_exponent(text) {
        return Some(Arc::new(Float64Array::from(vec![finite(text)?])));
    }
    if !text.contains('.') {
        if let Ok(value) = text.parse::<i64>() {
            return Some(Arc::new(Int64Array::from(vec![value])));
        }
        if let Ok(value) = text.parse::<u64>() {
            return Some(Arc::new(UInt64Array::from(vec![value])));
        }
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = i8::try_from(scale).ok()?;
    let precision = u8::try_from(digits.max(1)).ok()?;
    let number = Literal::Number(text.to_owned());
    match precision {
        ..=38 => number.beside(&DataType::Decimal128(precision, scale)),
        39..=76 => number.beside(&DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

fn has_exponent(text: &str) -> bool {
    text.contains(['e', 'E'])
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The whole number that a text is exactly.
fn integer(text: &str) -> Option<i128> {
    if has_exponent(text) {
        let value = finite(text)?;
        // Beyond 2^100, no integer type holds it.
        return (value.fract() == 0.0 && value.abs() < 1e30).then_some(value as i128);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = match whole {
        "" | "-" => "0",
        whole => whole,
    };
    whole.parse().ok().filter(|_| fraction.bytes().all(|digit| digit == b'0'))
}

/// The number times ten to the power of the scale, if that is a whole number within the precision.
fn scaled(text: &str, scale: i8, precision: u8) -> Option<i256> {
    if has_exponent(text) {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let scale = usize::try_from(scale).ok().filter(|scale| fraction.len() <= *scale)?;
    let digits = format!("{whole}{fraction}{}", "0".repeat(scale - fraction.len()));
    let unsigned = digits.trim_start_matches('-').trim_start_matches('0');
    if unsigned.len() > usize::from(precision) {
        return None;
    }
    if unsigned.is_empty() {
        return Some(i256::ZERO);
    }
    let value = i256::from_string(unsigned)?;
    if digits.starts_with('-') { value.checked_neg() } else { Some(value) }
}

/// A literal that is compared with floats. `None` for a whole number that the float type does not have.
fn float(text: &str, data_type: &DataType) -> Option<ArrayRef> {
    let value = finite(text)?;
    let array: ArrayRef = match data_type {
        // Parsed directly: rounding to a double first could give another float.
        DataType::Float32 => {
            let value: f32 = text.parse().ok().filter(|value: &f32| value.is_finite())?;
            Arc::new(arrow_array::Float32Array::from(vec![value]))
        }
        _ => Arc::new(Float64Array::from(vec![value])),
    };
    let rounded = exact_cast(&array, data_type)?;
    let back = cast(&rounded, &DataType::Float64).ok()?;
    let back = back.as_primitive::<arrow_array::types::Float64Type>().value(0);
    let same = match integer(text) {
        Some(whole) => back.is_finite() && back.fract() == 0.0 && back as i128 == whole,
        None => back.is_finite(),
    };
    same.then_some(rounded)
}
