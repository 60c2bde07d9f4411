//! Takes samples from a column, as runs of neighbouring values. They decide on the encoding of its
//! chunk.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array, ArrayRef, GenericByteArray, RecordBatch, make_array};
use arrow_buffer::ArrowNativeType;
use arrow_data::transform::{Capacities, MutableArrayData};
use arrow_schema::{ArrowError, DataType};

use super::Stage;
use crate::arrays::{plain, row_bytes};
use crate::error::{Error, Result};
use crate::table::Table;

/// Rows per run. Shorter runs would hide similarities between neighbours.
const RUN: u64 = 1024;

/// The largest number of runs in a sample.
const MOST_RUNS: u64 = 8;

/// The largest size of a sample in bytes; a small budget allows less.
const MOST_BYTES: usize = 128 << 10;

impl Stage {
    /// Takes runs of rows of a column at equal distances, from the first to the last of the `rows` of the row group: an
    /// eighth of the rows, in at most [`MOST_RUNS`] runs. Each has [`RUN`] rows, or fewer if cells are large. The
    /// sample does not depend on the size of the batches. It is empty if the average cell is larger than a sample,
    /// because then reading the whole column would be wasted.
    pub(crate) fn sample(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&[ArrayRef]>,
        last: Option<&RecordBatch>,
        rows: u64,
    ) -> Result<Vec<ArrayRef>> {
        let mut sample = Sample::new(rows, MOST_BYTES.min(self.plan.read));
        let field = &table.columns[column].field;
        let failed = |error| Error::arrow(field.name(), error);
        if let Some(group) = self.group_of(column) {
            if self.mean_cell(group, rows) > MOST_BYTES as u64 {
                return Ok(Vec::new());
            }
            let index = column - self.groups[group].columns.start;
            match loaded {
                Some(pieces) => pieces.iter().try_for_each(|piece| sample.add(piece, Ok))?,
                None => self.for_each_staged(table, group, |one| one == index, &mut |arrays| {
                    for array in &arrays {
                        // A slice would keep the whole piece in memory.
                        sample.add(array, |run| copied(&run).map_err(failed))?;
                    }
                    Ok(!sample.is_complete())
                })?,
            }
        }
        if let Some(last) = last {
            sample
                .add(last.column(column), |run| plain(&run, field.data_type()).map_err(failed))?;
        }
        Ok(sample.arrays)
    }

    /// The mean number of bytes of a cell in a group of one column; 0 for other groups, which have small cells.
    fn mean_cell(&self, group: usize, rows: u64) -> u64 {
        let group = &self.groups[group];
        match group.columns.len() {
            1 => (group.spilled + group.held.len() as u64) / rows.max(1),
            _ => 0,
        }
    }
}

/// The runs sampled so far.
struct Sample {
    arrays: Vec<ArrayRef>,
    /// The next row of the chunk.
    at: u64,
    /// The row ranges of the runs that are not complete, the next run last.
    runs: Vec<Range<u64>>,
    /// Bytes per run, and the remaining bytes of the open run.
    share: usize,
    left: usize,
    /// Bytes for all runs.
    all: usize,
}

impl Sample {
    fn new(rows: u64, bytes: usize) -> Self {
        // A small row group has shorter runs; an even smaller one is taken completely.
        let (runs, run) = match rows {
            ..=RUN => (1, rows),
            _ => ((rows / 8 / RUN).clamp(2, MOST_RUNS), (rows / 8).clamp(RUN / 2, RUN)),
        };
        let step = (rows - run) / (runs - 1).max(1);
        let runs: Vec<_> = (0..runs).rev().map(|index| index * step).collect();
        let runs: Vec<_> = runs.into_iter().map(|start| start..start + run).collect();
        let share = bytes / runs.len();
        Self { arrays: Vec::new(), at: 0, runs, share, left: share, all: bytes }
    }

    fn is_complete(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds the parts of the next rows that belong to runs. `finish` makes the array that is kept.
    fn add(
        &mut self,
        rows: &ArrayRef,
        finish: impl Fn(ArrayRef) -> Result<ArrayRef>,
    ) -> Result<()> {
        let first = self.at;
        self.at += rows.len() as u64;
        while let Some(run) = self.runs.last_mut().filter(|run| run.start < self.at) {
            let end = run.end.min(self.at);
            let wanted = (end - run.start) as usize;
            let array = rows.slice((run.start - first) as usize, wanted);
            let is_new = self.left == self.share;
            let mut fits = rows_within(&array, self.left.min(self.all));
            if fits == 0 && is_new {
                // A cell larger than a run's share becomes a run.
                fits = rows_within(&array.slice(0, 1), self.all);
            }
            let array = array.slice(0, fits);
            let bytes = row_bytes(&array);
            self.left = self.left.saturating_sub(bytes.max(1));
            self.all = self.all.saturating_sub(bytes);
            if fits > 0 {
                self.arrays.push(finish(array)?);
            }
            run.start = end;
            if fits < wanted || run.is_empty() {
                self.runs.pop();
                self.left = self.share;
            }
        }
        Ok(())
    }
}

/// The length of the longest prefix that takes at most `most` bytes.
fn rows_within(array: &ArrayRef, most: usize) -> usize {
    fn within<T: ByteArrayType>(array: &GenericByteArray<T>, most: usize) -> usize {
        let offsets = array.value_offsets();
        let bytes = |row: usize| {
            (offsets[row + 1] - offsets[0]).as_usize() + (row + 1) * size_of::<T::Offset>()
        };
        let (mut fit, mut too_many) = (0, array.len() + 1);
        while too_many - fit > 1 {
            let middle = fit + (too_many - fit) / 2;
            if bytes(middle - 1) <= most { fit = middle } else { too_many = middle }
        }
        fit
    }
    match array.data_type() {
        DataType::Boolean => array.len().min(most.saturating_mul(8)),
        DataType::Utf8 => within(array.as_string::<i32>(), most),
        DataType::LargeUtf8 => within(array.as_string::<i64>(), most),
        DataType::Binary => within(array.as_binary::<i32>(), most),
        DataType::LargeBinary => within(array.as_binary::<i64>(), most),
        other => match other.primitive_width() {
            Some(width) => array.len().min(most / width.max(1)),
            None => {
                let mut left = most;
                let fits = (0..array.len()).take_while(|row| {
                    let bytes = row_bytes(&array.slice(*row, 1));
                    let fits = bytes <= left;
                    left = left.saturating_sub(bytes);
                    fits
                });
                fits.count()
            }
        },
    }
}

/// A copy of the values in separate memory.
fn copied(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let data = array.to_data();
    let mut copy =
        MutableArrayData::with_capacities(vec![&data], false, Capacities::Array(array.len()));
    copy.try_extend(0, 0, array.len())?;
    Ok(make_array(copy.freeze()))
}
