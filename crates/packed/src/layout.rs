//! The layout of packed arrays.
//!
//! The buffers of a flat array (validity, offsets and values) are packed at multiples of 16 bytes, so that they can
//! be read without a copy. A nested array is packed as an Arrow IPC message.
//!
//! ```text
//! piece = total length u64, rows u64, array...
//! array = length u64, bytes of values u32, flags u32, [validity], [offsets], values
//! ```
//! Lengths include the header. Numbers have the byte order of this machine, so other machines can't read them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};

pub(crate) const ALIGN: usize = 16;
/// Bytes of the header of a piece, and of an array.
pub(crate) const HEADER: usize = 16;
/// A flag of an array: it has a validity bitmap.
pub(crate) const HAS_NULLS: u32 = 1;

/// The layout of the values of a plain type.
pub(crate) enum Layout {
    Null,
    Bits,
    Fixed,
    Offsets32,
    Offsets64,
    Nested,
}

impl Layout {
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bits,
            DataType::Utf8 | DataType::Binary => Self::Offsets32,
            DataType::LargeUtf8 | DataType::LargeBinary => Self::Offsets64,
            DataType::FixedSizeBinary(_) => Self::Fixed,
            other if other.is_primitive() => Self::Fixed,
            _ => Self::Nested,
        }
    }
}

pub(crate) fn is_flat(data_type: &DataType) -> bool {
    !matches!(Layout::of(data_type), Layout::Nested | Layout::Null)
}

/// A schema of one nullable column. A null in a column that is not nullable is found when it is encoded.
pub(crate) fn one_column(data_type: &DataType) -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("", data_type.clone(), true)]))
}
