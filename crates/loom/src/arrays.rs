//! Estimates how much memory encoding an array takes, and cuts arrays into pieces of limited
//! memory.

use std::cmp::Reverse;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListViewArray, OffsetSizeTrait, downcast_run_array};
use arrow_schema::DataType;
pub(crate) use taploom_packed::{elements, entries, plain, plain_field, row_bytes};

/// Memory in bytes that encoding an array takes: the size of the array, or the size of the levels and positions
/// that the encoder keeps for each leaf value, whichever is larger. For booleans, levels and positions are
/// larger.
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

/// The average number of leaf values per row.
fn average_leaf_values(values: &dyn Array) -> usize {
    leaf_values(values).div_ceil(values.len().max(1))
}

/// Calls `each` with the rows of `columns` in pieces whose [`weight`] is at most `most`. A heavier row becomes a
/// separate piece.
pub(crate) fn in_pieces<E>(
    columns: &[ArrayRef],
    most: usize,
    each: &mut impl FnMut(&[ArrayRef]) -> Result<(), E>,
) -> Result<(), E> {
    let rows = columns.first().map_or(0, Array::len);
    if rows <= 1 || columns.iter().map(|column| weight(column)).sum::<usize>() <= most {
        return each(columns);
    }
    // Encoders take 1,024 values at a time. Pieces that end elsewhere would make pages end at other
    // rows.
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
