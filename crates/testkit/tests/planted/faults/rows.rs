//! Rows and columns that are lost, repeated or misplaced, and slices that are misread.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, RecordBatch, StringArray};

use super::{Fault, Planted, planted};
use crate::encoder::{BLOCK_ROWS, PlantedEncoder};
use crate::format::Layout;

pub(super) const FAULTS: &[Planted] = &[
    planted(
        Fault::RowsAfter65000Lost,
        "loses the rows after the 65,000th",
        "a_batch_of_200_000_rows_reads_back",
        "number of rows",
    ),
    planted(
        Fault::BatchesOver65536Dropped,
        "drops batches of more than 65,536 rows",
        "a_batch_of_200_000_rows_reads_back",
        "no bytes for 200000 rows",
    ),
    planted(
        Fault::LargeBatchesCutAt65536,
        "takes 65,536 rows of a batch at most",
        "a_batch_of_200_000_rows_reads_back",
        "number of rows",
    ),
    planted(
        Fault::LastRowOfBlockLost,
        "loses the last row of a full block",
        "many_rows_read_back",
        "many rows",
    ),
    planted(
        Fault::FirstRowOfBatchTwice,
        "writes the first row of every batch but the first twice",
        "batches_of_one_row_read_back",
        "number of rows",
    ),
    planted(
        Fault::BatchesOfOneRowDropped,
        "drops batches of one row after the first batch",
        "batches_of_one_row_read_back",
        "number of rows",
    ),
    planted(
        Fault::LastRowLost,
        "forgets the rows that wait when the result ends",
        "every_table_reads_back",
        "no bytes for 1 rows",
    ),
    planted(
        Fault::HeaderOnlyWithRows,
        "writes the header with the first rows, so that a result without rows has none",
        "a_result_without_rows_is_a_whole_file",
        "does not read",
    ),
    planted(
        Fault::ListSlicesMisread,
        "reads lists of the slices that it makes from the beginning of their array",
        "many_lists_read_back",
        "many lists",
    ),
    planted(
        Fault::TextSlicesMisread,
        "reads texts of a slice from the beginning of their array",
        "sliced_arrays_read_back",
        "slices",
    ),
    planted(
        Fault::BooleanSlicesMisread,
        "reads booleans of a slice from the beginning of their array",
        "sliced_arrays_read_back",
        "slices",
    ),
    planted(
        Fault::NullSlicesMisread,
        "reads the nulls of a slice from the beginning of their array",
        "sliced_arrays_read_back",
        "slices",
    ),
    planted(
        Fault::ColumnsSorted,
        "writes the cells in the order of the names of the columns",
        "columns_keep_their_order_and_their_cells",
        "read",
    ),
    planted(
        Fault::ColumnsBeyond255Lost,
        "writes the cells of the first 255 columns again for those after them",
        "columns_keep_their_order_and_their_cells",
        "c",
    ),
    planted(
        Fault::SameNamesMerged,
        "writes the cells of the first column of a name for all columns of that name",
        "columns_keep_their_order_and_their_cells",
        "again",
    ),
    planted(
        Fault::NullableIgnored,
        "has no flags, so that nulls are lost",
        "every_table_reads_back",
        "does not read",
    ),
    planted(
        Fault::NotNullableFlagged,
        "has flags for fields that are not nullable",
        "fields_that_are_not_nullable_read_back",
        "not nullable",
    ),
    planted(
        Fault::BatchesOutOfStep,
        "mixes up rows if batches differ in size",
        "the_same_bytes_whatever_the_batch_size",
        "other bytes",
    ),
];

