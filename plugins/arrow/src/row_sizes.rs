//! The memory that rows take.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};

/// Bytes of every row in Arrow, without validity. A row has the same size in every batch.
pub(crate) fn row_sizes(batch: &RecordBatch) -> Vec<usize> {
    let mut sizes = vec![fixed_size(batch.schema_ref()); batch.num_rows()];
    for array in batch.columns() {
        add_contents(array, &mut sizes);
    }
    sizes
}

/// The part that every row has, in bytes of Arrow, without validity.
pub(crate) fn fixed_size(schema: &Schema) -> usize {
    schema.fields().iter().map(|field| own(field.data_type())).sum()
}

/// The part that every cell has, in bytes: its value, or the offset of its contents.
fn own(data_type: &DataType) -> usize {
    match data_type {
        // A boolean takes one bit; one byte is a safe estimate.
        DataType::Boolean => 1,
        other => other.primitive_width().unwrap_or(size_of::<i32>()),
    }
}

fn add_contents(array: &ArrayRef, sizes: &mut [usize]) {
    match array.data_type() {
        DataType::Utf8 => {
            for (size, length) in sizes.iter_mut().zip(array.as_string::<i32>().offsets().lengths())
            {
                *size += length;
            }
        }
        DataType::List(item) => {
            let lists = array.as_list::<i32>();
            let own = own(item.data_type());
            let texts = lists.values().as_string_opt::<i32>().map(StringArray::value_offsets);
            for (size, ends) in sizes.iter_mut().zip(lists.value_offsets().windows(2)) {
                let (from, to) = (ends[0] as usize, ends[1] as usize);
                *size += (to - from) * own;
                *size += texts.map_or(0, |texts| (texts[to] - texts[from]) as usize);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Float64Type;
    use arrow_array::{BooleanArray, Int16Array, ListArray};

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
}
