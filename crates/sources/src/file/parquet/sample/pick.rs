//! Reads the rows of a sample, column by column.
//!
//! A sample keeps few rows of a row group, and they are often far apart. The reader of the Parquet crate reads all
//! columns together, and takes as long for a single row as for a hundred rows in a batch. This module reads one
//! column after the other. If the values of a page are dictionary codes, the codes of the kept rows are collected,
//! and their values are taken from the dictionary all at once. From other pages only the kept rows are decoded.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat;
use arrow_select::take::take;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use taploom_model::Result;

use super::super::bounds::Columns;
use super::coded::CodedPage;
use super::damage::{ColumnError, RowGroupPlace};
use super::page::PageDecoder;
use super::read_ahead::ReadAhead;

/// Reads selected rows of row groups.
pub(in crate::file::parquet) struct RowPicker {
    file: ReadAhead,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
    columns: Vec<PickedColumn>,
}

struct PickedColumn {
    name: String,
    leaf: usize,
    decoder: PageDecoder,
}

impl RowPicker {
    /// Prepares to read `columns`; `schema` has exactly these columns. `None` if a column is nested, or if it is a
    /// dictionary in Arrow: the dictionaries of several pages together may have more values than the Arrow type
    /// allows.
    ///
    /// # Errors
    /// If the file can't be opened again, or a column can't be read.
    pub(in crate::file::parquet) fn new(
        file: &std::fs::File,
        metadata: &ArrowReaderMetadata,
        columns: &[usize],
        schema: &SchemaRef,
    ) -> std::result::Result<Option<Self>, ParquetError> {
        let leaves = Columns::new(metadata.metadata(), metadata.schema());
        let mut picked = Vec::with_capacity(columns.len());
        for (column, field) in columns.iter().zip(schema.fields()) {
            let is_coded =
                matches!(field.data_type(), DataType::Dictionary(..) | DataType::RunEndEncoded(..));
            let Some(leaf) = leaves.leaf(*column).filter(|_| !is_coded) else { return Ok(None) };
            let decoder = PageDecoder::new(metadata, leaf)?;
            picked.push(PickedColumn { name: field.name().clone(), leaf, decoder });
        }
        Ok(Some(Self {
            file: ReadAhead::new(file.try_clone()?)?,
            metadata: Arc::clone(metadata.metadata()),
            schema: Arc::clone(schema),
            columns: picked,
        }))
    }

    /// Reads the selected rows of a row group.
    ///
    /// # Errors
    /// [`ErrorKind::Source`](taploom_model::ErrorKind::Source) naming the column and the row group if its pages are
    /// damaged.
    pub(in crate::file::parquet) fn pick(
        &self,
        row_group: usize,
        selection: &RowSelection,
        source: &str,
    ) -> Result<RecordBatch> {
        let place = RowGroupPlace { source, row_group, count: self.metadata.num_row_groups() };
        let runs: Vec<RowSelector> = selection.iter().copied().collect();
        let rows = selected(&runs);
        let mut arrays = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let array = self.column(column, row_group, &runs, rows);
            arrays.push(array.map_err(|error| error.at(&place, &column.name))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| place.damaged("can't be put together").with_source(error))
    }

    fn column(
        &self,
        column: &PickedColumn,
        row_group: usize,
        runs: &[RowSelector],
        wanted: usize,
    ) -> std::result::Result<ArrayRef, ColumnError> {
        let group = self.metadata.row_group(row_group);
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let chunk = group.column(column.leaf);
        let file = Arc::new(self.file.clone());
        let mut pages = SerializedPageReader::new(file, chunk, rows, None)?;
        let mut picked = Picked::new(wanted);
        let mut cursor = Cursor { runs, passed: 0 };
        while picked.rows < wanted {
            let next = pages.peek_next_page()?.ok_or("fewer rows than the row group has")?;
            let rows = match next.num_rows.or(next.num_levels) {
                Some(rows) if !next.is_dict => rows,
                // The dictionary is read when a page needs it.
                _ => {
                    pages.skip_next_page()?;
                    continue;
                }
            };
            let runs = cursor.take(rows);
            let selected = selected(&runs);
            if selected == 0 {
                pages.skip_next_page()?;
                continue;
            }
            let page = pages.get_next_page()?.ok_or("fewer rows than the row group has")?;
            if page.num_values() as usize != rows {
                return Err("a page whose number of values is not its number of rows".into());
            }
            if CodedPage::is_coded(&page) {
                let dictionary = match picked.dictionary.take() {
                    Some(dictionary) => dictionary,
                    None => {
                        let page = pages.take_deferred_dictionary()?;
                        column.decoder.dictionary(
                            page.ok_or("a page of codes without a dictionary before it")?,
                        )?
                    }
                };
                let null = u32::try_from(dictionary.len()).map_err(|_| "too many values")?;
                picked.dictionary = Some(dictionary);
                let page = CodedPage::new(&page, column.decoder.has_levels(), null)?;
                picked.append_codes(page, &runs)?;
            } else {
                picked.append_array(column.decoder.rows(page, runs, selected)?)?;
            }
            picked.rows += selected;
        }
        picked.finish(column.decoder.data_type())
    }
}

