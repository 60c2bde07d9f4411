//! Divides a batch into blocks.

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::elements::elements_of;

/// Target size of a block of rows, in bytes of text.
const BLOCK_BYTES: usize = 768 << 10;
/// Maximum number of rows of a block.
const BLOCK_ROWS: usize = 4096;
/// Estimated width of a value that is not a string.
const VALUE_BYTES: usize = 12;

/// The number of rows of the block that begins with row `first`: at least one.
pub(crate) fn rows_of_a_block(batch: &RecordBatch, first: usize) -> usize {
    let varying = batch
        .columns()
        .iter()
        .filter(|column| matches!(column.data_type(), DataType::Utf8 | DataType::List(_)));
    let varying: Vec<&ArrayRef> = varying.collect();
    let fixed = VALUE_BYTES * (batch.num_columns() - varying.len());
    let most = BLOCK_ROWS.min(batch.num_rows() - first);
    let mut bytes = 0;
    let fitting = (first..first + most).take_while(|row| {
        bytes += fixed + varying.iter().map(|column| width(column, *row)).sum::<usize>();
        bytes <= BLOCK_BYTES
    });
    fitting.count().max(1)
}

/// Estimated width of a string or a list.
fn width(column: &ArrayRef, row: usize) -> usize {
    if let Some(strings) = column.as_string_opt::<i32>() {
        return VALUE_BYTES + usize::try_from(strings.value_length(row)).unwrap_or(0);
    }
    let Some(lists) = column.as_list_opt::<i32>() else { return VALUE_BYTES };
    let elements = elements_of(lists, row);
    let characters = lists.values().as_string_opt::<i32>().map_or(0, |strings| {
        let offsets = strings.value_offsets();
        usize::try_from(offsets[elements.end] - offsets[elements.start]).unwrap_or(0)
    });
    VALUE_BYTES * (1 + elements.len()) + characters
}
