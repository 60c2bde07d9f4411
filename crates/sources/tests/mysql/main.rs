//! Rows of a real MariaDB, which the tests start: types, errors, and how queries end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[path = "../conditions/mod.rs"]
mod conditions;
mod connections;
mod ends;
mod pushed;
mod random_conditions;
mod results;
mod settings;
mod types;

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType, UInt8Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use arrow_select::concat::concat_batches;
use serde_json::json;
use taploom_model::{Datatype, Error, ErrorKind, Result, RowSource, Step};
use taploom_sources::mysql::{
    self, BatchLimits, MysqlConnection, MysqlOptions, MysqlSource, ServerError, Session, SslMode,
};
use taploom_sources::{ColumnList, Request, open};
use taploom_test_servers::{MariaDb, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// One server for all tests; it ends with them.
static SERVER: LazyLock<MariaDb> = LazyLock::new(|| {
    let arguments = vec!["--max-allowed-packet=128M".to_owned()];
    MariaDb::start_with(&Settings { arguments, ..Settings::default() }).unwrap()
});

/// All rows of a query, in one batch.
async fn rows_of(location: &str, query: &str, columns: Option<ColumnList>) -> Result<RecordBatch> {
    rows_for(&Request::new(location).with_query(query).with_columns(columns)).await
}

/// All rows of a request, in one batch.
async fn rows_for(request: &Request<'_>) -> Result<RecordBatch> {
    let mut source = open(request).await?;
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
    rows_of(&SERVER.url(), query, Some(list(columns))).await
}

fn list(columns: serde_json::Value) -> ColumnList {
    let columns = serde_json::from_value(columns).unwrap();
    ColumnList::new(columns)
}

async fn start(query: &str, limits: BatchLimits) -> MysqlSource {
    mysql::query(&options(), query, None, limits).await.unwrap()
}

fn options() -> MysqlOptions {
    SERVER.url().parse().unwrap()
}

/// The cells of a column as text, whatever their type.
fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    let cells = cast(batch.column(column), &DataType::Utf8).unwrap();
    cells.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect()
}

/// One row, one column, declared: its only cell as text.
async fn cell(expression: &str, metadata: serde_json::Value) -> Result<String> {
    let batch = declared(&format!("SELECT {expression} AS x"), json!([metadata])).await?;
    let column = batch.column(0);
    if let DataType::List(_) = column.data_type() {
        let elements = column.as_list::<i32>().value(0);
        let elements = cast(&elements, &DataType::Utf8).unwrap();
        let elements = elements.as_string::<i32>().iter().map(|text| text.unwrap_or("null"));
        return Ok(elements.collect::<Vec<_>>().join(" "));
    }
    Ok(texts(&batch, 0)[0].clone().unwrap_or_else(|| "null".to_owned()))
}

const NUMBERS: u32 = 200_000;

/// A query for `rows` rows, each with a number and 100 bytes of text.
fn many(rows: u32) -> String {
    format!("SELECT seq, REPEAT('x', 100) FROM seq_1_to_{rows}")
}

/// Whether a query with this text runs on the server.
fn runs(marker: &str) -> bool {
    let processes = SERVER.sql("SHOW FULL PROCESSLIST").unwrap();
    processes.lines().any(|line| line.contains(marker) && !line.contains("PROCESSLIST"))
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
