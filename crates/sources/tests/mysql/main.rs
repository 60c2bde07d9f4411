//! Rows of a real MariaDB, which the tests start: types, errors, and how queries end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[path = "../conditions/mod.rs"]
mod conditions;
mod database;
#[path = "../databases/mod.rs"]
mod databases;
mod pushed;
mod random_conditions;
mod settings;
mod statements;
mod types;

use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType, UInt8Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use serde_json::json;
use taploom_model::{Datatype, Error, ErrorKind, Result, RowSource};
use taploom_sources::mysql::{
    self, BatchLimits, MysqlConnection, MysqlOptions, MysqlSource, ServerError, Session,
};
use taploom_sources::{ColumnList, Request};
use taploom_test_servers::{MariaDb, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use self::databases::{
    assert_names_the_cell, cell, column_list, declared, options, rows, rows_for, rows_of,
    start_query, texts,
};

/// The server that [`databases`] tests.
type Server = MariaDb;

/// One server for all tests. It is stopped at their end.
static SERVER: LazyLock<MariaDb> = LazyLock::new(|| {
    let arguments = vec!["--max-allowed-packet=128M".to_owned()];
    MariaDb::start_with(&Settings { arguments, ..Settings::default() }).unwrap()
});

fn server_error(error: &Error) -> &ServerError {
    ServerError::find(error).unwrap_or_else(|| panic!("{error:?}"))
}
