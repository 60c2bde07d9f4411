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
use arrow_schema::DataType;

use crate::compare::Comparison;
use crate::node::Node;

mod plain;

pub use plain::plain_select;

/// What a database can evaluate, and how values are written in its SQL.
pub trait SqlDialect {
    /// The database's column for a column of the bound schema; `None` if the database doesn't have it.
    fn column(&self, column: usize) -> Option<SqlColumn>;

    /// How a value is written: as a literal, or as a parameter whose value the dialect keeps. `None` if it
    /// can't be written.
    fn value(&mut self, value: SqlValue) -> Option<String>;
}

/// A column in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its quoted name.
    pub name: String,
    /// How the database compares its values.
    pub kind: SqlKind,
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
    /// As 1 for true and 0 for false.
    Boolean,
    /// As text, byte by byte in UTF-8.
    Text,
    /// As text by a collation: equal texts compare as equal, and nothing else is certain.
    SimilarText,
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
}

/// A condition that is never true.
const NEVER: &str = "1 = 0";

/// SQL that is true whenever the condition is true; `None` if there is no useful one.
pub(crate) fn necessary(condition: &Node, dialect: &mut dyn SqlDialect) -> Option<String> {
    implied(condition, true, dialect)
}

/// SQL that is true whenever `node` has the value `wanted`.
fn implied(node: &Node, wanted: bool, dialect: &mut dyn SqlDialect) -> Option<String> {
    match node {
        Node::And(nodes) if wanted => any_of_them(nodes, wanted, dialect),
        Node::Or(nodes) if !wanted => any_of_them(nodes, wanted, dialect),
        Node::And(nodes) | Node::Or(nodes) => {
            one_of(nodes, wanted, dialect).or_else(|| all_of_them(nodes, wanted, dialect))
        }
        Node::Not(node) => implied(node, !wanted, dialect),
        Node::Is(node, is) if wanted => implied(node, *is, dialect),
        Node::IsNull(node) => {
            let name = dialect.column(node.column()?)?.name;
            Some(format!("{name} IS {}NULL", if wanted { "" } else { "NOT " }))
        }
        Node::Column(column) => {
            let column =
                dialect.column(*column).filter(|column| column.kind == SqlKind::Boolean)?;
            let value = dialect.value(SqlValue::Integer(wanted.into()))?;
            Some(format!("{} = {value}", column.name))
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
    let column = dialect.column(only?)?;
    let values = values.into_iter().map(|value| {
        let value = beside(column.kind, &value)?;
        dialect.value(value)
    });
    let values = values.collect::<Option<Vec<_>>>().filter(|values| !values.is_empty())?;
    Some(format!("{} IN ({})", column.name, values.join(", ")))
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
            let is_sure = left.kind == right.kind
                && matches!(left.kind, SqlKind::Integer | SqlKind::Real | SqlKind::Text);
            let operator = operator(comparison).filter(|_| is_sure)?;
            Some(format!("{} {operator} {}", left.name, right.name))
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
    let SqlColumn { name, kind } = dialect.column(column)?;
    let is_text = matches!(value, SqlValue::Text(_));
    let is_sure = match kind {
        SqlKind::Opaque => false,
        SqlKind::Integer | SqlKind::Real | SqlKind::Boolean => !is_text,
        SqlKind::Text => is_text,
        SqlKind::SimilarText => {
            is_text && matches!(comparison, Comparison::Equal | Comparison::NotDistinct)
        }
    };
    if !is_sure {
        return None;
    }
    let value = dialect.value(value)?;
    Some(match comparison {
        Comparison::NotDistinct => format!("{name} = {value}"),
        Comparison::Distinct => format!("({name} IS NULL OR {name} <> {value})"),
        comparison => format!("{name} {} {value}", operator(comparison)?),
    })
}

/// The value as SQL, if the database compares this kind of column with it as
/// [`Predicate`](crate::Predicate) does.
fn beside(kind: SqlKind, value: &ArrayRef) -> Option<SqlValue> {
    match (kind, value.data_type()) {
        (SqlKind::Integer, integer) if integer.is_integer() => integer_of(value),
        (SqlKind::Real, DataType::Float32 | DataType::Float64) => {
            let value = cast(value, &DataType::Float64).ok()?;
            let value = value.as_primitive::<Float64Type>().value(0);
            value.is_finite().then_some(SqlValue::Real(value))
        }
        (SqlKind::Boolean, DataType::Boolean) => {
            Some(SqlValue::Integer(value.as_boolean().value(0).into()))
        }
        (SqlKind::Text | SqlKind::SimilarText, _) => text_of(value).map(SqlValue::Text),
        _ => None,
    }
}

fn integer_of(value: &ArrayRef) -> Option<SqlValue> {
    let long = cast(value, &DataType::Int64).ok().filter(|long| long.is_valid(0))?;
    Some(SqlValue::Integer(long.as_primitive::<Int64Type>().value(0)))
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
