//! Rows of a real PostgreSQL, which the tests start: types, errors, and how queries end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod connections;
mod ends;
mod random_values;
mod results;
mod same;
mod shapes;
mod types;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use arrow_select::concat::concat_batches;
use serde_json::json;
use taploom_heap_meter::{CountingAllocator, HeapMeter};
use taploom_model::{Error, ErrorKind, Result, RowSource, Step};
use taploom_sources::postgres::{
    self, BatchLimits, PostgresConnection, PostgresOptions, PostgresSource, ServerError, SslMode,
};
use taploom_sources::{ColumnList, Request, open};
use taploom_test_servers::{Postgres, Settings};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// One server for all tests; it ends with them.
static SERVER: LazyLock<Postgres> = LazyLock::new(|| {
    let server = Postgres::start().unwrap();
    server.create_sphere().unwrap();
    server
});

/// All rows of a query, in one batch.
async fn rows_of(location: &str, query: &str, columns: Option<ColumnList>) -> Result<RecordBatch> {
    let request = Request::new(location).with_query(query).with_columns(columns);
    let mut source = open(&request).await?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = source.next().await? {
        assert!(batch.num_rows() <= request.batch_rows, "{} rows", batch.num_rows());
        batches.push(batch);
    }
    let schema = batches.first().map_or(source.schema().arrow().clone(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches).unwrap())
}

async fn rows(query: &str) -> RecordBatch {
    rows_of(&SERVER.url(), query, None).await.unwrap()
}

/// Rows of a query whose columns are declared.
async fn declared(query: &str, columns: serde_json::Value) -> Result<RecordBatch> {
    let columns = serde_json::from_value(columns).unwrap();
    rows_of(&SERVER.url(), query, Some(ColumnList::new(columns))).await
}

async fn start(query: &str, limits: BatchLimits) -> PostgresSource {
    postgres::query(&options(), query, None, limits).await.unwrap()
}

fn options() -> PostgresOptions {
    SERVER.url().parse().unwrap()
}

/// Reads to the end, which is an error. Also returns the number of rows before it.
async fn error_of(source: &mut PostgresSource) -> (usize, Error) {
    let mut rows = 0;
    loop {
        match source.next().await {
            Ok(Step::Rows(batch)) => rows += batch.num_rows(),
            Ok(Step::End(_)) => panic!("the query came to its end"),
            Err(error) => return (rows, error),
        }
    }
}

/// The cells of a column as text, whatever their type.
fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    let cells = cast(batch.column(column), &DataType::Utf8).unwrap();
    cells.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect()
}

const NUMBERS: u32 = 200_000;

/// A query for `rows` rows, each with a number and 100 bytes of text.
fn many(rows: u32) -> String {
    format!("SELECT n, repeat('x', 100) FROM generate_series(1, {rows}) AS n")
}

/// Whether a query with this text runs on the server.
fn runs(marker: &str) -> bool {
    let query =
        "SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()";
    SERVER.sql(query).unwrap().contains(marker)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn server_error(error: &Error) -> &ServerError {
    ServerError::find(error).unwrap_or_else(|| panic!("{error:?}"))
}
