//! Arrow IPC files and streams.

use std::fs::File;
use std::io::BufReader;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::ArrowError;
use taploom_encoder::{Error, Result};
use taploom_stream::{BatchSource, RowSource};

use super::batches;
use super::metadata::{Described, FileSource, in_arrow};
use crate::open::{Request, invalid};

pub(super) fn open_file(
    file: File,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let reader = FileReader::try_new(BufReader::new(file), None).map_err(|e| broken(name, e))?;
    source(reader, name, request)
}

pub(super) fn open_stream(
    file: File,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let reader = StreamReader::try_new(BufReader::new(file), None).map_err(|e| broken(name, e))?;
    source(reader, name, request)
}

fn broken(name: &str, error: ArrowError) -> Error {
    invalid(format!("source {name}: not a whole Arrow file")).with_source(error)
}

/// Batches of a file have any size; slices of them share their memory.
fn source(
    reader: impl RecordBatchReader + Send + 'static,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let described = Described::new(reader.schema(), request, in_arrow)?;
    let most = request.batch_rows.max(1);
    let slices = batches(reader, name.to_owned()).flat_map(move |batch| match batch {
        Err(error) => vec![Err(error)],
        Ok(batch) => slices(&batch, most),
    });
    let rows = BatchSource::new(described.schema, slices);
    Ok(Box::new(FileSource { rows, overflowed: false, notes: described.notes }))
}

fn slices(batch: &RecordBatch, most: usize) -> Vec<Result<RecordBatch>> {
    let rows = batch.num_rows();
    (0..rows).step_by(most).map(|row| Ok(batch.slice(row, most.min(rows - row)))).collect()
}
