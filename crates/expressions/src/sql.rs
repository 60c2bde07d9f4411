//! Translates conditions to the SQL of a database, so that it sends fewer rows that are not wanted.
//!
//! A database compares values by other rules than [`Predicate::evaluate`](crate::Predicate::evaluate):
//! collations, affinities, different arithmetic. The SQL therefore has to be true for every row for which
//! the predicate is true, and may be true for others, because the rows that arrive are filtered again.
//! Parts of a condition for which this can't be guaranteed are left out:
//!
//! ```text
//! vmag < 2 AND name LIKE 'a%' AND abs_error / vmag < 0.1
//!   ──▶  t."vmag" < ?1 AND (t."name" >= ?2 AND t."name" < ?3)
//! ```
//!
//! For AND, one translated side is enough; OR needs both; NOT translates where its operand is false. No SQL
//! is ever negated as a whole, because the negation of a condition that is true too often is true too
//! seldom.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};

use crate::compare::Comparison;
use crate::node::Node;

mod plain;

pub use plain::{SqlSyntax, SqlTable, plain_select, tables_of_columns};

/// What a database can evaluate, and how values are written in its SQL.
pub trait SqlDialect {
    /// The database's column for a column of the bound schema; `None` if the database doesn't have it.
    fn column(&self, column: usize) -> Option<SqlColumn>;

    /// How a value that is compared with `column` is written: as a literal, or as a parameter whose value the
    /// dialect keeps. `None` if it can't be written.
    fn value(&mut self, column: usize, value: SqlValue) -> Option<String>;
}

/// A column in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its quoted name.
    pub name: String,
    /// How the database compares its values.
    pub kind: SqlKind,
    /// For text: an expression whose values the database compares by their bytes in UTF-8, if there is one.
    pub bytewise: Option<String>,
}

/// How a database compares the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlKind {
    /// Only `IS NULL` means the same as here.
    Opaque,
    /// As whole numbers of 64 bits.
    Integer,
    /// As doubles, without NaN.
    Real,
    /// As doubles with more digits than the database sends. The values that arrive differ from those that
    /// the database compares by less than a hundred-thousandth of their size.
    NearReal,
    /// As 1 for true and 0 for false.
    Boolean,
    /// As text by a collation: equal texts compare as equal, and nothing else is certain.
    /// [`SqlColumn::bytewise`] may allow the other comparisons.
    Text,
    /// As dates, or as dates and times in UTC.
    Instant,
}

/// A value that a column is compared with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// A whole number.
    Integer(i64),
    /// A double that is finite.
    Real(f64),
    /// Text.
    Text(String),
    /// A date or a time: microseconds since 1970 in UTC.
    Instant(i64),
}

/// A condition that is never true.
const NEVER: &str = "1 = 0";

/// SQL that is true whenever the condition is true; `None` if no part of it can be translated.
pub(crate) fn necessary(condition: &Node, dialect: &mut dyn SqlDialect) -> Option<String> {
    implied(condition, true, dialect)
}

/// SQL that is true whenever `node` has the value `wanted`.
fn implied(node: &Node, wanted: bool, dialect: &mut dyn SqlDialect) -> Option<String> {
    match node {
        Node::And(nodes) if wanted => any_of_them(nodes, wanted, dialect),
        Node::Or(nodes) | Node::In { equal: nodes, .. } if !wanted => {
            any_of_them(nodes, wanted, dialect)
        }
        Node::And(nodes) | Node::Or(nodes) | Node::In { equal: nodes, .. } => {
            one_of(nodes, wanted, dialect).or_else(|| all_of_them(nodes, wanted, dialect))
        }
        Node::Not(node) => implied(node, !wanted, dialect),
        Node::Is(node, is) if wanted => implied(node, *is, dialect),
        Node::IsNull(node) => {
            let name = dialect.column(node.column()?)?.name;
            Some(format!("{name} IS {}NULL", if wanted { "" } else { "NOT " }))
        }
        Node::Column(column) => {
            let known = dialect.column(*column);
            let SqlColumn { name, .. } = known.filter(|known| known.kind == SqlKind::Boolean)?;
            let value = dialect.value(*column, SqlValue::Integer(wanted.into()))?;
            Some(format!("{name} = {value}"))
        }
        Node::Constant(value) => {
            let value = value.as_boolean_opt()?;
            let holds = value.is_valid(0) && value.value(0) == wanted;
            (!holds).then(|| NEVER.to_owned())
        }
        Node::Compare { comparison, left, right, .. } => {
            let comparison = if wanted { *comparison } else { comparison.opposite() };
            compared(comparison, left, right, dialect)
        }
        Node::Like { value, pattern, ignores_case: false } if wanted => {
            let column = value.column()?;
            let (prefix, is_whole) = prefix(&text_of(pattern)?);
            if is_whole {
                return with_value(Comparison::Equal, column, SqlValue::Text(prefix), dialect);
            }
            let least = SqlValue::Text(prefix.clone());
            let from = with_value(Comparison::GreaterOrEqual, column, least, dialect)
                .filter(|_| !prefix.is_empty())?;
            let end = following(&prefix)
                .and_then(|end| with_value(Comparison::Less, column, SqlValue::Text(end), dialect));
            Some(match end {
                Some(end) => format!("({from} AND {end})"),
                None => from,
            })
        }
        _ => None,
    }
}