/// The rows of a batch that are encoded.
pub(crate) fn taken(encoder: &PlantedEncoder, batch: &RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    match encoder.layout.fault {
        Fault::RowsAfter65000Lost => {
            let left = 65_000_usize.saturating_sub(encoder.rows as usize);
            vec![batch.slice(0, rows.min(left))]
        }
        Fault::BatchesOver65536Dropped if rows > 65_536 => vec![],
        Fault::LargeBatchesCutAt65536 => vec![batch.slice(0, rows.min(65_536))],
        Fault::FirstRowOfBatchTwice if encoder.rows > 0 && rows > 0 => {
            vec![batch.slice(0, 1), batch.clone()]
        }
        Fault::BatchesOfOneRowDropped if encoder.rows > 0 && rows == 1 => vec![],
        Fault::BatchesOutOfStep if rows > 1 && rows != BLOCK_ROWS && encoder.rows > 0 => {
            vec![batch.slice(1, rows - 1), batch.slice(0, 1)]
        }
        _ => vec![batch.clone()],
    }
}

/// The rows of a block that are encoded.
pub(crate) fn block(fault: Fault, block: RecordBatch) -> RecordBatch {
    match fault {
        Fault::LastRowOfBlockLost if block.num_rows() == BLOCK_ROWS => {
            block.slice(0, BLOCK_ROWS - 1)
        }
        _ => block,
    }
}

/// The row of the result that a block begins with, from 0.
pub(crate) fn first_row(fault: Fault, rows: u64, first: usize) -> u64 {
    match fault {
        Fault::RowOfTheBatch => first as u64,
        _ => rows + first as u64,
    }
}

pub(crate) fn before_trailer(encoder: &mut PlantedEncoder) {
    if encoder.layout.fault == Fault::LastRowLost && encoder.rows > 0 {
        encoder.gathered.bytes.clear();
        encoder.rows = 0;
    }
}

/// The columns of a batch, in the order in which they are written.
pub(crate) fn columns(layout: &Layout, batch: &RecordBatch) -> Vec<ArrayRef> {
    let given = |index: usize| Arc::clone(batch.column(index));
    let count = batch.num_columns();
    let name = |index: usize| &layout.columns[index].name;
    match layout.fault {
        Fault::ColumnsSorted if same_types(batch) => {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|index| name(*index));
            order.into_iter().map(given).collect()
        }
        Fault::ColumnsBeyond255Lost if same_types(batch) => {
            (0..count).map(|index| given(index % 255)).collect()
        }
        Fault::SameNamesMerged if same_types(batch) => {
            let first = |index: usize| (0..count).find(|other| name(*other) == name(index));
            (0..count).map(|index| given(first(index).unwrap_or(index))).collect()
        }
        _ => (0..count).map(given).collect(),
    }
}

fn same_types(batch: &RecordBatch) -> bool {
    batch.columns().windows(2).all(|pair| pair[0].data_type() == pair[1].data_type())
}

pub(crate) fn is_null(fault: Fault, array: &ArrayRef, row: usize) -> bool {
    match (fault, array.nulls()) {
        (Fault::NullSlicesMisread, Some(nulls)) => {
            let bits = nulls.inner();
            bits.values()[row / 8] >> (row % 8) & 1 == 0
        }
        _ => array.is_null(row),
    }
}

pub(crate) fn flag(fault: Fault, flags: &BooleanArray, row: usize) -> bool {
    match fault {
        Fault::BooleanSlicesMisread => flags.values().values()[row / 8] >> (row % 8) & 1 == 1,
        _ => flags.value(row),
    }
}

pub(crate) fn text<'a>(fault: Fault, texts: &'a StringArray, row: usize) -> Cow<'a, str> {
    match fault {
        Fault::TextSlicesMisread => {
            let (start, length) = (texts.value_offsets()[row], texts.value_length(row));
            let start = (start - texts.value_offsets()[0]) as usize;
            String::from_utf8_lossy(&texts.value_data()[start..start + length as usize])
        }
        _ => Cow::Borrowed(texts.value(row)),
    }
}

/// The positions of the elements of a cell.
pub(crate) fn elements(fault: Fault, lists: &ListArray, row: usize) -> (usize, usize) {
    let offsets = lists.value_offsets();
    let first = match fault {
        Fault::ListSlicesMisread => offsets[0],
        _ => 0,
    };
    ((offsets[row] - first) as usize, (offsets[row + 1] - first) as usize)
}