/// The rows that were read of a column so far: first `arrays`, then `codes`.
struct Picked {
    rows: usize,
    dictionary: Option<ArrayRef>,
    /// The dictionary codes of the last rows, whose values are not looked up yet.
    codes: Vec<u32>,
    buffer: Vec<u32>,
    /// The values of the rows before `codes`.
    arrays: Vec<ArrayRef>,
}

impl Picked {
    fn new(rows: usize) -> Self {
        let codes = Vec::with_capacity(rows);
        Self { rows: 0, dictionary: None, codes, buffer: Vec::new(), arrays: Vec::new() }
    }

    fn append_codes(
        &mut self,
        mut page: CodedPage,
        runs: &[RowSelector],
    ) -> std::result::Result<(), ColumnError> {
        for run in runs {
            if run.skip {
                page.skip(run.row_count)?;
                continue;
            }
            let mut left = run.row_count;
            while left > 0 {
                left -= match page.next(left, &mut self.buffer)? {
                    Some((code, times)) => {
                        self.codes.extend(std::iter::repeat_n(code, times));
                        times
                    }
                    None => {
                        self.codes.extend_from_slice(&self.buffer);
                        self.buffer.len()
                    }
                };
            }
        }
        Ok(())
    }

    fn append_array(&mut self, array: ArrayRef) -> std::result::Result<(), ColumnError> {
        self.decode()?;
        self.arrays.push(array);
        Ok(())
    }

    /// Looks up the values of `codes` in the dictionary, and appends them to `arrays`.
    fn decode(&mut self) -> std::result::Result<(), ColumnError> {
        let Some(dictionary) = self.dictionary.as_ref().filter(|_| !self.codes.is_empty()) else {
            return Ok(());
        };
        let null = dictionary.len() as u32;
        let mut codes = std::mem::take(&mut self.codes);
        let nulls = codes.contains(&null).then(|| {
            let nulls: NullBuffer = codes.iter().map(|code| *code != null).collect();
            // The codes of null rows are ignored, but they have to be within the dictionary.
            codes.iter_mut().filter(|code| **code == null).for_each(|code| *code = 0);
            nulls
        });
        self.arrays.push(match nulls {
            _ if dictionary.is_empty() => new_null_array(dictionary.data_type(), codes.len()),
            nulls => take(dictionary, &UInt32Array::new(codes.into(), nulls), None)?,
        });
        Ok(())
    }

    fn finish(mut self, data_type: &DataType) -> std::result::Result<ArrayRef, ColumnError> {
        self.decode()?;
        match &self.arrays[..] {
            [] => Ok(new_null_array(data_type, 0)),
            [array] => Ok(Arc::clone(array)),
            arrays => {
                let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
                Ok(concat(&arrays)?)
            }
        }
    }
}

/// A position in a list of runs.
struct Cursor<'a> {
    runs: &'a [RowSelector],
    /// Number of rows of the first run that are before the position.
    passed: usize,
}

impl Cursor<'_> {
    /// Takes the runs of the next `rows` rows. Rows after the last run are not selected.
    fn take(&mut self, rows: usize) -> Vec<RowSelector> {
        let (mut taken, mut left) = (Vec::new(), rows);
        while left > 0 {
            let Some((run, rest)) = self.runs.split_first() else {
                taken.push(RowSelector::skip(left));
                break;
            };
            let row_count = (run.row_count - self.passed).min(left);
            taken.push(RowSelector { row_count, skip: run.skip });
            left -= row_count;
            self.passed += row_count;
            if self.passed == run.row_count {
                (self.runs, self.passed) = (rest, 0);
            }
        }
        taken
    }
}

fn selected(runs: &[RowSelector]) -> usize {
    runs.iter().filter(|run| !run.skip).map(|run| run.row_count).sum()
}
