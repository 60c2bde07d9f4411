//! Reads a row group a few columns at a time, through scratch.
//!
//! # The problem
//!
//! Reading rows takes a reader per column, and each reader holds its dictionary, the page that it decodes,
//! and its decompressor. Writers that collect a whole row group in memory make pages of a megabyte and
//! more. A batch of 1,000 such columns takes two gigabytes, however few rows it has.
//!
//! # The idea
//!
//! Columns are divided into groups that are as large as memory allows. One group after the other is read
//! once, from its first row to its last. Its rows are cut into *strips* with the same numbers of rows for
//! every group, and the strips are appended to a scratch file. Each batch is then assembled from one strip
//! of every group:
//!
//! ```text
//!             written ──►
//!     group 0 │strip 0│strip 1│strip 2│...
//!     group 1 │strip 0│strip 1│strip 2│...  each group is a piece of the file
//!        live │       │       │       │     columns that take little memory are read beside
//!               read
//!               in columns of this figure
//! ```
//!
//! Every page is decompressed and decoded once, and every value is written to scratch once and read back
//! once. The loom does the reverse when it writes.
//!
//! # The limits
//!
//! - A column that alone exceeds the memory limit becomes a separate group, because a page can only be
//!   decompressed as a whole.
//! - The first row is available when all groups are in scratch. A limit on the rows shortens that.
//! - Strips are stored in plain types. Dictionaries and views are rebuilt when a strip is read back.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use taploom_packed::{PieceReader, PieceWriter, plain, plain_type};
use taploom_scratch::{ScratchError, ScratchFile};

use super::plan::{ColumnGroup, Transposition};
use super::rows::mask;

/// The rows of a row group that are read: the first `rows` of its selected rows.
pub(super) struct RowGroup<'a> {
    pub(super) file: &'a File,
    pub(super) metadata: &'a ArrowReaderMetadata,
    /// The positions in the file of the columns that are read. Other column numbers here are positions in
    /// this list.
    pub(super) columns: &'a [usize],
    pub(super) index: usize,
    pub(super) rows: usize,
    /// The selected rows; `None` for all rows.
    pub(super) selection: Option<&'a RowSelection>,
}

/// The cause of a failure to read a row group.
pub(super) enum ReadError {
    /// The file can't be read.
    Parquet(ArrowError),
    /// The scratch file can't be written or read.
    Scratch(ScratchError),
}

impl From<ArrowError> for ReadError {
    fn from(error: ArrowError) -> Self {
        Self::Parquet(error)
    }
}

impl From<ScratchError> for ReadError {
    fn from(error: ScratchError) -> Self {
        Self::Scratch(error)
    }
}

impl RowGroup<'_> {
    /// A reader of some of the columns.
    pub(super) fn reader(
        &self,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader, ArrowError> {
        let columns = columns.iter().filter_map(|column| self.columns.get(*column).copied());
        let mask = mask(self.metadata, columns);
        let metadata = self.metadata.clone();
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, metadata)
                .with_row_groups(vec![self.index])
                .with_projection(mask)
                .with_batch_size(batch_rows);
        let whole = builder.metadata().row_group(self.index).num_rows();
        let is_whole = usize::try_from(whole).is_ok_and(|whole| whole <= self.rows);
        let builder = match self.selection {
            Some(selection) => builder.with_row_selection(selection.clone()),
            None => builder,
        };
        // With a limit, the reader makes a selection, even if the limit includes all rows.
        let builder = if is_whole { builder } else { builder.with_limit(self.rows) };
        Ok(builder.build()?)
    }
}

/// The batches of a row group whose columns have been staged.
pub(super) struct TransposedRows {
    schema: SchemaRef,
    live: Vec<usize>,
    live_rows: ParquetRecordBatchReader,
    staged: Vec<StagedGroup>,
    scratch: ScratchFile,
    strip_rows: usize,
    rows_left: usize,
}

/// A group of columns in scratch.
struct StagedGroup {
    columns: Vec<usize>,
    /// The types in which the columns are packed.
    types: Vec<DataType>,
    /// The offset of the next strip, and the lengths of the remaining strips.
    at: u64,
    lengths: std::vec::IntoIter<u32>,
}

impl TransposedRows {
    /// Stages the columns of a row group. The scratch file is emptied first.
    pub(super) fn new(
        row_group: &RowGroup<'_>,
        plan: Transposition,
        schema: SchemaRef,
        mut scratch: ScratchFile,
    ) -> Result<Self, ReadError> {
        scratch.clear();
        let mut out = StripWriter { scratch, buffer: Vec::new(), at_a_time: plan.write_bytes };
        let groups = plan.groups.into_iter();
        let staged = groups.map(|group| StagedGroup::new(row_group, group, plan.rows, &mut out));
        let staged = staged.collect::<Result<_, _>>()?;
        let scratch = out.finish()?;
        let live_rows = row_group.reader(&plan.live, plan.rows)?;
        let (strip_rows, rows_left) = (plan.rows, row_group.rows);
        Ok(Self { schema, live: plan.live, live_rows, staged, scratch, strip_rows, rows_left })
    }

