//! The size of the rows of an array.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, ByteArrayType, ByteViewType, RunEndIndexType};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, GenericByteArray, GenericByteViewArray, GenericListArray,
    GenericListViewArray, MapArray, OffsetSizeTrait, RunArray, StructArray,
    downcast_dictionary_array, downcast_run_array,
};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;

/// The elements of the rows of a slice of lists.
pub fn elements<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> ArrayRef {
    let offsets = lists.value_offsets();
    let (first, last) = (offsets[0].as_usize(), offsets[lists.len()].as_usize());
    lists.values().slice(first, last - first)
}

/// The entries of the rows of a slice of maps.
pub fn entries(maps: &MapArray) -> StructArray {
    let offsets = maps.value_offsets();
    let (first, last) = (offsets[0].as_usize(), offsets[maps.len()].as_usize());
    maps.entries().slice(first, last - first)
}

/// Bytes of the rows of `array` in their [`plain_type`](crate::plain_type). Only the rows of a slice are
/// counted.
pub fn row_bytes(array: &dyn Array) -> usize {
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
    // Only values that keys refer to are counted, because a dictionary may be larger than its
    // batch.
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
