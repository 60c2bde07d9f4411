//! Expressions with types.

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use crate::compare::Comparison;

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
    /// A type that holds all values.
    Type(DataType),
    /// Doubles with a single zero and a single NaN.
    Float,
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
