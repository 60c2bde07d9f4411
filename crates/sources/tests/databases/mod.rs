//! Tests that every database server has to pass. The test program for a server includes this module, and defines `Server`,
//! a type that implements [`Database`], and `SERVER`, the running server that all tests share.

mod columns;
mod connections;
mod ends;
mod greetings;
mod queries;
mod results;
mod tls;

use std::fmt::Debug;
use std::str::FromStr;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use serde_json::json;
use taploom_model::{Error, ErrorKind, Result, RowSource, Step};
use taploom_sources::{ColumnList, Request, open};
use tokio::net::{TcpListener, TcpStream};

use crate::{BatchLimits, SERVER, Server};

/// What differs between the servers and between their clients.
pub(crate) trait Database {
    /// The options that a URL sets.
    type Options: FromStr<Err = Error> + Debug;
    type Connection;
    /// The rows of a query.
    type Source: RowSource;
    /// Ends a query from another task.
    type Canceler;

    /// The scheme of URLs.
    const SCHEME: &'static str;

    // Names of options in a URL.
    const CONNECT_RETRIES: &'static str;
    const CONNECT_TIMEOUT: &'static str;
    const IDLE_TIMEOUT: &'static str;
    /// The size of the largest row.
    const MAX_ROW_BYTES: &'static str;
    const TLS_MODE: &'static str;
    /// A file with the certificates of authorities.
    const TLS_AUTHORITIES: &'static str;
    /// The values of [`TLS_MODE`](Self::TLS_MODE): without TLS; with TLS if the server offers it; with TLS and any
    /// certificate; with a certificate of a known authority; and with one that is also for the host of the URL.
    const TLS_MODES: [&'static str; 5];

    // Codes of errors.
    const WRONG_PASSWORD: &'static str;
    const UNKNOWN_DATABASE: &'static str;
    const SYNTAX_ERROR: &'static str;
    const UNKNOWN_TABLE: &'static str;
    const UNKNOWN_FUNCTION: &'static str;
    const READ_ONLY: &'static str;
    /// The query was cancelled.
    const CANCELED: &'static str;
    /// The text that follows a code in a message.
    const AFTER_CODE: &'static str;

    /// Words of the error if the server wants a password and the URL has none.
    const PASSWORD_NEEDED: &'static str;
    /// Further queries that the server refuses, and the codes of their errors.
    const INVALID_QUERIES: &'static [(&'static str, &'static str)];
    /// Statements that can't be read as rows, and words of their errors.
    const STATEMENTS_WITHOUT_ROWS: &'static [(&'static str, &'static str)];
    /// Further queries whose result is the number 1.
    const QUERIES_FOR_ONE: &'static [&'static str];
    /// A query for the time zone of the session, and its only right answer.
    const TIME_ZONE_QUERY: (&'static str, &'static str);
    /// A query for the TLS version of the connection; its result is null without TLS.
    const TLS_VERSION_QUERY: &'static str;
    /// A query that runs for minutes before its first row.
    const LONG_RUNNING_QUERY: &'static str;
    /// The expression for the id of the session.
    const SESSION_ID: &'static str;

    // Names of types in a CAST.
    const DOUBLE: &'static str;
    const BIGINT: &'static str;
    /// A date with a time, and without a time zone.
    const DATETIME: &'static str;

    /// Number of the first rows of [`numbered_rows`] that take 11,400 bytes together.
    const ROWS_OF_11_400_BYTES: usize;
    /// First bytes of a connection that no server of this kind sends.
    const INVALID_GREETINGS: &'static [&'static [u8]];

    /// A table expression with the numbers from 1 to `rows` in its column `n`.
    fn numbers(rows: u32) -> String;
    /// An expression that takes this time.
    fn sleep(seconds: f64) -> String;
    /// A query for the number of sessions with an id: 0 or 1.
    fn count_sessions(id: &str) -> String;
    /// A column name in quotes.
    fn quoted(name: &str) -> String;

    async fn query(options: &Self::Options, sql: &str, limits: BatchLimits)
    -> Result<Self::Source>;
    fn canceler(source: &Self::Source) -> Self::Canceler;
    async fn cancel(canceler: &Self::Canceler) -> Result<()>;

    /// The code of the server's error, which has to be among the causes of `error`.
    fn code(error: &Error) -> String;

    /// The SQL of all queries that run on the server, except the one that asks for them.
    fn running(&self) -> String;
    /// Whether the query with this text waits because its reader takes no rows.
    fn waits_for_reader(&self, marker: &str) -> bool;
    /// Ends the session whose query has this text.
    fn kill_session(&self, marker: &str);
    /// A query that runs longer than its time limit of 0.3 seconds.
    fn time_limited_query(&self) -> TimeLimitedQuery;
    /// The first bytes that the server sends: damaged at each byte, and cut short after each.
    async fn damaged_greetings(&self) -> Vec<Vec<u8>>;
}

