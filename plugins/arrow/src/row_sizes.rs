//! The size of rows in memory.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Schema};

/// Bytes of every row in Arrow, without validity. A row has the same size in every batch.
pub(crate) fn row_sizes(batch: &RecordBatch) -> Vec<usize> {
    let mut sizes = vec![fixed_size(batch.schema_ref()); batch.num_rows()];
    for array in batch.columns() {
        add_contents(array, &mut sizes);
    }
    sizes
}

/// The fixed part of the size of a row, in bytes of Arrow, without validity.
pub(crate) fn fixed_size(schema: &Schema) -> usize {
    schema.fields().iter().map(|field| own(field.data_type())).sum()
}

/// The fixed part of the size of a cell, in bytes: its value, or the offset of its contents.
fn own(data_type: &DataType) -> usize {
    match data_type {
        // A boolean takes one bit; one byte is a safe estimate.
        DataType::Boolean => 1,
        DataType::LargeUtf8 | DataType::LargeBinary | DataType::LargeList(_) => size_of::<i64>(),
        DataType::FixedSizeBinary(bytes) => usize::try_from(*bytes).unwrap_or(0),
        DataType::Dictionary(keys, _) => own(keys),
        DataType::Struct(_) | DataType::FixedSizeList(_, _) | DataType::Null => 0,
        other => other.primitive_width().unwrap_or(size_of::<i32>()),
    }
}

fn add_contents(array: &ArrayRef, sizes: &mut [usize]) {
    match array.data_type() {
        DataType::Utf8 => add_lengths(array.as_string::<i32>().offsets(), sizes),
        DataType::LargeUtf8 => add_lengths(array.as_string::<i64>().offsets(), sizes),
        DataType::Binary => add_lengths(array.as_binary::<i32>().offsets(), sizes),
        DataType::LargeBinary => add_lengths(array.as_binary::<i64>().offsets(), sizes),
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            add_elements(lists.values(), lists.value_offsets(), sizes);
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            add_elements(lists.values(), lists.value_offsets(), sizes);
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let entries = Arc::new(map.entries().clone()) as ArrayRef;
            add_elements(&entries, map.value_offsets(), sizes);
        }
        DataType::FixedSizeList(_, length) => {
            let elements = sizes_of(array.as_fixed_size_list().values());
            let length = usize::try_from(*length).unwrap_or(0);
            for (row, size) in sizes.iter_mut().enumerate() {
                *size += elements[row * length..(row + 1) * length].iter().sum::<usize>();
            }
        }
        DataType::Struct(_) => {
            for column in array.as_struct().columns() {
                for (size, of_column) in sizes.iter_mut().zip(sizes_of(column)) {
                    *size += of_column;
                }
            }
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = sizes_of(dictionary.values());
            if values.is_empty() {
                // All cells are null; `normalized_keys` panics.
                return;
            }
            for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
                if array.is_valid(row) {
                    sizes[row] += values.get(key).copied().unwrap_or(0);
                }
            }
        }
        _ => {}
    }
}

/// Bytes of every value of an array.
fn sizes_of(array: &ArrayRef) -> Vec<usize> {
    let mut sizes = vec![own(array.data_type()); array.len()];
    add_contents(array, &mut sizes);
    sizes
}

fn add_lengths<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, sizes: &mut [usize]) {
    for (size, length) in sizes.iter_mut().zip(offsets.lengths()) {
        *size += length;
    }
}

fn add_elements<O: OffsetSizeTrait>(values: &ArrayRef, offsets: &[O], sizes: &mut [usize]) {
    let own = own(values.data_type());
    let ranges = offsets.windows(2).map(|ends| ends[0].as_usize()..ends[1].as_usize());
    // Values of a fixed size need not be inspected.
    let is_fixed = values.data_type().is_primitive() || values.data_type() == &DataType::Boolean;
    let elements = if is_fixed { Vec::new() } else { sizes_of(values) };
    for (size, range) in sizes.iter_mut().zip(ranges) {
        *size += match is_fixed {
            true => range.len() * own,
            false => elements[range].iter().sum::<usize>(),
        };
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Float64Type, Int32Type};
    use arrow_array::{BooleanArray, DictionaryArray, Int16Array, ListArray, StringArray};

    use super::*;

    #[test]
    fn rows_have_their_size_in_slices_too() {
        let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([
            Some(vec![Some(1.0), None]),
            None,
            Some(vec![Some(1.0)]),
        ]);
        let columns = [
            ("b", Arc::new(BooleanArray::from(vec![true; 3])) as ArrayRef),
            ("n", Arc::new(Int16Array::from(vec![1, 2, 3]))),
            ("t", Arc::new(StringArray::from(vec!["", "abc", "d"]))),
            ("l", Arc::new(lists)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        assert_eq!(row_sizes(&batch), [11 + 16, 11 + 3, 11 + 1 + 8]);
        assert_eq!(row_sizes(&batch.slice(1, 2)), [11 + 3, 11 + 1 + 8]);
    }

    #[test]
    fn nulls_of_a_dictionary_without_values_have_no_contents() {
        let nulls: DictionaryArray<Int32Type> = [None::<&str>; 2].into_iter().collect();
        assert!(nulls.values().is_empty());
        let batch = RecordBatch::try_from_iter([("d", Arc::new(nulls) as ArrayRef)]).unwrap();
        assert_eq!(row_sizes(&batch), [4, 4]);
    }
}
