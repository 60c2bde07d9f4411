//! Reads the rows of a Parquet file within a memory limit.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_cast::can_cast_types;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use taploom_model::{Error, Resources, Result};
use taploom_packed::plain_type;
use taploom_scratch::{ReadPattern, ScratchFile};

use super::condition::ConditionRows;
use super::cost::ColumnCost;
use super::damage::{ChunkPlace, damaged_chunk};
use super::parts::{Part, Parts};
use super::plan::{ReadPlan, Shares};
use super::sample::{KeptRows, RowPicker, SampleWalker};
use super::transposed::{ReadError, RowGroup, TransposedRows};
use crate::file::batches::{slices, unreadable};
use crate::request::Request;
use crate::row_numbers::RowNumbers;

/// Number of rows of a sample after which no further row group is added to a read.
const MOST_SAMPLED_AHEAD: usize = 64 << 10;

/// The batches of a file. If the columns of a row group fit into the memory limit side by side, they are
/// read together; otherwise they are staged in scratch.
pub(super) struct FileRows {
    file: File,
    metadata: ArrowReaderMetadata,
    /// The positions of the columns to read, ascending.
    columns: Vec<usize>,
    /// The rows to read, or to choose a sample from.
    parts: Vec<Part>,
    /// Decides which rows are in the sample.
    sampler: Option<Sampler>,
    /// Reads the rows of the sample in row groups where they are few.
    picker: Option<RowPicker>,
    schema: SchemaRef,
    /// The name of the source, for messages.
    name: String,
    shares: Shares,
    limits: ReadLimits,
    /// The scratch file, while no row group uses it.
    scratch: Option<ScratchFile>,
    /// Number of rows of the parts so far.
    rows_taken: u64,
    /// The record of the rows that are returned, if an error may name one of them.
    row_numbers: Option<RowNumbers>,
    next_part: usize,
    open: Open,
    /// The row groups that are being read.
    open_groups: Vec<usize>,
}

/// The resources for reading, and the numbers of wanted rows.
#[derive(Clone)]
pub(super) struct ReadLimits {
    pub(super) resources: Resources,
    /// Maximum number of rows of a batch.
    pub(super) batch_rows: usize,
    /// Number of rows that are still wanted.
    pub(super) rows: usize,
    /// The record of the rows that are returned, if a condition is evaluated on them.
    pub(super) row_numbers: Option<RowNumbers>,
}

impl ReadLimits {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let rows = request.most_rows.and_then(|rows| rows.try_into().ok());
        Self {
            resources: request.resources.clone(),
            batch_rows: request.batch_rows.max(1),
            rows: rows.unwrap_or(usize::MAX),
            row_numbers: request.condition.as_ref().map(|_| request.row_numbers.clone()),
        }
    }
}

/// Decides which rows of a row group are in a sample.
pub(super) struct Sampler {
    pub(super) walker: SampleWalker,
    /// The condition that rows have to meet first.
    pub(super) condition: Option<ConditionRows>,
}

/// The row groups that are being read.
enum Open {
    Nothing,
    Picked(std::vec::IntoIter<RecordBatch>),
    Together(Box<ParquetRecordBatchReader>),
    Transposed(Box<TransposedRows>, std::vec::IntoIter<RecordBatch>),
}

impl FileRows {
    /// Reads the rows that a request asks for.
    pub(super) fn new(
        file: File,
        parts: Parts,
        sampler: Option<Sampler>,
        name: &str,
        limits: &ReadLimits,
    ) -> Result<Self, ParquetError> {
        let Parts { metadata, columns, parts } = parts;
        let schema = schema(&file, &metadata, Some(&columns))?;
        let picker = match &sampler {
            Some(_) => RowPicker::new(&file, &metadata, &columns, &schema)?,
            None => None,
        };
        // The condition holds for all rows of a sample that is decided here.
        let row_numbers = limits.row_numbers.clone().filter(|_| sampler.is_none());
        Ok(Self {
            file,
            metadata,
            columns,
            parts,
            sampler,
            picker,
            schema,
            name: name.to_owned(),
            shares: Shares::of(limits.resources.memory_budget),
            limits: limits.clone(),
            scratch: None,
            rows_taken: 0,
            row_numbers,
            next_part: 0,
            open: Open::Nothing,
            open_groups: Vec::new(),
        })
    }

