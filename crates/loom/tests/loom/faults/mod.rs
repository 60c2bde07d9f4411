//! Every failure is an error that says what failed, and the output never looks like a complete file.
//!
//! Faults of scratch and of the sink are injected one by one. The other tests write values that a file can't
//! hold, give budgets that are too small, and drop writers before they are closed.

mod budgets;
mod columns;
mod panics;
mod scratch;
mod sink;
mod unfinished;

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{BloomFilterPosition, WriterProperties, WriterPropertiesBuilder};
use taploom_loom::{Error, LoomOptions, LoomWriter, Result, Written};

use crate::common::{every_type, scatter};

const MIB: usize = 1 << 20;

/// A table, its options, and the number of scratch files that they need.
struct Case {
    batches: Vec<RecordBatch>,
    properties: WriterProperties,
    files: usize,
}

impl Case {
    /// Rows, pages, and all of the footer but the row groups go through scratch.
    fn wide() -> Self {
        let batches = (0..6).map(|batch| with_long_words(&every_type(batch * 50, 50))).collect();
        let properties = properties(170).set_data_page_row_count_limit(20).set_write_batch_size(20);
        Self { batches, properties: properties.build(), files: 6 }
    }

    /// Row groups of one row: their sums, the chunks' metadata and the bloom filters go through scratch.
    fn long() -> Self {
        let batch = every_type(0, 200).project(&[0]).unwrap();
        let properties = properties(1).set_bloom_filter_position(BloomFilterPosition::End);
        Self { batches: vec![batch], properties: properties.build(), files: 4 }
    }

    fn options(&self, threads: usize) -> LoomOptions {
        LoomOptions::new()
            .with_properties(self.properties.clone())
            .with_memory_budget(MIB)
            .with_threads(threads)
    }
}

fn properties(row_group_rows: usize) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_bloom_filter_enabled(true)
}

/// Adds a column whose chunks are larger than the memory for waiting pages.
fn with_long_words(batch: &RecordBatch) -> RecordBatch {
    let words = (0..batch.num_rows()).map(|row| format!("{:1200}", scatter(row)));
    let words = StringArray::from_iter_values(words);
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("long words", DataType::Utf8, false)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(words));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Writes and closes. Whatever the outcome, all further calls have to be refused.
fn attempt(
    sink: impl Write + Send,
    schema: SchemaRef,
    batches: &[RecordBatch],
    options: LoomOptions,
) -> Result<Written> {
    let mut writer = LoomWriter::try_new(sink, schema, options)?;
    let outcome = batches.iter().try_for_each(|batch| writer.write(batch));
    let outcome = outcome.and_then(|()| writer.finish());
    assert!(matches!(writer.write(&batches[0]), Err(Error::Unfinished)));
    assert!(matches!(writer.flush(), Err(Error::Unfinished)));
    assert!(matches!(writer.finish(), Err(Error::Unfinished)));
    assert!(matches!(writer.close(), Err(Error::Unfinished)));
    outcome
}

/// The error of writing these batches to a file with this schema. There must be no readable file.
#[track_caller]
fn error_of(schema: &SchemaRef, batches: &[RecordBatch], options: LoomOptions) -> Error {
    let mut file = Vec::new();
    let error = match attempt(&mut file, Arc::clone(schema), batches, options) {
        Ok(written) => panic!("{written:?} of {}", schema.field(0)),
        Err(error) => error,
    };
    assert!(!is_readable(&file), "a file in spite of: {error}");
    error
}

fn is_readable(file: &[u8]) -> bool {
    ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(file)).is_ok()
}

/// All of `0..count`, or 300 of them, with the first and the last.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    let tries = count.min(300);
    (0..tries).map(move |index| index * (count - 1) / (tries - 1).max(1))
}

fn one_column(name: &str, array: ArrayRef, nullable: bool) -> RecordBatch {
    let field = Field::new(name, array.data_type().clone(), nullable);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

fn texts(cells: impl IntoIterator<Item = usize>) -> ArrayRef {
    let cells = cells.into_iter().map(|length| "x".repeat(length));
    Arc::new(StringArray::from_iter_values(cells))
}

fn small() -> LoomOptions {
    LoomOptions::new().with_memory_budget(MIB)
}
