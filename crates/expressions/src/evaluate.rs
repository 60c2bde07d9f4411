//! Evaluates expressions for the rows of a batch.

use std::fmt::Display;
use std::sync::Arc;

use arrow_arith::{boolean, numeric};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowNativeTypeOp, BooleanArray, Datum, Decimal128Array, Float64Array,
    Int64Array, new_null_array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType};
use arrow_select::filter::filter;

use crate::literal::nanoseconds_of;
use crate::node::{Arithmetic, Form, Node};

/// Values of an expression: one for each row, or a single one for all rows.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) array: ArrayRef,
    pub(crate) is_one: bool,
}

impl Datum for Values {
    fn get(&self) -> (&dyn Array, bool) {
        (&*self.array, self.is_one)
    }
}

/// Returns the column at a position.
pub(crate) type Columns<'a> = dyn Fn(usize) -> Option<ArrayRef> + 'a;

/// Evaluates an expression for `rows` rows.
pub(crate) fn evaluate(
    node: &Node,
    columns: &Columns<'_>,
    rows: usize,
) -> Result<Values, ArrowError> {
    let inner = |node: &Node| evaluate(node, columns, rows);
    let (array, is_one): (ArrayRef, bool) = match node {
        Node::Column(column) => match columns(*column) {
            Some(array) => (array, false),
            None => {
                let message = format!("column {} is not in the batch", column + 1);
                return Err(ArrowError::SchemaError(message));
            }
        },
        Node::Constant(array) => (Arc::clone(array), true),
        Node::Convert(node, form) => {
            let values = inner(node)?;
            (converted(&values.array, form)?, values.is_one)
        }
        Node::Compare { comparison, left, right, is_mixed } => {
            let (left, right) = (inner(left)?, inner(right)?);
            let compared = match is_mixed {
                true => comparison.of_mixed(&left, &right)?,
                false => comparison.of_same(&left, &right)?,
            };
            (Arc::new(compared), left.is_one && right.is_one)
        }
        Node::And(nodes) => return joined(nodes, Junction::And, columns, rows),
        Node::Or(nodes) | Node::In { conditions: nodes, .. } => {
            return joined(nodes, Junction::Or, columns, rows);
        }
        Node::Found { value, lookup } => {
            let values = inner(value)?;
            (Arc::new(lookup.find(&values.array)?), values.is_one)
        }
        Node::Not(node) => {
            let values = inner(node)?;
            (Arc::new(boolean::not(values.array.as_boolean())?), values.is_one)
        }
        Node::IsNull(node) => {
            let values = inner(node)?;
            (Arc::new(boolean::is_null(&values.array)?), values.is_one)
        }
        Node::Is(node, wanted) => {
            let values = inner(node)?;
            let truth = values.array.as_boolean();
            let truth = if *wanted { truth.clone() } else { boolean::not(truth)? };
            let certain = match truth.nulls() {
                Some(nulls) => truth.values() & nulls.inner(),
                None => truth.values().clone(),
            };
            (Arc::new(BooleanArray::new(certain, None)), values.is_one)
        }
        Node::IsNan(node) => {
            let values = inner(node)?;
            let floats = values.array.as_primitive::<Float64Type>();
            (Arc::new(BooleanArray::from_unary(floats, f64::is_nan)), values.is_one)
        }
        Node::Like { value, pattern, ignores_case } => {
            let values = inner(value)?;
            let pattern = Values { array: Arc::clone(pattern), is_one: true };
            let like = match ignores_case {
                true => arrow_string::like::ilike(&values, &pattern)?,
                false => arrow_string::like::like(&values, &pattern)?,
            };
            (Arc::new(like), values.is_one)
        }
        Node::Arithmetic { operator, left, right } => {
            let (left, right) = (inner(left)?, inner(right)?);
            let right = match operator {
                Arithmetic::Remainder => without_zeros(right),
                _ => right,
            };
            let calculate = match operator {
                Arithmetic::Add => numeric::add,
                Arithmetic::Subtract => numeric::sub,
                Arithmetic::Multiply => numeric::mul,
                Arithmetic::Divide => numeric::div,
                Arithmetic::Remainder => numeric::rem,
            };
            (calculate(&left, &right)?, left.is_one && right.is_one)
        }
        Node::Negative(node) => {
            let values = inner(node)?;
            (numeric::neg(&values.array)?, values.is_one)
        }
    };
    Ok(Values { array, is_one })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Junction {
    And,
    Or,
}

impl Junction {
    /// The value of one condition that decides the whole, whatever the others are.
    fn deciding(self) -> bool {
        self == Self::Or
    }

    fn join(self, left: Values, right: Values, rows: usize) -> Result<Values, ArrowError> {
        let (left, right) = match left.is_one == right.is_one {
            true => (left, right),
            false => (repeated(left, rows), repeated(right, rows)),
        };
        let join = match self {
            Self::And => boolean::and_kleene,
            Self::Or => boolean::or_kleene,
        };
        let array = join(left.array.as_boolean(), right.array.as_boolean())?;
        Ok(Values { array: Arc::new(array), is_one: left.is_one })
    }
}

/// Conditions joined by AND or OR.
///
/// Conditions that can't fail come first. The others are evaluated for the rows alone that are not decided yet, so that
/// `n < 1000 AND n * n * n > 5` does not overflow, in whatever order the two are written.
fn joined(
    nodes: &[Node],
    junction: Junction,
    columns: &Columns<'_>,
    rows: usize,
) -> Result<Values, ArrowError> {
    let (fallible, safe): (Vec<&Node>, Vec<&Node>) = nodes.iter().partition(|node| node.may_fail());
    let mut all: Option<Values> = None;
    for node in safe {
        let next = evaluate(node, columns, rows)?;
        all = Some(match all {
            None => next,
            Some(all) => junction.join(all, next, rows)?,
        });
    }
    for node in fallible {
        all = Some(match all {
            None => evaluate(node, columns, rows)?,
            Some(all) => {
                let all = repeated(all, rows);
                let next = where_open(node, all.array.as_boolean(), junction, columns)?;
                junction.join(all, next, rows)?
            }
        });
    }
    // `IN ()` is not in the grammar, so that there is one condition at least.
    all.ok_or_else(|| ArrowError::ComputeError("nothing to join".to_owned()))
}

/// A condition, evaluated for the rows that the conditions before it have not decided. For the others, the result is
/// the value that has decided them.
fn where_open(
    node: &Node,
    before: &BooleanArray,
    junction: Junction,
    columns: &Columns<'_>,
) -> Result<Values, ArrowError> {
    let deciding = junction.deciding();
    let is_open = before.iter().map(|value| Some(value != Some(deciding)));
    let is_open: BooleanArray = is_open.collect();
    let open_rows = is_open.true_count();
    if open_rows == before.len() {
        return evaluate(node, columns, open_rows);
    }
    let open_columns = |column: usize| filter(&columns(column)?, &is_open).ok();
    let found = repeated(evaluate(node, &open_columns, open_rows)?, open_rows);
    let mut found = found.array.as_boolean().iter();
    let spread = is_open.values().iter().map(|is_open| match is_open {
        true => found.next().flatten(),
        false => Some(deciding),
    });
    let array: BooleanArray = spread.collect();
    Ok(Values { array: Arc::new(array), is_one: false })
}

/// Divisors with null for zero: the remainder of a division by zero is null, as in SQLite and MySQL. Floats stay as
/// they are, because their remainder is NaN.
fn without_zeros(divisors: Values) -> Values {
    macro_rules! nulls_for_zeros {
        ($numbers:ty) => {{
            let numbers = divisors.array.as_primitive::<$numbers>();
            let numbers = numbers.unary_opt::<_, $numbers>(|n| (!n.is_zero()).then_some(n));
            Arc::new(numbers.with_data_type(divisors.array.data_type().clone()))
        }};
    }
    let array: ArrayRef = match divisors.array.data_type() {
        DataType::Int64 => nulls_for_zeros!(Int64Type),
        DataType::Decimal128(..) => nulls_for_zeros!(Decimal128Type),
        DataType::Decimal256(..) => nulls_for_zeros!(Decimal256Type),
        _ => return divisors,
    };
    Values { array, is_one: divisors.is_one }
}

/// One value per row, even if there is a single one for all rows.
pub(crate) fn repeated(values: Values, rows: usize) -> Values {
    if !values.is_one {
        return values;
    }
    let one = values.array.as_boolean();
    let array: ArrayRef = match one.is_valid(0) {
        true => Arc::new(BooleanArray::from(vec![one.value(0); rows])),
        false => new_null_array(&DataType::Boolean, rows),
    };
    Values { array, is_one: false }
}

fn converted(array: &ArrayRef, form: &Form) -> Result<ArrayRef, ArrowError> {
    match form {
        Form::Type(data_type) => exact(array, data_type),
        Form::Float => {
            let floats = floats(array)?;
            let floats = floats.as_primitive::<Float64Type>();
            // Adding zero turns minus zero into zero.
            let one_of_each = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
            Ok(Arc::new(floats.unary::<_, Float64Type>(one_of_each)))
        }
        Form::Single => singles(array),
        Form::Count => count(array),
        Form::Nanoseconds => {
            let unit = match array.data_type() {
                DataType::Timestamp(unit, _)
                | DataType::Time32(unit)
                | DataType::Time64(unit)
                | DataType::Duration(unit) => nanoseconds_of(*unit),
                DataType::Date64 => 1_000_000,
                _ => 86_400 * 1_000_000_000,
            };
            let counts = count(array)?;
            let counts = counts.as_primitive::<Int64Type>();
            let nanoseconds: Decimal128Array =
                counts.unary::<_, Decimal128Type>(|count| i128::from(count) * unit);
            Ok(Arc::new(nanoseconds.with_precision_and_scale(38, 0)?))
        }
    }
}

fn exact(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == data_type {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, data_type, &CastOptions { safe: false, ..Default::default() })
}

fn count(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Time32(_) | DataType::Date32 => {
            exact(&exact(array, &DataType::Int32)?, &DataType::Int64)
        }
        _ => exact(array, &DataType::Int64),
    }
}

