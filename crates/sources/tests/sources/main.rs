//! The rows of each source, and what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod compressed;
#[path = "../conditions/mod.rs"]
mod conditions;
mod csv;
mod demo;
mod dialects;
mod ecsv;
mod file_metadata;
mod files;
mod fits;
mod fits_in_votable;
mod foreign;
mod jsonl;
mod many;
mod pushed;
mod sampled;
mod sqlite;
mod synth;
mod votable;
mod wide_parquet;

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::concat::concat_batches;
use futures::executor::block_on;
use rusqlite::Connection;
use taploom_format::{EncoderPlugin, EncoderRegistry};
use taploom_model::{ColumnMetadata, Datatype, Error, ErrorKind, Result, Step};
use taploom_sources::{ColumnList, Request, open};

/// All rows of a request, in one batch.
fn rows(request: &Request<'_>) -> Result<RecordBatch> {
    let mut source = block_on(open(request))?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = block_on(source.next())? {
        assert!(batch.num_rows() <= request.batch_rows, "{} rows", batch.num_rows());
        batches.push(batch);
    }
    let schema = batches.first().map_or(source.schema().arrow().clone(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches).unwrap())
}

/// The path of a file in the test data.
fn file(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// All rows of a file with this name and content.
fn rows_of(name: &str, content: &str) -> Result<RecordBatch> {
    rows_as(None, name, content)
}

/// As [`rows_of`], with an input format.
fn rows_as(format: Option<&str>, name: &str, content: &str) -> Result<RecordBatch> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    rows(&Request::new(path.to_str().unwrap()).with_input_format(format))
}

/// The cells of a column as text; `-` stands for null.
fn shown(rows: &RecordBatch, name: &str) -> String {
    let column = rows.column_by_name(name).unwrap();
    let options = FormatOptions::new().with_null("-");
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    (0..rows.num_rows()).map(|row| formatter.value(row).to_string()).collect::<Vec<_>>().join("|")
}

/// Writes the rows of a request to a file in this format. The folder is removed with the returned guard.
fn encoded(request: &Request<'_>, plugin: EncoderPlugin) -> (tempfile::TempDir, String) {
    let format = plugin.info().id;
    let spec = EncoderRegistry::new([plugin]).unwrap().request(format).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("rows.{format}"));
    let sink = Box::new(std::fs::File::create(&path).unwrap());
    let mut source = block_on(open(request)).unwrap();
    block_on(taploom_pipeline::run(&mut source, &spec, sink, &mut |_| ())).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

/// Random numbers, the same for the same seed.
fn random_numbers(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    }
}

/// The error of a request that has to fail.
fn refusal(request: &Request<'_>) -> Error {
    match rows(request) {
        Ok(rows) => panic!("{} rows were given", rows.num_rows()),
        Err(error) => error,
    }
}

/// A request with a query.
fn query<'a>(location: &'a str, sql: &'a str) -> Request<'a> {
    Request::new(location).with_query(sql)
}