type Options = <Server as Database>::Options;
type Connection = <Server as Database>::Connection;
type Source = <Server as Database>::Source;

/// A query that the server ends because of a time limit, and the code and words of the error.
pub(crate) struct TimeLimitedQuery {
    pub(crate) url: String,
    pub(crate) query: String,
    pub(crate) code: &'static str,
    pub(crate) words: &'static str,
}

/// All rows of a query, in one batch.
pub(crate) async fn rows_of(
    location: &str,
    query: &str,
    columns: Option<ColumnList>,
) -> Result<RecordBatch> {
    rows_for(&Request::new(location).with_query(query).with_columns(columns)).await
}

/// All rows of a request, in one batch.
pub(crate) async fn rows_for(request: &Request<'_>) -> Result<RecordBatch> {
    let mut source = open(request).await?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = source.next().await? {
        assert!(batch.num_rows() <= request.batch_rows, "{} rows", batch.num_rows());
        batches.push(batch);
    }
    let schema = batches.first().map_or(source.schema().arrow().clone(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches).unwrap())
}

/// All rows of a query to the shared server, in one batch.
pub(crate) async fn rows(query: &str) -> RecordBatch {
    rows_of(&SERVER.url(), query, None).await.unwrap()
}

/// All rows of a query whose columns are declared.
pub(crate) async fn declared(query: &str, columns: serde_json::Value) -> Result<RecordBatch> {
    rows_of(&SERVER.url(), query, Some(column_list(columns))).await
}

pub(crate) fn column_list(columns: serde_json::Value) -> ColumnList {
    let columns = serde_json::from_value(columns).unwrap();
    ColumnList::new(columns)
}

/// Starts a query to the shared server.
pub(crate) async fn start_query(query: &str, limits: BatchLimits) -> Source {
    Server::query(&options(), query, limits).await.unwrap()
}

/// The options of connections to the shared server.
pub(crate) fn options() -> Options {
    SERVER.url().parse().unwrap()
}

/// Reads rows until there is an error, and returns the number of rows and the error.
async fn read_to_error(source: &mut Source) -> (usize, Error) {
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
pub(crate) fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    let cells = cast(batch.column(column), &DataType::Utf8).unwrap();
    cells.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect()
}

/// The value of an expression as text, read as a column with these metadata. The elements of a list have spaces between
/// them.
pub(crate) async fn cell(expression: &str, metadata: serde_json::Value) -> Result<String> {
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

/// Reads an expression for the numbers `n` from 1 to 5, whose value for 3 does not fit the declared type. Checks that the
/// error names the column and the row.
pub(crate) async fn assert_names_the_cell(
    expression: &str,
    datatype: &str,
    arraysize: Option<&str>,
    words: &str,
) {
    let query = format!("SELECT {expression} FROM {}", Server::numbers(5));
    let columns = json!([{"name": "x", "datatype": datatype, "arraysize": arraysize}]);
    let error = declared(&query, columns).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error:#}");
    assert_eq!((error.column(), error.row()), (Some("x"), Some(3)), "{error:#}");
    assert!(error.message().contains(words), "{error:#}");
    assert!(error.message().len() < 200, "{error:#}");
}

/// A query for rows with a number and 100 bytes of text each.
fn numbered_rows(rows: u32) -> String {
    format!("SELECT n, REPEAT('x', 100) FROM {}", Server::numbers(rows))
}

/// A query for more rows than any test reads; [`is_running`] finds it by the marker.
fn endless_query(marker: &str) -> String {
    format!("{} {marker}", numbered_rows(50_000_000))
}

/// Whether a query with this text runs on the server.
fn is_running(marker: &str) -> bool {
    SERVER.running().contains(marker)
}

/// Waits for at most 20 seconds until a condition holds. The error says that `what` takes too long.
pub(crate) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