    /// The next part to read; `None` if none of its rows are read.
    fn take_part(&mut self) -> Result<Option<Part>> {
        let Some(part) = self.parts.get_mut(self.next_part) else { return Ok(None) };
        self.next_part += 1;
        let mut part = Part { selection: part.selection.take(), ..*part };
        if let Some(Sampler { walker, condition }) = &mut self.sampler {
            let wanted = match condition {
                Some(condition) => Some(condition.rows(&part, &self.name)?),
                None => None,
            };
            match walker.walk(part.row_group, wanted.as_ref(), &self.name)? {
                KeptRows::None => return Ok(None),
                // Then the condition left out no page either.
                KeptRows::All => {}
                KeptRows::Some { rows, selection } => {
                    (part.rows, part.selection) = (rows, Some(selection));
                }
            }
        }
        if let Some(numbers) = &self.row_numbers {
            part.number(numbers, self.rows_taken);
        }
        self.rows_taken += part.rows as u64;
        Ok(Some(part))
    }

    /// Opens the next row group, or several that fit. Returns `false` after the last one.
    fn open_next(&mut self) -> Result<bool> {
        if self.limits.rows == 0 {
            return Ok(false);
        }
        let part = loop {
            if self.next_part >= self.parts.len() {
                return Ok(false);
            }
            if let Some(part) = self.take_part()? {
                break part;
            }
        };
        self.open_groups = vec![part.row_group];
        if let Some(batch) = self.picked(&part)? {
            self.open = Open::Picked(slices(&batch, self.limits.batch_rows).into_iter());
            return Ok(true);
        }
        self.open = match self.plan(part.row_group) {
            ReadPlan::Together { rows } if rows == self.limits.batch_rows => {
                // A batch may span several row groups, because some files have row groups of a few rows.
                let mut ahead = part.rows;
                let mut parts = vec![part];
                while (self.sampler.is_none() || ahead < MOST_SAMPLED_AHEAD)
                    && self
                        .parts
                        .get(self.next_part)
                        .is_some_and(|next| self.surely_fits(next.row_group))
                {
                    if let Some(part) = self.take_part()? {
                        ahead += part.rows;
                        self.open_groups.push(part.row_group);
                        parts.push(part);
                    }
                }
                self.together(&parts, rows)?
            }
            ReadPlan::Together { rows } => self.together(&[part], rows)?,
            ReadPlan::Transposed(plan) => {
                let scratch = self.scratch.take();
                let scratch = scratch
                    .unwrap_or_else(|| self.limits.resources.scratch.file(ReadPattern::Scattered));
                let row_group = RowGroup {
                    file: &self.file,
                    metadata: &self.metadata,
                    columns: &self.columns,
                    index: part.row_group,
                    rows: part.rows.min(self.limits.rows),
                    selection: part.selection.as_ref(),
                };
                let schema = Arc::clone(&self.schema);
                let rows = TransposedRows::new(&row_group, plan, schema, scratch);
                let rows = rows.map_err(|error| self.failed(error))?;
                Open::Transposed(Box::new(rows), Vec::new().into_iter())
            }
        };
        Ok(true)
    }

    /// The rows of a sample in a row group, if they are few.
    fn picked(&self, part: &Part) -> Result<Option<RecordBatch>> {
        let (Some(picker), Some(selection)) = (&self.picker, &part.selection) else {
            return Ok(None);
        };
        let are_few = |file: Option<&File>| {
            let costs =
                ColumnCost::of_row_group(&self.metadata, part.row_group, &self.columns, file);
            let row: f64 = costs.iter().map(|cost| cost.row).sum();
            part.rows as f64 * row <= self.shares.rows as f64
        };
        // Page headers are only read where the footer does not tell how long texts are.
        if !are_few(None) && !are_few(Some(&self.file)) {
            return Ok(None);
        }
        picker.pick(part.row_group, selection, &self.name).map(Some)
    }

