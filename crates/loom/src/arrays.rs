//! The size of arrays, and the types in which they are staged.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, ByteArrayType, ByteViewType, RunEndIndexType};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, GenericByteArray, GenericByteViewArray, GenericListArray,
    GenericListViewArray, MapArray, OffsetSizeTrait, RunArray, StructArray,
    downcast_dictionary_array, downcast_run_array,
};
use arrow_buffer::ArrowNativeType;
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields};
use arrow_select::take::take;

/// The type in which an array is staged: the same values without the indirection of dictionaries, views and runs.
/// With it, every slice would carry the values of other rows. Parquet stores the same for both.
pub(crate) fn plain_type(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| plain_field(field);
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(field(item))
        }
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(field(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Fields>()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}

/// The field with its [`plain_type`].
pub(crate) fn plain_field(field: &FieldRef) -> FieldRef {
    let plain = plain_type(field.data_type());
    if plain == *field.data_type() {
        return Arc::clone(field);
    }
    // The values of runs and dictionaries may be null even if the field is not nullable.
    let nullable = field.is_nullable() || has_nullable_values(field.data_type());
    Arc::new(Field::clone(field).with_data_type(plain).with_nullable(nullable))
}

fn has_nullable_values(data_type: &DataType) -> bool {
    match data_type {
        DataType::RunEndEncoded(_, values) => {
            values.is_nullable() || has_nullable_values(values.data_type())
        }
        DataType::Dictionary(_, values) => has_nullable_values(values),
        _ => false,
    }
}

/// The same values as an array of the type `plain_type`.
pub(crate) fn plain(array: &ArrayRef, plain_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == plain_type {
        return Ok(Arc::clone(array));
    }
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let values = dictionary.values();
        let taken = match values.data_type() {
            // Only values that keys refer to are converted: a dictionary may be much larger than its batch.
            DataType::Utf8View | DataType::BinaryView | DataType::Dictionary(_, _) => {
                plain(&take(values, dictionary.keys(), None)?, plain_type)?
            }
            // Converted first, because Arrow's `take` can't make nulls in runs.
            _ => take(&plain(values, plain_type)?, dictionary.keys(), None)?,
        };
        return Ok(taken);
    }
    cast(array, plain_type)
}

/// The elements of the rows of a slice of lists.
pub(crate) fn elements<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> ArrayRef {
    let offsets = lists.value_offsets();
    let (first, last) = (offsets[0].as_usize(), offsets[lists.len()].as_usize());
    lists.values().slice(first, last - first)
}

/// The entries of the rows of a slice of maps.
pub(crate) fn entries(maps: &MapArray) -> StructArray {
    let offsets = maps.value_offsets();
    let (first, last) = (offsets[0].as_usize(), offsets[maps.len()].as_usize());
    maps.entries().slice(first, last - first)
}

/// Bytes of the rows of `array` in their [`plain_type`]. A slice counts only its own rows.
pub(crate) fn row_bytes(array: &dyn Array) -> usize {
    let nulls = if array.nulls().is_some() { array.len().div_ceil(8) } else { 0 };
    nulls + value_bytes(array)
}

fn value_bytes(array: &dyn Array) -> usize {
    let rows = array.len();
    match array.data_type() {
        DataType::Null => 0,
        DataType::Boolean => rows.div_ceil(8),
        DataType::Utf8 => bytes_of(array.as_string::<i32>()),
        DataType::LargeUtf8 => bytes_of(array.as_string::<i64>()),
        DataType::Binary => bytes_of(array.as_binary::<i32>()),
        DataType::LargeBinary => bytes_of(array.as_binary::<i64>()),
        DataType::Utf8View => bytes_of_views(array.as_string_view()),
        DataType::BinaryView => bytes_of_views(array.as_binary_view()),
        DataType::FixedSizeBinary(width) => rows * usize::try_from(*width).unwrap_or(0),
        DataType::List(_) => bytes_of_list(array.as_list::<i32>()),
        DataType::LargeList(_) => bytes_of_list(array.as_list::<i64>()),
        DataType::ListView(_) => bytes_of_list_view(array.as_list_view::<i32>()),
        DataType::LargeListView(_) => bytes_of_list_view(array.as_list_view::<i64>()),
        DataType::FixedSizeList(_, _) => row_bytes(array.as_fixed_size_list().values()),
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|child| row_bytes(child)).sum()
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            size_of_val(&**map.offsets()) + row_bytes(&entries(map))
        }
        DataType::Dictionary(_, _) => downcast_dictionary_array!(
            array => bytes_of_dictionary(array),
            _ => 0
        ),
        DataType::RunEndEncoded(_, _) => downcast_run_array!(
            array => bytes_of_runs(array),
            _ => 0
        ),
        other => rows * other.primitive_width().unwrap_or(16),
    }
}

fn bytes_of<T: ByteArrayType>(array: &GenericByteArray<T>) -> usize {
    let offsets = array.value_offsets();
    let bytes = offsets[array.len()].as_usize() - offsets[0].as_usize();
    size_of_val(offsets) + bytes
}

fn bytes_of_views<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>) -> usize {
    // The lowest 32 bits of a view are the length.
    array.views().iter().map(|view| size_of::<i32>() + (*view as u32) as usize).sum()
}

