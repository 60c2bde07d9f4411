//! The type of a column, and the shape of its cells.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};

use crate::arraysize::{Arraysize, Extent};
use crate::datatype::Datatype;

/// Datatype, arraysize and xtype of a FIELD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoType {
    /// The primitive datatype.
    pub datatype: Datatype,
    /// The dimensions, or `None` for a scalar.
    pub arraysize: Option<Arraysize>,
    /// The meaning, for example `timestamp`.
    pub xtype: Option<String>,
}

/// The structure of a cell.
///
/// An arraysize counts the characters of a string as its first dimension, and a complex number as one
/// value. In a `CellShape`, the length of strings is separate, and a complex number counts as two
/// floats, so that formats need not know these rules.
///
/// ```
/// use taploom_model::{CellShape, Datatype, Extent, VoType};
///
/// let cell = |datatype, arraysize: &str| {
///     VoType { datatype, arraysize: arraysize.parse().ok(), xtype: None }.cell()
/// };
/// let dimensions = |text: &str| text.parse().unwrap();
/// assert_eq!(cell(Datatype::Int, ""), CellShape::Scalar);
/// assert_eq!(cell(Datatype::Char, "8*"), CellShape::Text { length: Extent::Bounded(8) });
/// assert_eq!(
///     cell(Datatype::Char, "8x3"),
///     CellShape::Texts { length: 8, dimensions: dimensions("3") }
/// );
/// assert_eq!(
///     cell(Datatype::FloatComplex, "3"),
///     CellShape::Array { dimensions: dimensions("2x3") }
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellShape {
    /// One number or boolean.
    Scalar,
    /// One string.
    Text {
        /// Its length, in the units of the datatype. A string without an arraysize is one character.
        length: Extent,
    },
    /// A list of numbers or booleans.
    Array {
        /// The dimensions of the list, in elements. The first varies fastest; for complex numbers it is
        /// 2.
        dimensions: Arraysize,
    },
    /// A list of strings.
    Texts {
        /// The length of each string, in the units of the datatype.
        length: u32,
        /// The dimensions of the list, in strings.
        dimensions: Arraysize,
    },
}

impl CellShape {
    /// The dimensions of the list that carries a cell, or `None` if no list does.
    pub fn dimensions(&self) -> Option<&Arraysize> {
        match self {
            Self::Scalar | Self::Text { .. } => None,
            Self::Array { dimensions } | Self::Texts { dimensions, .. } => Some(dimensions),
        }
    }

    /// The length of a string, alone or in a list; `None` for numbers and booleans.
    pub fn text_length(&self) -> Option<Extent> {
        match self {
            Self::Scalar | Self::Array { .. } => None,
            Self::Text { length } => Some(*length),
            Self::Texts { length, .. } => Some(Extent::Fixed(*length)),
        }
    }
}

impl VoType {
    /// The shape of a cell.
    pub fn cell(&self) -> CellShape {
        let Self { datatype, arraysize, .. } = self;
        if datatype.is_text() {
            let Some(arraysize) = arraysize else {
                // VOTable 1.4, 2.2.
                return CellShape::Text { length: Extent::Fixed(1) };
            };
            return match (arraysize.inner().first(), arraysize.without_first()) {
                (Some(length), Some(dimensions)) => {
                    CellShape::Texts { length: *length, dimensions }
                }
                _ => CellShape::Text { length: arraysize.last() },
            };
        }
        match (arraysize, datatype.is_complex()) {
            (None, false) => CellShape::Scalar,
            (Some(dimensions), false) => CellShape::Array { dimensions: dimensions.clone() },
            (None, true) => CellShape::Array { dimensions: Arraysize::PAIR },
            (Some(dimensions), true) => CellShape::Array { dimensions: dimensions.with_first(2) },
        }
    }

    /// The Arrow type that carries the cells: the type of an element for a scalar or a string,
    /// otherwise a flat list of elements, whatever the number of dimensions. A complex number is two
    /// elements.
    pub fn carrier(&self) -> DataType {
        let element = self.datatype.element();
        if self.is_list() { DataType::List(list_item(element)) } else { element }
    }

    /// Whether a cell is carried in a list: arrays of anything but characters, and complex numbers.
    pub fn is_list(&self) -> bool {
        match &self.arraysize {
            Some(shape) => !self.datatype.is_text() || !shape.inner().is_empty(),
            None => self.datatype.is_complex(),
        }
    }

    /// The number of elements in the list of every cell; `None` if cells differ, or are not lists.
    pub fn fixed_elements(&self) -> Option<u64> {
        self.cell().dimensions()?.fixed()
    }

    /// Whether the list of a cell may have this number of elements.
    pub fn takes(&self, elements: u64) -> bool {
        self.cell().dimensions().is_some_and(|dimensions| dimensions.takes(elements))
    }
}

impl fmt::Display for VoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.arraysize {
            None => write!(f, "{}", self.datatype),
            Some(shape) => write!(f, "{} of arraysize {shape}", self.datatype),
        }
    }
}

/// The field of the elements of a list, with Arrow's name for it. Any element may be null.
pub(crate) fn list_item(element: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(element, true))
}
