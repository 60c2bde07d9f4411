//! What each source gives, and what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod compressed;
mod demo;
mod dialects;
mod ecsv;
mod files;
mod fits;
mod foreign;
mod jsonl;
mod many;
mod pushed;
mod sqlite;
mod synth;
mod votable_in_fits;
mod wide_parquet;

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::concat::concat_batches;
use futures::executor::block_on;
use rusqlite::Connection;
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

fn refusal(request: &Request<'_>) -> Error {
    match rows(request) {
        Ok(rows) => panic!("{} rows were given", rows.num_rows()),
        Err(error) => error,
    }
}

fn query<'a>(location: &'a str, sql: &'a str) -> Request<'a> {
    Request::new(location).with_query(sql)
}
