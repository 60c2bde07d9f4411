//! Rows of a real PostgreSQL, which the tests start: types, errors, and how queries end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod database;
#[path = "../databases/mod.rs"]
mod databases;
mod left_behind;
mod logins;
mod odd_queries;
mod odd_values;
mod psql;
mod random_values;
mod roles;
mod shapes;
mod types;

use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use serde_json::json;
use taploom_model::{ErrorKind, RowSource};
use taploom_sources::postgres::{
    self, BatchLimits, PostgresConnection, PostgresOptions, PostgresSource, ServerError,
};
use taploom_sources::{Request, open};
use taploom_test_servers::Postgres;

use self::databases::{declared, rows, rows_of, texts};

/// The server that [`databases`] tests.
type Server = Postgres;

/// One server for all tests. It is stopped at their end.
static SERVER: LazyLock<Postgres> = LazyLock::new(|| {
    let server = Postgres::start().unwrap();
    server.create_sphere().unwrap();
    server
});
