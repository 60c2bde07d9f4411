//! The rows of a sample, column by column.
//!
//! Few rows of a row group are kept, often one here and one there. The reader of the Parquet crate reads columns side by
//! side, and its time for a row that is alone is that of a hundred rows in a batch. Here one column is read after the other:
//! the pages of codes are walked as those of the keys are, the codes of the rows that are kept are collected, and the values
//! are taken from the dictionary at once. Of a page of values the rows that are kept are decoded.

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

/// Reads rows of row groups.
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
    /// For some columns of a file. `schema` has them alone. `None` if a column is nested, or has a dictionary in Arrow:
    /// dictionaries of several pages may have more values than one can have.
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

    /// The selected rows of a row group.
    ///
    /// # Errors
    /// [`ErrorKind::Source`](taploom_model::ErrorKind::Source) naming the column and the row group if its pages are damaged.
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
                // Whoever needs the dictionary gets it then.
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
                return Err("a page with another number of values than of rows".into());
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

/// The rows of a column that were picked.
struct Picked {
    rows: usize,
    dictionary: Option<ArrayRef>,
    /// Codes of the dictionary, of the last rows.
    codes: Vec<u32>,
    buffer: Vec<u32>,
    /// The rows before these.
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

    /// Takes the values of codes from the dictionary.
    fn decode(&mut self) -> std::result::Result<(), ColumnError> {
        let Some(dictionary) = self.dictionary.as_ref().filter(|_| !self.codes.is_empty()) else {
            return Ok(());
        };
        let null = dictionary.len() as u32;
        let mut codes = std::mem::take(&mut self.codes);
        let nulls = codes.contains(&null).then(|| {
            let nulls: NullBuffer = codes.iter().map(|code| *code != null).collect();
            // Any other code may stand where none is looked at.
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

/// Runs of rows, of which the first have been passed over.
struct Cursor<'a> {
    runs: &'a [RowSelector],
    /// Rows of the first run that were passed over.
    passed: usize,
}

impl Cursor<'_> {
    /// The next `rows` rows. Rows after the last run are not selected.
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
