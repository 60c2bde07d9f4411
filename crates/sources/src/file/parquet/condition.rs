//! The rows of a row group for which a condition is true, for a sample of these.

use std::fs::File;

use arrow_array::{Array, BooleanArray};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelector};
use taploom_expressions::{Predicate, Projection};
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use super::parts::{Part, Parts};
use super::rows::{FileRows, ReadLimits};
use super::sample::{KeptRows, Mask};
use crate::file::batches::unreadable;
use crate::request::Request;
use crate::row_numbers::RowNumbers;

/// Evaluates a condition on its columns alone.
pub(super) struct ConditionRows {
    file: File,
    metadata: ArrowReaderMetadata,
    /// The positions of the columns, ascending.
    columns: Vec<usize>,
    predicate: Predicate,
    limits: ReadLimits,
}

impl ConditionRows {
    /// For the condition of a request, if it has one. `column` is read if the condition names no column.
    ///
    /// # Errors
    /// The errors of [`Condition::bind`](taploom_expressions::Condition::bind), and [`ErrorKind::Source`] if the file
    /// can't be opened again.
    pub(super) fn new(
        file: &File,
        metadata: &ArrowReaderMetadata,
        schema: &ResultSchema,
        request: &Request<'_>,
        column: usize,
    ) -> Result<Option<Self>> {
        let Some(condition) = &request.condition else { return Ok(None) };
        let mut columns = condition.bind(schema)?.columns().to_vec();
        if columns.is_empty() {
            columns.push(column);
        }
        columns.sort_unstable();
        columns.dedup();
        let picked = columns.iter().map(|column| (*column, None)).collect();
        let predicate = condition.bind(Projection::new(schema, picked)?.schema())?;
        let file = file.try_clone().map_err(|error| unreadable(request.location, "", error))?;
        let limits = ReadLimits { rows: usize::MAX, ..ReadLimits::of(request) };
        let metadata = metadata.clone();
        Ok(Some(Self { file, metadata, columns, predicate, limits }))
    }

    /// The rows of a part for which the condition is true, among all rows of its row group.
    ///
    /// # Errors
    /// The rows can't be read, or the condition fails for a row; the error has the row of the file.
    pub(super) fn rows(&mut self, part: &Part, source: &str) -> Result<KeptRows> {
        let parts = Parts {
            metadata: self.metadata.clone(),
            columns: self.columns.clone(),
            parts: vec![part.clone()],
        };
        let file = self.file.try_clone().map_err(|error| unreadable(source, "", error))?;
        let row_numbers = RowNumbers::default();
        let limits = ReadLimits { row_numbers: Some(row_numbers.clone()), ..self.limits.clone() };
        let batches = FileRows::new(file, parts, None, source, &limits)
            .map_err(|error| unreadable(source, "", error))?;
        let mut runs = Unread::new(part);
        let mut mask = Mask::default();
        let mut given = 0;
        for batch in batches {
            let batch = batch?;
            let holds = self.predicate.evaluate(&batch);
            let holds = holds.map_err(|error| row_numbers.name(error, given))?;
            given += batch.num_rows() as u64;
            runs.append(&holds, &mut mask);
        }
        match runs.finish(&mut mask) {
            0 => Ok(mask.finish()),
            missing => {
                let message = format!(
                    "source {source}: row group {} lacks {missing} rows",
                    part.row_group + 1
                );
                Err(Error::new(ErrorKind::Source, message))
            }
        }
    }
}

/// The rows of a row group that have not been read yet.
struct Unread {
    runs: std::vec::IntoIter<RowSelector>,
    /// Rows of the current run, which are read.
    left: usize,
}

impl Unread {
    fn new(part: &Part) -> Self {
        let runs = match &part.selection {
            Some(selection) => selection.iter().copied().collect(),
            None => vec![RowSelector::select(part.rows)],
        };
        Self { runs: runs.into_iter(), left: 0 }
    }

    /// Whether the condition holds for the next rows that were read. Rows before them that were not read are dropped.
    fn append(&mut self, holds: &BooleanArray, mask: &mut Mask) {
        let mut at = 0;
        while at < holds.len() {
            if self.left == 0 {
                match self.runs.next() {
                    Some(run) if run.skip => mask.append_run(run.row_count, false),
                    Some(run) => self.left = run.row_count,
                    None => return,
                }
                continue;
            }
            let count = self.left.min(holds.len() - at).min(64);
            let is_true = |row: &usize| holds.is_valid(*row) && holds.value(*row);
            let bits = (at..at + count)
                .enumerate()
                .fold(0_u64, |bits, (bit, row)| bits | u64::from(is_true(&row)) << bit);
            mask.append(bits, count);
            at += count;
            self.left -= count;
        }
    }

    /// Drops the rows after the last one that was read. Returns how many should have been read.
    fn finish(self, mask: &mut Mask) -> usize {
        let mut missing = self.left;
        for run in self.runs {
            mask.append_run(run.row_count, false);
            missing += if run.skip { 0 } else { run.row_count };
        }
        missing
    }
}
