//! Parquet files.

use std::fs::File;

use arrow_array::RecordBatchReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use taploom_encoder::Result;
use taploom_stream::{BatchSource, RowSource};

use super::{batches, described};
use crate::open::{Request, invalid};

pub(super) fn open(file: File, name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let broken = |error: ParquetError| {
        invalid(format!("source {name}: not a whole Parquet file")).with_source(error)
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
    let rows = builder.metadata().file_metadata().num_rows();
    let reader = builder.with_batch_size(request.batch_rows.max(1)).build().map_err(broken)?;
    let schema = described(reader.schema(), request)?;
    let source = BatchSource::new(schema, batches(reader, name.to_owned()));
    Ok(Box::new(source.with_rows_hint(u64::try_from(rows).unwrap_or_default())))
}