/// For conditions that all have the value `wanted`.
fn any_of_them(nodes: &[Node], wanted: bool, dialect: &mut dyn SqlDialect) -> Option<String> {
    let known = nodes.iter().filter_map(|node| implied(node, wanted, dialect));
    joined(known.collect(), " AND ")
}

/// For conditions of which at least one has the value `wanted`.
fn all_of_them(nodes: &[Node], wanted: bool, dialect: &mut dyn SqlDialect) -> Option<String> {
    let known: Option<Vec<_>> = nodes.iter().map(|node| implied(node, wanted, dialect)).collect();
    joined(known?, " OR ")
}

fn joined(mut conditions: Vec<String>, word: &str) -> Option<String> {
    match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(format!("({})", conditions.join(word))),
    }
}

/// `column IN (values)` as one list, because a chain of OR may be too deep for a database.
fn one_of(nodes: &[Node], wanted: bool, dialect: &mut dyn SqlDialect) -> Option<String> {
    let mut only = None;
    let mut values = Vec::with_capacity(nodes.len());
    for node in nodes.iter().filter(|_| nodes.len() > 1 && wanted) {
        let (left, right) = match node {
            Node::Compare { comparison: Comparison::Equal, left, right, .. } => (left, right),
            // Nothing is equal to null.
            Node::Constant(null) if null.is_null(0) => continue,
            _ => return None,
        };
        let column = left.column()?;
        if *only.get_or_insert(column) != column {
            return None;
        }
        let value = right.constant()?;
        if value.is_valid(0) {
            values.push(value);
        }
    }
    let column = only?;
    let SqlColumn { name, kind, .. } = dialect.column(column)?;
    let values = values.into_iter().map(|value| {
        let value = beside(kind, &value).filter(|_| kind != SqlKind::NearReal)?;
        dialect.value(column, value)
    });
    let values = values.collect::<Option<Vec<_>>>().filter(|values| !values.is_empty())?;
    Some(format!("{name} IN ({})", values.join(", ")))
}

fn compared(
    comparison: Comparison,
    left: &Node,
    right: &Node,
    dialect: &mut dyn SqlDialect,
) -> Option<String> {
    match (left.column(), right.column()) {
        (Some(left), Some(right)) => {
            let (left, right) = (dialect.column(left)?, dialect.column(right)?);
            let (left_name, right_name) = match (left.kind, right.kind) {
                (SqlKind::Integer, SqlKind::Integer)
                | (SqlKind::Real, SqlKind::Real)
                | (SqlKind::Instant, SqlKind::Instant) => (left.name, right.name),
                (SqlKind::Text, SqlKind::Text) => (left.bytewise?, right.bytewise?),
                _ => return None,
            };
            Some(format!("{left_name} {} {right_name}", operator(comparison)?))
        }
        (Some(column), None) => with_constant(comparison, column, right, dialect),
        (None, Some(column)) => with_constant(comparison.mirrored(), column, left, dialect),
        (None, None) => None,
    }
}

fn with_constant(
    comparison: Comparison,
    column: usize,
    constant: &Node,
    dialect: &mut dyn SqlDialect,
) -> Option<String> {
    let constant = constant.constant()?;
    if constant.is_null(0) {
        return operator(comparison).map(|_| NEVER.to_owned());
    }
    let kind = dialect.column(column)?.kind;
    with_value(comparison, column, beside(kind, &constant)?, dialect)
}

