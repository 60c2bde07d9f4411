//! The primitive datatypes of VOTable.

use std::fmt;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

/// A VOTable primitive datatype; VOTable 1.4, 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Datatype {
    Boolean,
    Bit,
    UnsignedByte,
    Short,
    Int,
    Long,
    Char,
    UnicodeChar,
    Float,
    Double,
    FloatComplex,
    DoubleComplex,
}

impl Datatype {
    /// The value of the attribute `datatype` of a FIELD.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Bit => "bit",
            Self::UnsignedByte => "unsignedByte",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Char => "char",
            Self::UnicodeChar => "unicodeChar",
            Self::Float => "float",
            Self::Double => "double",
            Self::FloatComplex => "floatComplex",
            Self::DoubleComplex => "doubleComplex",
        }
    }

    /// Whether values are characters, so that an arraysize counts characters and a cell is a string.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::UnicodeChar)
    }

    /// Whether a value is a pair of floats.
    pub fn is_complex(self) -> bool {
        matches!(self, Self::FloatComplex | Self::DoubleComplex)
    }

    /// Whether values are integers. Integers have no NaN, so their nulls need a flag or a value that
    /// VALUES reserves.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::UnsignedByte | Self::Short | Self::Int | Self::Long)
    }

    /// The Arrow type of one element: a number, a boolean, half of a complex number, or a string.
    pub fn element(self) -> DataType {
        match self {
            Self::Boolean | Self::Bit => DataType::Boolean,
            Self::UnsignedByte => DataType::UInt8,
            Self::Short => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float | Self::FloatComplex => DataType::Float32,
            Self::Double | Self::DoubleComplex => DataType::Float64,
            Self::Char | Self::UnicodeChar => DataType::Utf8,
        }
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
