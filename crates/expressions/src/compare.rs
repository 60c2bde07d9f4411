//! Comparisons.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, BooleanArray, Datum};
use arrow_ord::cmp;
use arrow_schema::{ArrowError, DataType};

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Like `NotEqual`, but null counts as a value.
    Distinct,
    NotDistinct,
}

impl Comparison {
    /// The comparison with its sides swapped.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// The comparison that is true where this one is false. Both are null for the same values.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Distinct => Self::NotDistinct,
            Self::NotDistinct => Self::Distinct,
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal | Self::NotDistinct => order.is_eq(),
            Self::NotEqual | Self::Distinct => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// Compares values of one type.
    pub(crate) fn of_same(
        self,
        left: &dyn Datum,
        right: &dyn Datum,
    ) -> Result<BooleanArray, ArrowError> {
        match self {
            Self::Equal => cmp::eq(left, right),
            Self::NotEqual => cmp::neq(left, right),
            Self::Less => cmp::lt(left, right),
            Self::LessOrEqual => cmp::lt_eq(left, right),
            Self::Greater => cmp::gt(left, right),
            Self::GreaterOrEqual => cmp::gt_eq(left, right),
            Self::Distinct => cmp::distinct(left, right),
            Self::NotDistinct => cmp::not_distinct(left, right),
        }
    }

    /// Compares 64-bit integers with doubles, exactly.
    pub(crate) fn of_mixed(
        self,
        left: &dyn Datum,
        right: &dyn Datum,
    ) -> Result<BooleanArray, ArrowError> {
        let ((left, left_is_one), (right, right_is_one)) = (left.get(), right.get());
        let rows = if left_is_one { right.len() } else { left.len() };
        let row = |row: usize, is_one: bool| if is_one { 0 } else { row };
        let (left, right) = (Numbers::of(left)?, Numbers::of(right)?);
        let compared = (0..rows).map(|at| {
            let (left, right) = (left.at(row(at, left_is_one)), right.at(row(at, right_is_one)));
            match (left, right) {
                (Some(left), Some(right)) => Some(self.holds(left.order(right))),
                (None, None) if self == Self::NotDistinct => Some(true),
                (None, None) if self == Self::Distinct => Some(false),
                _ if self == Self::NotDistinct => Some(false),
                _ if self == Self::Distinct => Some(true),
                _ => None,
            }
        });
        Ok(compared.collect())
    }
}

/// 64-bit numbers.
enum Numbers<'a> {
    Signed(&'a arrow_array::Int64Array),
    Unsigned(&'a arrow_array::UInt64Array),
    Floats(&'a arrow_array::Float64Array),
}

#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Float(f64),
}

impl<'a> Numbers<'a> {
    fn of(array: &'a dyn Array) -> Result<Self, ArrowError> {
        match array.data_type() {
            DataType::Int64 => Ok(Self::Signed(array.as_primitive::<Int64Type>())),
            DataType::UInt64 => Ok(Self::Unsigned(array.as_primitive::<UInt64Type>())),
            DataType::Float64 => Ok(Self::Floats(array.as_primitive::<Float64Type>())),
            other => Err(ArrowError::InvalidArgumentError(format!("{other} is not of 64 bits"))),
        }
    }

    fn at(&self, row: usize) -> Option<Number> {
        match self {
            Self::Signed(array) => {
                array.is_valid(row).then(|| Number::Whole(array.value(row).into()))
            }
            Self::Unsigned(array) => {
                array.is_valid(row).then(|| Number::Whole(array.value(row).into()))
            }
            Self::Floats(array) => array.is_valid(row).then(|| Number::Float(array.value(row))),
        }
    }
}

impl Number {
    fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(&right),
            // Floats have a single zero and a single NaN here.
            (Self::Float(left), Self::Float(right)) => left.total_cmp(&right),
            (Self::Whole(left), Self::Float(right)) => order(left, right),
            (Self::Float(left), Self::Whole(right)) => order(right, left).reverse(),
        }
    }
}

/// Compares an integer of at most 64 bits with a double. NaN is greater than all numbers.
fn order(whole: i128, float: f64) -> Ordering {
    const BEYOND: f64 = (1_u128 << 65) as f64;
    if float.is_nan() || float >= BEYOND {
        return Ordering::Less;
    }
    if float <= -BEYOND {
        return Ordering::Greater;
    }
    // Truncating and subtracting are both exact here.
    let whole_part = float.trunc();
    whole.cmp(&(whole_part as i128)).then_with(|| 0.0_f64.total_cmp(&(float - whole_part + 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_doubles_are_compared_exactly() {
        for (whole, float, expected) in [
            (1, 1.0, Ordering::Equal),
            (0, -0.0, Ordering::Equal),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (2, 1.5, Ordering::Greater),
            (9_007_199_254_740_993, 9_007_199_254_740_992.0, Ordering::Greater),
            (i64::MAX.into(), 9_223_372_036_854_775_808.0, Ordering::Less),
            (u64::MAX.into(), 18_446_744_073_709_551_616.0, Ordering::Less),
            (i64::MIN.into(), -9_223_372_036_854_775_808.0, Ordering::Equal),
            (5, f64::NAN, Ordering::Less),
            (5, f64::INFINITY, Ordering::Less),
            (5, f64::NEG_INFINITY, Ordering::Greater),
        ] {
            assert_eq!(order(whole, float), expected, "{whole} {float}");
        }
    }
}