fn with_value(
    comparison: Comparison,
    column: usize,
    value: SqlValue,
    dialect: &mut dyn SqlDialect,
) -> Option<String> {
    let SqlColumn { name, kind, bytewise } = dialect.column(column)?;
    let is_same = matches!(comparison, Comparison::Equal | Comparison::NotDistinct);
    let compared = match (kind, &value) {
        (SqlKind::Integer | SqlKind::Boolean, SqlValue::Integer(_))
        | (SqlKind::Real, SqlValue::Real(_))
        | (SqlKind::Instant, SqlValue::Instant(_)) => name.clone(),
        (SqlKind::Text, SqlValue::Text(_)) if is_same => name.clone(),
        (SqlKind::Text, SqlValue::Text(_)) => bytewise?,
        (SqlKind::NearReal, SqlValue::Real(real)) => {
            return near(comparison, column, &name, *real, dialect);
        }
        _ => return None,
    };
    let value = dialect.value(column, value)?;
    Some(match comparison {
        Comparison::NotDistinct => format!("{compared} = {value}"),
        Comparison::Distinct => format!("({name} IS NULL OR {compared} <> {value})"),
        comparison => format!("{compared} {} {value}", operator(comparison)?),
    })
}

/// A condition on a column of [`SqlKind::NearReal`], wide enough for the digits that are not sent.
fn near(
    comparison: Comparison,
    column: usize,
    name: &str,
    value: f64,
    dialect: &mut dyn SqlDialect,
) -> Option<String> {
    // Numbers near zero have no relative precision.
    let slack = value.abs() * 1e-5 + f64::from(f32::MIN_POSITIVE);
    let mut bound = |operator, bound: f64| {
        let bound = Some(bound).filter(|bound| bound.is_finite())?;
        let bound = dialect.value(column, SqlValue::Real(bound))?;
        Some(format!("{name} {operator} {bound}"))
    };
    match comparison {
        Comparison::Less | Comparison::LessOrEqual => bound("<=", value + slack),
        Comparison::Greater | Comparison::GreaterOrEqual => bound(">=", value - slack),
        Comparison::Equal | Comparison::NotDistinct => {
            let (from, to) = (bound(">=", value - slack)?, bound("<=", value + slack)?);
            Some(format!("({from} AND {to})"))
        }
        Comparison::NotEqual | Comparison::Distinct => None,
    }
}

/// The value as SQL, if the database compares this kind of column with it as
/// [`Predicate`](crate::Predicate) does.
fn beside(kind: SqlKind, value: &ArrayRef) -> Option<SqlValue> {
    match (kind, value.data_type()) {
        (SqlKind::Integer, integer) if integer.is_integer() => {
            integer_of(value).map(SqlValue::Integer)
        }
        (SqlKind::Real | SqlKind::NearReal, DataType::Float32 | DataType::Float64) => {
            let value = cast(value, &DataType::Float64).ok()?;
            let value = value.as_primitive::<Float64Type>().value(0);
            value.is_finite().then_some(SqlValue::Real(value))
        }
        (SqlKind::Boolean, DataType::Boolean) => {
            Some(SqlValue::Integer(value.as_boolean().value(0).into()))
        }
        (SqlKind::Text, _) => text_of(value).map(SqlValue::Text),
        (SqlKind::Instant, DataType::Date32)
        | (
            SqlKind::Instant,
            DataType::Timestamp(
                TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond,
                None,
            ),
        ) => {
            let micros = cast(value, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
            integer_of(&micros).map(SqlValue::Instant)
        }
        _ => None,
    }
}

fn integer_of(value: &ArrayRef) -> Option<i64> {
    let long = cast(value, &DataType::Int64).ok().filter(|long| long.is_valid(0))?;
    Some(long.as_primitive::<Int64Type>().value(0))
}

fn text_of(value: &ArrayRef) -> Option<String> {
    if !matches!(value.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return None;
    }
    let text = cast(value, &DataType::LargeUtf8).ok().filter(|text| text.is_valid(0))?;
    Some(text.as_string::<i64>().value(0).to_owned())
}

fn operator(comparison: Comparison) -> Option<&'static str> {
    Some(match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Distinct | Comparison::NotDistinct => return None,
    })
}

/// The fixed beginning of all texts that match a pattern, and whether the pattern matches only that text.
fn prefix(pattern: &str) -> (String, bool) {
    let mut prefix = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' | '_' => return (prefix, false),
            '\\' => prefix.extend(characters.next()),
            other => prefix.push(other),
        }
    }
    (prefix, true)
}

/// A text that is greater, byte by byte, than all texts with this prefix.
fn following(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // Surrogates are not characters, so they are skipped.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}