    /// Returns the scratch file for the next row group.
    pub(super) fn into_scratch(self) -> ScratchFile {
        self.scratch
    }

    /// The next rows, made of one strip of each group. `None` after the last rows.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, ReadError> {
        let rows = self.strip_rows.min(self.rows_left);
        if rows == 0 {
            return Ok(None);
        }
        self.rows_left -= rows;
        let mut arrays: Vec<Option<ArrayRef>> = vec![None; self.schema.fields().len()];
        for group in &mut self.staged {
            group.next(&self.scratch, &self.schema, &mut arrays)?;
        }
        if !self.live.is_empty() {
            let batch = self.live_rows.next().ok_or_else(too_few)??;
            for (column, array) in self.live.iter().zip(batch.columns()) {
                arrays[*column] = Some(Arc::clone(array));
            }
        }
        let arrays = arrays.into_iter().collect::<Option<Vec<_>>>().ok_or_else(too_few)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options);
        Ok(Some(batch?))
    }
}

impl StagedGroup {
    /// Reads some columns, and stages them in strips.
    fn new(
        row_group: &RowGroup<'_>,
        group: ColumnGroup,
        strip_rows: usize,
        out: &mut StripWriter,
    ) -> Result<Self, ReadError> {
        let reader = row_group.reader(&group.columns, group.rows)?;
        let fields = RecordBatchReader::schema(&reader);
        let types: Vec<_> = fields.fields().iter().map(|f| plain_type(f.data_type())).collect();
        let at = out.position();
        let mut lengths = Vec::with_capacity(row_group.rows.div_ceil(strip_rows));
        for batch in reader {
            let batch = batch?;
            for first in (0..batch.num_rows()).step_by(strip_rows) {
                let rows = strip_rows.min(batch.num_rows() - first);
                lengths.push(out.write(&batch.slice(first, rows), &types)?);
            }
        }
        Ok(Self { columns: group.columns, types, at, lengths: lengths.into_iter() })
    }

    /// Reads the next strip, and puts its arrays at their positions in the batch.
    fn next(
        &mut self,
        scratch: &ScratchFile,
        schema: &SchemaRef,
        arrays: &mut [Option<ArrayRef>],
    ) -> Result<(), ReadError> {
        let length = self.lengths.next().ok_or_else(too_few)?;
        let mut bytes = MutableBuffer::from_len_zeroed(length as usize);
        scratch.read_exact_at(&mut bytes, self.at)?;
        self.at += u64::from(length);
        let bytes = Buffer::from(bytes);
        let mut strip = PieceReader::new(&bytes)?;
        for (column, packed) in self.columns.iter().zip(&self.types) {
            let array = strip.next(packed)?;
            let wanted = schema.field(*column).data_type();
            let array = if packed == wanted { array } else { cast(&array, wanted)? };
            arrays[*column] = Some(array);
        }
        Ok(())
    }
}

/// Appends strips to scratch.
struct StripWriter {
    scratch: ScratchFile,
    /// Strips that have not been written yet.
    buffer: Vec<u8>,
    /// Size of a write in bytes.
    at_a_time: usize,
}

impl StripWriter {
    /// The offset of the next strip.
    fn position(&self) -> u64 {
        self.scratch.len() + self.buffer.len() as u64
    }

    /// Appends a strip in plain types, and returns its length.
    fn write(&mut self, rows: &RecordBatch, types: &[DataType]) -> Result<u32, ReadError> {
        let start = self.buffer.len();
        let mut strip = PieceWriter::new(&mut self.buffer);
        for (array, data_type) in rows.columns().iter().zip(types) {
            strip.add(&plain(array, data_type)?)?;
        }
        strip.finish();
        let length = u32::try_from(self.buffer.len() - start).map_err(|_| {
            ArrowError::InvalidArgumentError("a strip has more than 4 GiB".to_owned())
        })?;
        if self.buffer.len() >= self.at_a_time {
            self.scratch.append(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(length)
    }

    /// Writes the remaining bytes.
    fn finish(mut self) -> Result<ScratchFile, ReadError> {
        if !self.buffer.is_empty() {
            self.scratch.append(&self.buffer)?;
        }
        Ok(self.scratch)
    }
}

fn too_few() -> ArrowError {
    ArrowError::ParquetError("a column has fewer rows than the row group".to_owned())
}
