//! The first values of a column, from which the encoder judges whether a dictionary pays.

use arrow_array::{Array, ArrayRef, RecordBatch};

use super::{LoadedGroup, Stage};
use crate::arrays::{plain, row_bytes, weight};
use crate::error::{Error, Result};
use crate::table::Table;

/// The rows of a sample, unless they take too many bytes.
const SAMPLE_ROWS: usize = 8192;

impl Stage {
    /// The first rows of a column in this row group: [`SAMPLE_ROWS`] of them, or as many as fit into
    /// [`Plan::read`](crate::plan::Plan::read). The sample does not depend on how rows came in batches.
    pub(crate) fn sample(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&LoadedGroup>,
        last: Option<&RecordBatch>,
    ) -> Result<Vec<ArrayRef>> {
        let mut sample = Sample { arrays: Vec::new(), rows: SAMPLE_ROWS, bytes: self.plan.read };
        if let Some(group) = self.group_of(column) {
            let index = column - self.groups[group].columns.start;
            match loaded {
                Some(pieces) => drop(pieces.iter().all(|piece| sample.add(&piece[index]))),
                None => self.for_each_staged(table, group, |one| one == index, &mut |arrays| {
                    Ok(arrays.iter().all(|array| sample.add(array)))
                })?,
            }
        }
        if let Some(last) = last.filter(|_| sample.rows > 0 && sample.bytes > 0) {
            let field = &table.columns[column].field;
            let array = last.column(column);
            let row = weight(array).div_ceil(array.len().max(1)).max(1);
            // Not more than is rebuilt at a time elsewhere.
            let rows = array.len().min(sample.rows).min((self.plan.piece / row).max(1));
            let plain = plain(&array.slice(0, rows), field.data_type());
            sample.add(&plain.map_err(|error| Error::arrow(field.name(), error))?);
        }
        Ok(sample.arrays)
    }
}

/// The rows sampled so far, and how many more rows and bytes the sample may have.
struct Sample {
    arrays: Vec<ArrayRef>,
    rows: usize,
    bytes: usize,
}

impl Sample {
    /// Adds the longest prefix of `array` that fits; `false` when the sample is complete.
    fn add(&mut self, array: &ArrayRef) -> bool {
        let mut rows = array.len().min(self.rows);
        if row_bytes(&array.slice(0, rows)) > self.bytes {
            let row = |row: &usize| row_bytes(&array.slice(*row, 1));
            let mut left = self.bytes;
            let fits = (0..rows).take_while(|at| match left.checked_sub(row(at)) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            });
            rows = fits.count();
            self.rows = rows;
        }
        let array = array.slice(0, rows);
        self.bytes -= row_bytes(&array).min(self.bytes);
        self.rows -= rows;
        self.arrays.push(array);
        self.rows > 0
    }
}
