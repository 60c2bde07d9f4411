//! The rows of a Parquet file, in memory that is granted.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_cast::can_cast_types;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use taploom_model::{Error, Result, ScratchSpace};
use taploom_packed::plain_type;
use taploom_scratch::{ReadPattern, ScratchFile};

use super::cost::ColumnCost;
use super::plan::{ReadPlan, Shares};
use super::transposed::{ReadError, RowGroup, TransposedRows};
use crate::file::batches::{slices, unreadable};
use crate::request::Request;

/// The batches of a file. Row groups whose columns fit into the granted memory side by side are read so; the others
/// through scratch.
pub(super) struct FileRows {
    file: File,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
    /// The name of the source, for messages.
    name: String,
    shares: Shares,
    batch_rows: usize,
    space: ScratchSpace,
    /// A file for the next row group that needs one.
    scratch: Option<ScratchFile>,
    /// Rows that are still wanted.
    rows_left: usize,
    next_row_group: usize,
    open: Open,
}

/// What is being read.
enum Open {
    Nothing,
    Together(Box<ParquetRecordBatchReader>),
    Transposed(Box<TransposedRows>, std::vec::IntoIter<RecordBatch>),
}

impl FileRows {
    /// The rows of a file that are asked for.
    pub(super) fn new(
        file: File,
        metadata: ArrowReaderMetadata,
        name: &str,
        request: &Request<'_>,
    ) -> Result<Self, ParquetError> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone());
        let schema = builder.with_row_groups(Vec::new()).build()?.schema();
        Ok(Self {
            file,
            metadata,
            schema,
            name: name.to_owned(),
            shares: Shares::of(request.resources.memory_budget),
            batch_rows: request.batch_rows.max(1),
            space: request.resources.scratch.clone(),
            scratch: None,
            rows_left: request
                .most_rows
                .and_then(|rows| rows.try_into().ok())
                .unwrap_or(usize::MAX),
            next_row_group: 0,
            open: Open::Nothing,
        })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Opens the next row group, or several that fit. `false` after the last one.
    fn open_next(&mut self) -> Result<bool> {
        let count = self.metadata.metadata().num_row_groups();
        let first = self.next_row_group;
        if first >= count || self.rows_left == 0 {
            return Ok(false);
        }
        self.next_row_group += 1;
        self.open = match self.plan(first) {
            ReadPlan::Together { rows } if rows == self.batch_rows => {
                // Batches may go over the ends of row groups, of which some have only a few rows.
                while self.next_row_group < count && self.surely_fits(self.next_row_group) {
                    self.next_row_group += 1;
                }
                self.together(first..self.next_row_group, rows)?
            }
            ReadPlan::Together { rows } => self.together(first..first + 1, rows)?,
            ReadPlan::Transposed(plan) => {
                let scratch = self.scratch.take();
                let scratch = scratch.unwrap_or_else(|| self.space.file(ReadPattern::Scattered));
                let row_group = RowGroup {
                    file: &self.file,
                    metadata: &self.metadata,
                    index: first,
                    rows: self.rows_of(first).min(self.rows_left),
                };
                let schema = Arc::clone(&self.schema);
                let rows = TransposedRows::new(&row_group, plan, schema, scratch);
                let rows = rows.map_err(|error| self.failed(error))?;
                Open::Transposed(Box::new(rows), Vec::new().into_iter())
            }
        };
        Ok(true)
    }

    fn rows_of(&self, row_group: usize) -> usize {
        let rows = self.metadata.metadata().row_group(row_group).num_rows();
        usize::try_from(rows).unwrap_or(0)
    }

    fn together(&self, row_groups: std::ops::Range<usize>, rows: usize) -> Result<Open> {
        let open = || {
            let file = self.file.try_clone()?;
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(row_groups.collect())
                .with_batch_size(rows)
                .build()
        };
        let reader = open().map_err(|error| unreadable(&self.name, error))?;
        Ok(Open::Together(Box::new(reader)))
    }

    fn plan(&self, row_group: usize) -> ReadPlan {
        let plan = |file: Option<&File>| {
            let costs = ColumnCost::of_row_group(&self.metadata, row_group, file);
            let may_stage = |column: usize| {
                let wanted = self.schema.field(column).data_type();
                let packed = plain_type(wanted);
                packed == *wanted || can_cast_types(&packed, wanted)
            };
            ReadPlan::new(&costs, &self.shares, self.batch_rows, may_stage)
        };
        // Page headers are only read where the footer does not tell that the columns fit.
        match plan(None) {
            ReadPlan::Together { rows } if rows == self.batch_rows => ReadPlan::Together { rows },
            _ => plan(Some(&self.file)),
        }
    }

    /// Whether the footer says that the columns of a row group fit, in full batches.
    fn surely_fits(&self, row_group: usize) -> bool {
        let costs = ColumnCost::of_row_group(&self.metadata, row_group, None);
        let plan = ReadPlan::new(&costs, &self.shares, self.batch_rows, |_| true);
        plan == ReadPlan::Together { rows: self.batch_rows }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let batch = match &mut self.open {
                _ if self.rows_left == 0 => None,
                Open::Nothing => None,
                Open::Together(reader) => {
                    reader.next().transpose().map_err(|error| unreadable(&self.name, error))?
                }
                Open::Transposed(rows, batches) => match batches.next() {
                    Some(batch) => Some(batch),
                    None => {
                        let next = rows.next();
                        let next = next.map_err(|error| failed(&self.name, error))?;
                        next.and_then(|batch| {
                            *batches = slices(&batch, self.batch_rows).into_iter();
                            batches.next()
                        })
                    }
                },
            };
            if let Some(batch) = batch {
                let batch = batch.slice(0, batch.num_rows().min(self.rows_left));
                self.rows_left -= batch.num_rows();
                return Ok(Some(batch));
            }
            if let Open::Transposed(rows, _) = std::mem::replace(&mut self.open, Open::Nothing) {
                self.scratch = Some(rows.into_scratch());
            }
            if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    fn failed(&self, error: ReadError) -> Error {
        failed(&self.name, error)
    }
}

fn failed(name: &str, error: ReadError) -> Error {
    match error {
        ReadError::Parquet(error) => unreadable(name, error),
        ReadError::Scratch(error) => Error::from(error).with_context(format_args!(
            "source {name}: it needs more memory than is granted, and is read through scratch"
        )),
    }
}

impl Iterator for FileRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