    fn together(&self, parts: &[Part], rows: usize) -> Result<Open> {
        let open = || {
            let file = self.file.try_clone()?;
            let mask = mask(&self.metadata, self.columns.iter().copied());
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                    .with_row_groups(parts.iter().map(|part| part.row_group).collect())
                    .with_projection(mask)
                    .with_batch_size(rows);
            match Part::selection(parts) {
                Some(selection) => builder.with_row_selection(selection).build(),
                None => builder.build(),
            }
        };
        let reader = open().map_err(|error| self.failed(ArrowError::from(error).into()))?;
        Ok(Open::Together(Box::new(reader)))
    }

    fn plan(&self, row_group: usize) -> ReadPlan {
        let plan = |file: Option<&File>| {
            let costs = ColumnCost::of_row_group(&self.metadata, row_group, &self.columns, file);
            let may_stage = |column: usize| {
                let wanted = self.schema.field(column).data_type();
                let packed = plain_type(wanted);
                packed == *wanted || can_cast_types(&packed, wanted)
            };
            ReadPlan::new(&costs, &self.shares, self.limits.batch_rows, may_stage)
        };
        // Page headers are only read if the footer does not show that the columns fit.
        match plan(None) {
            ReadPlan::Together { rows } if rows == self.limits.batch_rows => {
                ReadPlan::Together { rows }
            }
            _ => plan(Some(&self.file)),
        }
    }

    /// Whether the columns of a row group certainly fit according to the footer, with batches of full size.
    fn surely_fits(&self, row_group: usize) -> bool {
        let costs = ColumnCost::of_row_group(&self.metadata, row_group, &self.columns, None);
        let plan = ReadPlan::new(&costs, &self.shares, self.limits.batch_rows, |_| true);
        plan == ReadPlan::Together { rows: self.limits.batch_rows }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let batch = match &mut self.open {
                _ if self.limits.rows == 0 => Ok(None),
                Open::Nothing => Ok(None),
                Open::Picked(batches) => Ok(batches.next()),
                Open::Together(reader) => reader.next().transpose().map_err(ReadError::from),
                Open::Transposed(rows, batches) => match batches.next() {
                    Some(batch) => Ok(Some(batch)),
                    None => rows.next().map(|next| {
                        next.and_then(|batch| {
                            *batches = slices(&batch, self.limits.batch_rows).into_iter();
                            batches.next()
                        })
                    }),
                },
            };
            if let Some(batch) = batch.map_err(|error| self.failed(error))? {
                let batch = batch.slice(0, batch.num_rows().min(self.limits.rows));
                self.limits.rows -= batch.num_rows();
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

    /// The error of the row groups that are open, with the column and row group that are damaged.
    fn failed(&self, error: ReadError) -> Error {
        let error = match error {
            ReadError::Parquet(error) => error,
            ReadError::Scratch(error) => {
                return Error::from(error).with_context(format_args!(
                    "source {}: it needs more memory than is granted, and is read through scratch",
                    self.name
                ));
            }
        };
        match damaged_chunk(&self.file, &self.metadata, &self.open_groups, &self.columns) {
            Some(ChunkPlace { column, row_group }) => {
                let count = self.metadata.metadata().num_row_groups();
                let place = format!("in row group {} of {count}", row_group + 1);
                unreadable(&self.name, &place, error)
                    .with_column(self.metadata.schema().field(column).name())
            }
            None => unreadable(&self.name, "", error),
        }
    }
}

/// The Arrow types in which columns of a file are read: all columns, or some of them.
pub(super) fn schema(
    file: &File,
    metadata: &ArrowReaderMetadata,
    columns: Option<&[usize]>,
) -> Result<SchemaRef, ParquetError> {
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone());
    let builder = match columns {
        Some(columns) => builder.with_projection(mask(metadata, columns.iter().copied())),
        None => builder,
    };
    Ok(builder.with_row_groups(Vec::new()).build()?.schema())
}

/// The projection to some columns.
pub(super) fn mask(
    metadata: &ArrowReaderMetadata,
    columns: impl Iterator<Item = usize>,
) -> ProjectionMask {
    ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), columns)
}

impl Iterator for FileRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
