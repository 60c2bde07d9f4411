//! Divides a batch into blocks, and a block into groups of rows.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, GenericByteArray, RecordBatch};
use arrow_schema::DataType;

/// Target size of a block of rows, in bytes of text.
const BLOCK_BYTES: usize = 768 << 10;
/// Maximum number of rows of a block.
const BLOCK_ROWS: usize = 4096;
/// Target size of a group of rows, in bytes of text. The ends of its rows stay in the first-level cache, and all of it
/// in the second-level cache.
const GROUP_BYTES: usize = 384 << 10;
/// Maximum number of rows of a group.
const GROUP_ROWS: usize = 256;
/// Estimated width of a value that is not a string.
const VALUE_BYTES: usize = 12;

/// Rows of a batch that are written together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) rows: Range<usize>,
    /// Estimated width of the widest row.
    pub(crate) widest: usize,
}

/// Divides the block that begins with row `first` into groups: at least one row.
///
/// All rows of a group get as much memory as its widest row, so a wide row ends a group of narrow ones.
pub(crate) fn groups_of_a_block(batch: &RecordBatch, first: usize, groups: &mut Vec<Group>) {
    groups.clear();
    let end = batch.num_rows().min(first + BLOCK_ROWS);
    let mut block_bytes = 0;
    let mut widths = Widths::new(batch);
    for row in first..end {
        let width = widths.of(row, end);
        block_bytes += width;
        if block_bytes > BLOCK_BYTES && row > first {
            return;
        }
        match groups.last_mut() {
            Some(group) if group.takes(width) => {
                group.rows.end += 1;
                group.widest = group.widest.max(width);
            }
            _ => groups.push(Group { rows: row..row + 1, widest: width }),
        }
    }
}

impl Group {
    /// Whether a row of this width fits.
    fn takes(&self, width: usize) -> bool {
        let rows = self.rows.len() + 1;
        rows <= GROUP_ROWS && rows * self.widest.max(width) <= GROUP_BYTES
    }
}

/// Estimated widths of rows, worked out for a few rows at a time.
struct Widths<'a> {
    fixed: usize,
    varying: Vec<&'a ArrayRef>,
    /// The widths of some rows, the first of which is row `first`.
    some: Vec<usize>,
    first: usize,
}

impl<'a> Widths<'a> {
    /// Rows whose widths are worked out together.
    const ROWS: usize = 32;

    fn new(batch: &'a RecordBatch) -> Self {
        let varying = batch
            .columns()
            .iter()
            .filter(|column| matches!(column.data_type(), DataType::Utf8 | DataType::List(_)));
        let varying: Vec<&ArrayRef> = varying.collect();
        let fixed = VALUE_BYTES * (batch.num_columns() - varying.len());
        Self { fixed, varying, some: Vec::new(), first: 0 }
    }

    /// The width of a row before row `end`.
    fn of(&mut self, row: usize, end: usize) -> usize {
        if row < self.first || row >= self.first + self.some.len() {
            let rows = row..end.min(row + Self::ROWS);
            self.first = row;
            self.some.clear();
            self.some.resize(rows.len(), self.fixed);
            for column in &self.varying {
                add_widths(column, rows.clone(), &mut self.some);
            }
        }
        self.some.get(row - self.first).copied().unwrap_or(self.fixed)
    }
}

/// Adds the estimated widths of strings or lists.
fn add_widths(column: &ArrayRef, rows: Range<usize>, widths: &mut [usize]) {
    let lengths = |offsets: &[i32], width_of: &dyn Fn(i32, i32) -> usize, widths: &mut [usize]| {
        let cells = offsets[rows.start..=rows.end].windows(2);
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width += VALUE_BYTES + width_of(cell[0], cell[1]);
        }
    };
    if let Some(strings) = column.as_string_opt::<i32>() {
        lengths(strings.value_offsets(), &|start, end| (end - start) as usize, widths);
    } else if let Some(lists) = column.as_list_opt::<i32>() {
        let strings = lists.values().as_string_opt::<i32>();
        let strings = strings.map(GenericByteArray::value_offsets);
        let width_of = |start: i32, end: i32| {
            let characters =
                strings.map_or(0, |offsets| offsets[end as usize] - offsets[start as usize]);
            VALUE_BYTES * (end - start) as usize + characters as usize
        };
        lengths(lists.value_offsets(), &width_of, widths);
    }
}