/// Decimals as numbers that a function makes of the unscaled digits and the scale.
macro_rules! of_decimals {
    ($decimals:ty, $array:expr, $scale:expr, $number:expr) => {{
        let array = $array.as_primitive::<$decimals>();
        Ok(Arc::new(array.unary::<_, Float64Type>(|unscaled| $number(unscaled, *$scale))))
    }};
}

/// Converts numbers to the nearest doubles.
fn floats(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Decimal32(_, scale) => of_decimals!(Decimal32Type, array, scale, nearest_double),
        DataType::Decimal64(_, scale) => of_decimals!(Decimal64Type, array, scale, nearest_double),
        DataType::Decimal128(_, scale) => of_decimals!(Decimal128Type, array, scale, nearest),
        DataType::Decimal256(_, scale) => {
            of_decimals!(Decimal256Type, array, scale, nearest_double)
        }
        DataType::Duration(_) => {
            let counts: Int64Array = count(array)?.as_primitive::<Int64Type>().clone();
            let floats: Float64Array = counts.unary(|count| count as f64);
            Ok(Arc::new(floats))
        }
        _ => exact(array, &DataType::Float64),
    }
}

fn nearest(unscaled: i128, scale: i8) -> f64 {
    const EXACT: i128 = 1 << 53;
    // If both numbers are exact, their quotient is the nearest double.
    match (-EXACT..=EXACT).contains(&unscaled) && (0..=22).contains(&scale) {
        true => unscaled as f64 / 10_f64.powi(scale.into()),
        false => nearest_double(unscaled, scale),
    }
}

fn nearest_double(unscaled: impl Display, scale: i8) -> f64 {
    // An integer with an exponent always parses.
    digits(unscaled, scale).parse().unwrap_or(f64::NAN)
}

/// The nearest single floats of decimals; other numbers stay what they are.
fn singles(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Decimal32(_, scale) => of_decimals!(Decimal32Type, array, scale, nearest_single),
        DataType::Decimal64(_, scale) => of_decimals!(Decimal64Type, array, scale, nearest_single),
        DataType::Decimal128(_, scale) => {
            of_decimals!(Decimal128Type, array, scale, nearest_single)
        }
        DataType::Decimal256(_, scale) => {
            of_decimals!(Decimal256Type, array, scale, nearest_single)
        }
        _ => floats(array),
    }
}

/// Rounded once, from the digits: the single float nearest to the nearest double may be another one.
fn nearest_single(unscaled: impl Display, scale: i8) -> f64 {
    let digits = digits(unscaled, scale);
    let single = digits.parse().ok().filter(|single: &f32| single.is_finite());
    single.map_or_else(|| digits.parse().unwrap_or(f64::NAN), f64::from)
}

fn digits(unscaled: impl Display, scale: i8) -> String {
    format!("{unscaled}e{}", -i32::from(scale))
}
