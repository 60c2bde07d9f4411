//! The seam behind which Parquet is written.
//!
//! Everything that VOParquet wants of a Parquet writer, and nothing that says which writer it is.

use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use taploom_encoder::{Error, ErrorKind, Output, Result};

use crate::options::{Statistics, VoparquetOptions};

/// Heap that the metadata and the page index of a closed column chunk take until the end of the file;
/// `tests/tests/memory.rs` holds it against the allocator.
const CLOSED_CHUNK_BYTES: usize = 900;

/// A Parquet file in the making, appended to an [`Output`].
pub(crate) struct ParquetFile {
    writer: ArrowWriter<Output>,
    memory_budget: usize,
    row_group_rows: usize,
    /// Bytes of the rows in the open row group, as Arrow holds them.
    row_group_bytes: usize,
}

impl ParquetFile {
    /// Starts a file of columns with unique names, to be written in at most so many bytes of heap.
    pub(crate) fn start(
        schema: SchemaRef,
        options: &VoparquetOptions,
        memory_budget: usize,
        output: Output,
    ) -> Result<Self> {
        let rows = usize::try_from(options.row_group_rows.get()).unwrap_or(usize::MAX);
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("taploom ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(options.compression.0)
            .set_max_row_group_row_count(Some(rows))
            .set_statistics_enabled(match options.statistics {
                Statistics::None => EnabledStatistics::None,
                Statistics::Chunk => EnabledStatistics::Chunk,
                Statistics::Page => EnabledStatistics::Page,
            });
        for field in schema.fields() {
            // Measured floats hardly repeat: a dictionary of them costs time and space.
            if field.data_type().is_floating() {
                let path = ColumnPath::from(vec![field.name().clone()]);
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        let options = ArrowWriterOptions::new()
            .with_properties(properties.build())
            // The Parquet types say it all; the Arrow schema would repeat every column in base64.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(output, schema, options).map_err(failed)?;
        Ok(Self { writer, memory_budget, row_group_rows: rows, row_group_bytes: 0 })
    }

    /// Appends rows. A row group ends at the row with which it has all its rows, or takes half of the
    /// memory budget: at the same rows whatever the size of the batches.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut row = 0;
        while row < batch.num_rows() {
            let group_left = self.row_group_rows - self.writer.in_progress_rows();
            let most = group_left.min(batch.num_rows() - row);
            let (rows, full) = self.rows_that_fit(batch, row, most);
            self.writer.write(&batch.slice(row, rows)).map_err(failed)?;
            row += rows;
            if full {
                self.writer.flush().map_err(failed)?;
            }
            // The writer itself closes a row group that has all its rows.
            if self.writer.in_progress_rows() == 0 {
                self.row_group_bytes = 0;
            }
        }
        Ok(())
    }

    /// Counts rows from `first` on into the row group until it is full.
    ///
    /// Pages are held as they will be written, which for numbers is about their size in Arrow; and a
    /// row group needs its pages once more when it is closed. Hence half of the budget.
    fn rows_that_fit(&mut self, batch: &RecordBatch, first: usize, most: usize) -> (usize, bool) {
        let texts: Vec<_> =
            batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>()).collect();
        // A boolean takes a byte while it waits for its page; a text has an offset.
        let types = batch.columns().iter().map(|column| column.data_type());
        let fixed: usize = types
            .map(|data_type| match data_type {
                DataType::Utf8 => size_of::<i32>(),
                other => other.primitive_width().unwrap_or(1),
            })
            .sum();
        for row in 0..most {
            let text: usize = texts.iter().map(|text| text_length(text, first + row)).sum();
            self.row_group_bytes += fixed + text;
            if self.row_group_bytes > self.memory_budget / 2 {
                return (row + 1, true);
            }
        }
        (most, false)
    }

    /// Bytes of heap that hold rows, and what stays of those that are written.
    pub(crate) fn buffered_bytes(&self) -> usize {
        let closed = self.writer.flushed_row_groups();
        let chunks: usize = closed.iter().map(RowGroupMetaData::num_columns).sum();
        self.writer.memory_size() + chunks * CLOSED_CHUNK_BYTES
    }

    /// Writes the last row group and the footer, with the keys given; returns bytes of column
    /// chunks, and of the file.
    pub(crate) fn finish(mut self, keys: Vec<(String, String)>) -> Result<(u64, u64)> {
        self.writer.flush().map_err(failed)?;
        for (key, value) in keys {
            self.writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        let metadata = self.writer.finish().map_err(failed)?;
        let chunks: i64 = metadata
            .row_groups()
            .iter()
            .flat_map(RowGroupMetaData::columns)
            .map(ColumnChunkMetaData::compressed_size)
            .sum();
        let total = self.writer.inner_mut().finish()?;
        Ok((u64::try_from(chunks).unwrap_or_default(), total))
    }
}

fn text_length(texts: &StringArray, row: usize) -> usize {
    usize::try_from(texts.value_length(row)).unwrap_or(0)
}

/// An error of the sink comes back in a wrapping of the parquet crate.
fn failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(io) => Error::sink(*io),
            Err(other) => {
                Error::new(ErrorKind::Internal, "the Parquet writer failed").with_source(other)
            }
        },
        other => Error::new(ErrorKind::Internal, "the Parquet writer failed").with_source(other),
    }
}
