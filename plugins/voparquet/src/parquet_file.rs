//! The seam behind which Parquet is written.
//!
//! Everything that VOParquet wants of a Parquet writer, and nothing that says which writer it is.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use taploom_encoder::{Error, ErrorKind, Output, Result};

use crate::options::{Statistics, VoparquetOptions};

/// Rows after which the memory budget is looked at: counted from the beginning of the result, so that
/// row groups end at the same rows whatever the size of the batches.
const ROWS_BETWEEN_CHECKS: usize = 512;

/// Heap that the metadata and the page index of a closed column chunk take until the end of the file;
/// `tests/tests/memory.rs` holds it against the allocator.
const CLOSED_CHUNK_BYTES: usize = 900;

/// A Parquet file in the making, appended to an [`Output`].
pub(crate) struct ParquetFile {
    writer: ArrowWriter<Output>,
    memory_budget: usize,
    row_group_rows: usize,
    rows_to_check: usize,
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
        Ok(Self {
            writer,
            memory_budget,
            row_group_rows: rows,
            rows_to_check: ROWS_BETWEEN_CHECKS,
            row_group_bytes: 0,
        })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut row = 0;
        while row < batch.num_rows() {
            let group_left = self.row_group_rows - self.writer.in_progress_rows();
            let rows = (batch.num_rows() - row).min(self.rows_to_check).min(group_left);
            let slice = batch.slice(row, rows);
            self.row_group_bytes += bytes_of(&slice);
            self.writer.write(&slice).map_err(failed)?;
            row += rows;
            self.rows_to_check -= rows;
            // The writer closes a row group that has all its rows.
            if self.writer.in_progress_rows() == 0 {
                self.row_group_bytes = 0;
            }
            if self.rows_to_check == 0 {
                self.rows_to_check = ROWS_BETWEEN_CHECKS;
                // Pages are held as they will be written, which for numbers is about their size in
                // Arrow; and a row group needs its pages once more when it is closed.
                if self.row_group_bytes > self.memory_budget / 2 {
                    self.writer.flush().map_err(failed)?;
                    self.row_group_bytes = 0;
                }
            }
        }
        Ok(())
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

/// Bytes of the cells of a batch, whatever else its buffers hold.
fn bytes_of(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    let bytes = columns.map(|column| match column.as_string_opt::<i32>() {
        Some(texts) => {
            let offsets = texts.value_offsets();
            let text = offsets.last().copied().unwrap_or(0) - offsets.first().copied().unwrap_or(0);
            usize::try_from(text).unwrap_or(0) + 4 * texts.len()
        }
        // A boolean takes a byte while it waits for its page.
        None => column.len() * column.data_type().primitive_width().unwrap_or(1),
    });
    bytes.sum()
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
