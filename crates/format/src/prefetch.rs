//! Fetches values of columns before they are needed.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, BooleanArray};
use arrow_schema::DataType;
use prefetch_index::prefetch_index;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Asks the processor to fetch the values of some rows of a column into its caches, and does not wait for them.
///
/// A format that writes a few rows at a time reads each column of a wide table in another place. The processor
/// can't guess which values come next, but the format knows: while one column is written, some columns
/// after it can be on their way. Values of lists, and the characters of strings, are not fetched.
///
/// ```
/// use arrow_array::Float64Array;
///
/// let column = Float64Array::from(vec![1.5; 1000]);
/// taploom_format::prefetch(&column, 64..128);
/// ```
pub fn prefetch(array: &dyn Array, rows: Range<usize>) {
    match array.data_type() {
        DataType::Boolean => booleans(array.as_boolean(), rows),
        DataType::UInt8 => numbers::<UInt8Type>(array, rows),
        DataType::Int16 => numbers::<Int16Type>(array, rows),
        DataType::Int32 => numbers::<Int32Type>(array, rows),
        DataType::Int64 => numbers::<Int64Type>(array, rows),
        DataType::Float32 => numbers::<Float32Type>(array, rows),
        DataType::Float64 => numbers::<Float64Type>(array, rows),
        DataType::Utf8 => lines(array.as_string::<i32>().value_offsets(), rows),
        _ => {}
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array, rows: Range<usize>) {
    lines(array.as_primitive::<T>().values(), rows);
}

fn booleans(array: &BooleanArray, rows: Range<usize>) {
    let first = array.values().offset() + rows.start;
    lines(array.values().values(), first / 8..(first + rows.len()).div_ceil(8));
}

fn lines<T>(values: &[T], range: Range<usize>) {
    let step = (LINE / size_of::<T>().max(1)).max(1);
    for index in range.step_by(step) {
        prefetch_index(values, index);
    }
}
