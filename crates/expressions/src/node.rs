//! Expressions with types.

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use crate::compare::Comparison;
use crate::lookup::Lookup;

/// An expression whose types are all known.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Column(usize),
    /// One value.
    Constant(ArrayRef),
    /// The same values, converted.
    Convert(Box<Node>, Form),
    Compare {
        comparison: Comparison,
        left: Box<Node>,
        right: Box<Node>,
        /// One side is an integer and the other a float; no type holds the values of both exactly.
        is_mixed: bool,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    /// A value is equal to one of many.
    In {
        /// One of these is true.
        equal: Vec<Node>,
        /// The same in fewer conditions.
        conditions: Vec<Node>,
    },
    /// Whether a value is among others of its type.
    Found {
        value: Box<Node>,
        lookup: Lookup,
    },
    Not(Box<Node>),
    IsNull(Box<Node>),
    /// Whether a condition has exactly this value.
    Is(Box<Node>, bool),
    IsNan(Box<Node>),
    Like {
        value: Box<Node>,
        /// In the syntax of Arrow's LIKE, which escapes with the backslash.
        pattern: ArrayRef,
        ignores_case: bool,
    },
    Arithmetic {
        operator: Arithmetic,
        left: Box<Node>,
        right: Box<Node>,
    },
    Negative(Box<Node>),
}

/// A form in which values can be compared. Every form keeps the order of the values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// A type that holds all values, or the nearest floats to them.
    Type(DataType),
    /// Doubles with a single zero and a single NaN.
    Float,
    /// Decimals as the nearest single floats, in doubles. A decimal that is too large for a single float is the nearest
    /// double.
    Single,
    /// The integer as which a time or duration is stored.
    Count,
    /// Nanoseconds as 128-bit integers.
    Nanoseconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Node {
    pub(crate) fn converted(self, form: Form) -> Self {
        Self::Convert(Box::new(self), form)
    }

    /// Whether values may be impossible to calculate: whole numbers and decimals overflow, doubles do not.
    pub(crate) fn may_fail(&self) -> bool {
        let is_float = |node: &Self| matches!(node, Self::Convert(_, Form::Float));
        match self {
            Self::Column(_) | Self::Constant(_) => false,
            Self::Convert(node, _)
            | Self::Not(node)
            | Self::IsNull(node)
            | Self::Is(node, _)
            | Self::IsNan(node)
            | Self::Found { value: node, .. }
            | Self::Like { value: node, .. } => node.may_fail(),
            Self::Compare { left, right, .. } => left.may_fail() || right.may_fail(),
            Self::And(nodes) | Self::Or(nodes) | Self::In { conditions: nodes, .. } => {
                nodes.iter().any(Self::may_fail)
            }
            Self::Arithmetic { left, right, .. } => {
                !is_float(left) || !is_float(right) || left.may_fail() || right.may_fail()
            }
            Self::Negative(node) => !is_float(node) || node.may_fail(),
        }
    }

    /// The column, if the expression is a column in any form.
    pub(crate) fn column(&self) -> Option<usize> {
        match self {
            Self::Column(column) => Some(*column),
            Self::Convert(node, _) => node.column(),
            _ => None,
        }
    }

    /// The literal, before it was converted for a comparison.
    pub(crate) fn constant(&self) -> Option<ArrayRef> {
        match self {
            Self::Constant(value) => Some(ArrayRef::clone(value)),
            Self::Convert(node, _) => node.constant(),
            _ => None,
        }
    }
}
