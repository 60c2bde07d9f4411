//! Fetches the values of columns before they are written.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
};
use arrow_schema::DataType;
use taploom_decimals::prefetch;

/// How many columns ahead of the one that is written. A column of some tens of rows takes a few hundred nanoseconds, about as
/// long as values take to arrive from memory.
pub(crate) const COLUMNS_AHEAD: usize = 4;

/// Asks the processor to fetch the values of some rows. Each column of a wide table is elsewhere in memory, so that the
/// processor can't guess which values come next.
pub(crate) fn fetch(array: &ArrayRef, rows: Range<usize>) {
    match array.data_type() {
        DataType::Float64 => values::<Float64Type>(array, rows),
        DataType::Float32 => values::<Float32Type>(array, rows),
        DataType::Int64 => values::<Int64Type>(array, rows),
        DataType::Int32 => values::<Int32Type>(array, rows),
        DataType::Int16 => values::<Int16Type>(array, rows),
        DataType::Utf8 => prefetch(&array.as_string::<i32>().value_offsets()[rows]),
        _ => {}
    }
}

fn values<T: ArrowPrimitiveType>(array: &ArrayRef, rows: Range<usize>) {
    prefetch(&array.as_primitive::<T>().values()[rows]);
}
