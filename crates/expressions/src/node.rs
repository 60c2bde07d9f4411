//! Expressions with types.

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use crate::compare::Comparison;

/// An expression of which every type is known.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Column(usize),
    /// One value.
    Constant(ArrayRef),
    /// The same values in another form.
    Convert(Box<Node>, Form),
    Compare {
        comparison: Comparison,
        left: Box<Node>,
        right: Box<Node>,
        /// One side is whole numbers and the other floats, which have no type in common that holds both.
        is_mixed: bool,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    /// Whether a condition is exactly this.
    Is(Box<Node>, bool),
    IsNan(Box<Node>),
    Like {
        value: Box<Node>,
        /// In Arrow's syntax, in which the backslash escapes.
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

/// A form in which values can be compared. The order of values stays the same in every form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// A type that holds all values.
    Type(DataType),
    /// Doubles with a single zero and a single NaN.
    Float,
    /// The whole number that a time or duration is stored as.
    Count,
    /// Nanoseconds as whole numbers of 128 bits.
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

    /// The column whose values the expression is, in whatever form.
    pub(crate) fn column(&self) -> Option<usize> {
        match self {
            Self::Column(column) => Some(*column),
            Self::Convert(node, _) => node.column(),
            _ => None,
        }
    }

    /// The value that the expression is, before it got the form of a comparison.
    pub(crate) fn constant(&self) -> Option<ArrayRef> {
        match self {
            Self::Constant(value) => Some(ArrayRef::clone(value)),
            Self::Convert(node, _) => node.constant(),
            _ => None,
        }
    }
}
