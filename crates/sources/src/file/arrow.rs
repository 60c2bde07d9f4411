//! Arrow IPC files and streams.

use std::fs::File;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::ArrowError;
use taploom_model::{BatchSource, RowSource};
use taploom_model::{Error, Result};

use self::by_footer::FileBatches;
use self::in_turn::StreamBatches;
use super::batches;
use super::metadata::{Described, in_arrow};
use crate::open::{Request, invalid};

mod by_footer;
mod in_turn;
mod memory;

pub(super) fn open_file(
    file: File,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let reader = FileBatches::new(file).map_err(|e| broken(name, e))?;
    source(reader, name, request)
}

pub(super) fn open_stream(
    file: File,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let reader = StreamBatches::new(file).map_err(|e| broken(name, e))?;
    source(reader, name, request)
}

fn broken(name: &str, error: ArrowError) -> Error {
    invalid(format!("source {name}: not a whole Arrow file")).with_source(error)
}

/// arrow-ipc reads values as they stand.
fn in_own_order(schema: arrow_ipc::Schema<'_>) -> std::result::Result<(), ArrowError> {
    if schema.endianness().equals_to_target_endianness() {
        return Ok(());
    }
    let message = "the values are in the order of bytes of another kind of machine";
    Err(ArrowError::NotYetImplemented(message.to_owned()))
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
    let ending = described.ending(name);
    Ok(Box::new(BatchSource::new(described.schema, slices).with_ending(ending)))
}

fn slices(batch: &RecordBatch, most: usize) -> Vec<Result<RecordBatch>> {
    let rows = batch.num_rows();
    (0..rows).step_by(most).map(|row| Ok(batch.slice(row, most.min(rows - row)))).collect()
}
