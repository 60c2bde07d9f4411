//! The types in which values of two types are compared or calculated with.

use arrow_schema::{DataType, TimeUnit};

use crate::node::{Arithmetic, Form};

/// What kind of values a type has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Class {
    Boolean,
    Integer {
        /// Values may need all 64 bits.
        is_long: bool,
        /// Values may exceed the range of signed 64-bit integers.
        is_wide: bool,
    },
    Decimal {
        precision: u8,
        scale: i8,
    },
    Float,
    Text,
    Bytes,
    /// A point in time, counted in a unit.
    Instant(Unit),
    TimeOfDay(TimeUnit),
    Duration(TimeUnit),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Day,
    Time(TimeUnit),
}

impl Class {
    pub(super) fn is_number(self) -> bool {
        matches!(
            self,
            Self::Integer { .. } | Self::Decimal { .. } | Self::Float | Self::Duration(_)
        )
    }
}

/// The class of a type. `None` if its values can't be compared.
pub(super) fn class(data_type: &DataType) -> Option<Class> {
    Some(match data_type {
        DataType::Boolean => Class::Boolean,
        DataType::Int64 => Class::Integer { is_long: true, is_wide: false },
        DataType::UInt64 => Class::Integer { is_long: true, is_wide: true },
        integer if integer.is_integer() => Class::Integer { is_long: false, is_wide: false },
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            Class::Decimal { precision: *precision, scale: *scale }
        }
        float if float.is_floating() => Class::Float,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Class::Text,
        bytes if crate::literal::is_bytes(bytes) => Class::Bytes,
        DataType::Date32 => Class::Instant(Unit::Day),
        DataType::Date64 => Class::Instant(Unit::Time(TimeUnit::Millisecond)),
        DataType::Timestamp(unit, _) => Class::Instant(Unit::Time(*unit)),
        DataType::Time32(unit) | DataType::Time64(unit) => Class::TimeOfDay(*unit),
        DataType::Duration(unit) => Class::Duration(*unit),
        _ => return None,
    })
}

/// The forms in which values of two types are compared (`None`: as they are), and whether one type is an
/// integer and the other a float.
pub(super) fn common(
    left: &DataType,
    right: &DataType,
) -> Option<(Option<Form>, Option<Form>, bool)> {
    let both = |form: Form| Some((Some(form.clone()), Some(form), false));
    let (left_class, right_class) = (class(left)?, class(right)?);
    if left == right && left_class != Class::Float {
        return Some((None, None, false));
    }
    match (left_class, right_class) {
        // A decimal equals the float that was read from the same digits.
        (Class::Float, Class::Decimal { .. }) => {
            Some((Some(Form::Float), Some(nearest(left)), false))
        }
        (Class::Decimal { .. }, Class::Float) => {
            Some((Some(nearest(right)), Some(Form::Float), false))
        }
        (Class::Float, Class::Float) => both(Form::Float),
        (Class::Float, Class::Integer { is_long: false, .. })
        | (Class::Integer { is_long: false, .. }, Class::Float) => both(Form::Float),
        (Class::Float, Class::Integer { .. } | Class::Duration(_)) => {
            Some((Some(Form::Float), Some(long(right)), true))
        }
        (Class::Integer { .. } | Class::Duration(_), Class::Float) => {
            Some((Some(long(left)), Some(Form::Float), true))
        }
        (Class::Duration(left), Class::Duration(right)) if left != right => both(Form::Nanoseconds),
        (Class::Integer { is_wide: left, .. }, Class::Integer { is_wide: right, .. }) => {
            both(Form::Type(match left || right {
                true => DataType::Decimal128(20, 0),
                false => DataType::Int64,
            }))
        }
        (Class::Duration(_), Class::Integer { .. } | Class::Decimal { .. }) => {
            let (count, other, mixed) = common(&DataType::Int64, right)?;
            Some((count.or(Some(Form::Count)), other, mixed))
        }
        (Class::Integer { .. } | Class::Decimal { .. }, Class::Duration(_)) => {
            let (other, count, mixed) = common(left, &DataType::Int64)?;
            Some((other, count.or(Some(Form::Count)), mixed))
        }
        (left, right) if left.is_number() && right.is_number() => {
            both(Form::Type(decimal(left, right)?))
        }
        (Class::Text, Class::Text) => both(Form::Type(DataType::LargeUtf8)),
        (Class::Bytes, Class::Bytes) => both(Form::Type(DataType::LargeBinary)),
        (Class::Instant(left), Class::Instant(right)) if left == right => both(Form::Count),
        (Class::Instant(_), Class::Instant(_)) | (Class::TimeOfDay(_), Class::TimeOfDay(_)) => {
            both(Form::Nanoseconds)
        }
        _ => None,
    }
}

/// The form of decimals beside floats of a type.
fn nearest(floats: &DataType) -> Form {
    match floats {
        DataType::Float32 => Form::Single,
        _ => Form::Float,
    }
}

fn long(data_type: &DataType) -> Form {
    match data_type {
        DataType::Duration(_) => Form::Count,
        other => Form::Type(other.clone()),
    }
}

/// The decimal type that holds the numbers of both classes.
fn decimal(left: Class, right: Class) -> Option<DataType> {
    let digits = |class: Class| match class {
        Class::Integer { is_wide, .. } => Some((if is_wide { 20_i16 } else { 19 }, 0_i16)),
        Class::Decimal { precision, scale } => {
            Some((i16::from(precision) - i16::from(scale), i16::from(scale)))
        }
        _ => None,
    };
    let ((left_whole, left_scale), (right_whole, right_scale)) = (digits(left)?, digits(right)?);
    let scale = left_scale.max(right_scale).max(0);
    let precision = (left_whole.max(right_whole) + scale).max(1);
    let scale = i8::try_from(scale).ok()?;
    match precision {
        ..=38 => Some(DataType::Decimal128(u8::try_from(precision).ok()?, scale)),
        39..=76 => Some(DataType::Decimal256(u8::try_from(precision).ok()?, scale)),
        _ => None,
    }
}

/// The form in which one operand of a calculation is used. `None` if it is not a number.
pub(super) fn arithmetic(side: &DataType, other: &DataType, operator: Arithmetic) -> Option<Form> {
    let (class, other) = (class(side)?, class(other).filter(|class| class.is_number()));
    if !class.is_number() {
        return None;
    }
    let other = other.unwrap_or(class);
    let either = |is: fn(Class) -> bool| is(class) || is(other);
    if operator == Arithmetic::Divide || either(|class| class == Class::Float) {
        return Some(Form::Float);
    }
    let is_exact =
        |class| matches!(class, Class::Decimal { .. } | Class::Integer { is_wide: true, .. });
    if !either(is_exact) {
        return Some(match class {
            Class::Duration(_) => Form::Count,
            _ => Form::Type(DataType::Int64),
        });
    }
    let is_long = either(|class| matches!(class, Class::Decimal { precision: 39.., .. }));
    Some(Form::Type(match (class, is_long) {
        (Class::Decimal { precision, scale }, false) => DataType::Decimal128(precision, scale),
        (Class::Decimal { precision, scale }, true) => DataType::Decimal256(precision, scale),
        (_, false) => DataType::Decimal128(20, 0),
        (_, true) => DataType::Decimal256(20, 0),
    }))
}