fn bytes_of_list<O: OffsetSizeTrait>(array: &GenericListArray<O>) -> usize {
    size_of_val(array.value_offsets()) + row_bytes(&elements(array))
}

fn bytes_of_list_view<O: OffsetSizeTrait>(array: &GenericListViewArray<O>) -> usize {
    // Rows may share elements; in the plain type each row has its own.
    let lists = array.value_offsets().iter().zip(array.value_sizes());
    let bytes = lists.map(|(first, length)| {
        row_bytes(&array.values().slice(first.as_usize(), length.as_usize()))
    });
    size_of_val(array.value_offsets()) + bytes.sum::<usize>()
}

fn bytes_of_runs<R: RunEndIndexType>(array: &RunArray<R>) -> usize {
    let ends = array.run_ends();
    let (mut start, last) = (ends.offset(), ends.offset() + array.len());
    let mut run = array.get_start_physical_index();
    let mut bytes = 0;
    while start < last {
        let end = ends.values()[run].as_usize().min(last);
        bytes += (end - start) * row_bytes(&array.values().slice(run, 1));
        (start, run) = (end, run + 1);
    }
    bytes
}

fn bytes_of_dictionary<K: ArrowDictionaryKeyType>(array: &DictionaryArray<K>) -> usize {
    let values = array.values();
    if let Some(width) = values.data_type().primitive_width() {
        return array.len() * width;
    }
    let keys = array.keys().iter().flatten().map(ArrowNativeType::as_usize);
    // Only values that keys refer to count: a dictionary may be larger than its batch.
    match values.data_type() {
        DataType::Utf8 => bytes_of_keys(keys, values.as_string::<i32>()),
        DataType::LargeUtf8 => bytes_of_keys(keys, values.as_string::<i64>()),
        DataType::Binary => bytes_of_keys(keys, values.as_binary::<i32>()),
        DataType::LargeBinary => bytes_of_keys(keys, values.as_binary::<i64>()),
        _ => keys.map(|key| row_bytes(&values.slice(key, 1))).sum(),
    }
}

fn bytes_of_keys<T: ByteArrayType>(
    keys: impl Iterator<Item = usize>,
    values: &GenericByteArray<T>,
) -> usize {
    keys.map(|key| size_of::<T::Offset>() + values.value_length(key).as_usize()).sum()
}

/// Memory that encoding the rows takes, in bytes: the larger of their own bytes and of the levels and positions
/// that the encoder keeps per value of a leaf. For booleans the latter is larger.
pub(crate) fn weight(array: &dyn Array) -> usize {
    row_bytes(array).max(leaf_values(array) * 4)
}

fn leaf_values(array: &dyn Array) -> usize {
    match array.data_type() {
        DataType::List(_) => leaf_values(&elements(array.as_list::<i32>())) + array.len(),
        DataType::LargeList(_) => leaf_values(&elements(array.as_list::<i64>())) + array.len(),
        DataType::FixedSizeList(_, _) => leaf_values(array.as_fixed_size_list().values()),
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|child| leaf_values(child)).sum()
        }
        DataType::Map(_, _) => leaf_values(&entries(array.as_map())) + array.len(),
        DataType::ListView(_) => leaf_values_of_list_view(array.as_list_view::<i32>()),
        DataType::LargeListView(_) => leaf_values_of_list_view(array.as_list_view::<i64>()),
        DataType::Dictionary(_, _) => {
            array.len() * average_leaf_values(array.as_any_dictionary().values())
        }
        DataType::RunEndEncoded(_, _) => downcast_run_array!(
            array => array.len() * average_leaf_values(array.values()),
            _ => 0
        ),
        _ => array.len(),
    }
}

fn leaf_values_of_list_view<O: OffsetSizeTrait>(array: &GenericListViewArray<O>) -> usize {
    let elements: usize = array.value_sizes().iter().map(|size| size.as_usize()).sum();
    elements * average_leaf_values(array.values()) + array.len()
}

/// The leaf values of one row, on average.
fn average_leaf_values(values: &dyn Array) -> usize {
    leaf_values(values).div_ceil(values.len().max(1))
}

/// Calls `each` with the rows of `columns` in pieces whose [`weight`] is at most `most`. A heavier row is a piece of
/// its own.
pub(crate) fn in_pieces<E>(
    columns: &[ArrayRef],
    most: usize,
    each: &mut impl FnMut(&[ArrayRef]) -> Result<(), E>,
) -> Result<(), E> {
    let rows = columns.first().map_or(0, Array::len);
    if rows <= 1 || columns.iter().map(|column| weight(column)).sum::<usize>() <= most {
        return each(columns);
    }
    // Encoders take 1,024 values at a time. Other cuts would end pages at other rows.
    let half = rows / 2;
    let half = if half > 1024 { half / 1024 * 1024 } else { half };
    for (first, count) in [(0, half), (half, rows - half)] {
        let part: Vec<ArrayRef> = columns.iter().map(|column| column.slice(first, count)).collect();
        in_pieces(&part, most, each)?;
    }
    Ok(())
}

/// The weight of the heaviest cell of a column, and its row: the first row if several are as heavy.
pub(crate) fn heaviest_cell(column: &ArrayRef) -> (usize, usize) {
    let cells = (0..column.len()).map(|row| (weight(&column.slice(row, 1)), row));
    cells.max_by_key(|(weight, row)| (*weight, Reverse(*row))).unwrap_or((0, 0))
}
