//! Cases for every database server. A program of tests includes this module. It has the type `Server`, which says by
//! [`Database`] what differs, and `SERVER`, the server that runs for all cases.

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

/// What differs from one server, and its client, to another.
pub(crate) trait Database {
    /// The options that a URL gives.
    type Options: FromStr<Err = Error> + Debug;
    type Connection;
    /// The rows of a query.
    type Source: RowSource;
    /// Ends a query from another task.
    type Stopper;

    /// The URL before its colon.
    const SCHEME: &'static str;
    const CONNECT_RETRIES: &'static str;
    const CONNECT_TIMEOUT: &'static str;
    const IDLE_TIMEOUT: &'static str;
    /// The option for the size of the largest row.
    const MAX_ROW: &'static str;
    const TLS_MODE: &'static str;
    /// The option for a file of certificate authorities.
    const TLS_AUTHORITIES: &'static str;
    /// No TLS, TLS if it is offered, any certificate, any host, and this host only.
    const TLS_MODES: [&'static str; 5];

    // Codes of errors.
    const WRONG_PASSWORD: &'static str;
    const UNKNOWN_DATABASE: &'static str;
    const SYNTAX_ERROR: &'static str;
    const UNKNOWN_TABLE: &'static str;
    const UNKNOWN_FUNCTION: &'static str;
    const READ_ONLY: &'static str;
    /// Somebody ended the query.
    const STOPPED: &'static str;
    /// What follows a code in a message.
    const AFTER_CODE: &'static str;

    /// The message if a password is needed, and there is none.
    const NO_PASSWORD: &'static str;
    /// Further queries that are wrong, and the codes of their errors.
    const WRONG: &'static [(&'static str, &'static str)];
    /// Statements that can't be read, and words of the message.
    const WITHOUT_ROWS: &'static [(&'static str, &'static str)];
    /// Further queries for the number 1.
    const ONE: &'static [&'static str];
    /// A query for the time zone of the session, and its only right answer.
    const TIME_ZONE: (&'static str, &'static str);
    /// A query for the version of TLS, or null.
    const TLS_VERSION: &'static str;
    /// A query that gives nothing for a very long time.
    const LONG: &'static str;
    /// An expression that takes so many SECONDS.
    const PAUSE: &'static str;
    /// The expression for the number of this session.
    const SESSION: &'static str;
    /// Where to look for a session, up to its number.
    const SESSIONS: &'static str;
    /// The name of the type of doubles in a CAST.
    const DOUBLE: &'static str;
    /// The name of the type of 64-bit integers in a CAST.
    const LONG_INTEGER: &'static str;
    /// The name of the type of times without a zone.
    const TIME: &'static str;
    /// How many of the first rows of [`many`] have 11,400 bytes.
    const ROWS_OF_11_400_BYTES: usize;
    /// What only a server of another kind would send.
    const FOREIGN: &'static [&'static [u8]];

    /// A table with the numbers from 1 on in its column n.
    fn numbers(rows: u32) -> String;
    /// A name of a column in quotes.
    fn quoted(name: &str) -> String;

    async fn query(options: &Self::Options, sql: &str, limits: BatchLimits)
    -> Result<Self::Source>;
    fn stopper(source: &Self::Source) -> Self::Stopper;
    async fn stop(stopper: &Self::Stopper) -> Result<()>;

    /// The code of the server's error, which has to be among the causes.
    fn code(error: &Error) -> String;

    /// Everything that runs on the server, except this question.
    fn running(&self) -> String;
    /// Whether a query with this text waits because its reader takes nothing.
    fn waits_for_reader(&self, marker: &str) -> bool;
    /// Ends the session whose query has this text.
    fn end_session(&self, marker: &str);
    /// The query and the URL for it with a time limit of 0.3 seconds, and the code and the words of the error.
    fn with_time_limit(&self) -> TimeLimit;
    /// The first bytes that the server sends, in every way damaged or cut short.
    async fn damaged_greetings(&self) -> Vec<Vec<u8>>;
}

type Options = <Server as Database>::Options;
type Connection = <Server as Database>::Connection;
type Source = <Server as Database>::Source;

/// A query that the server ends itself.
pub(crate) struct TimeLimit {
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

pub(crate) async fn rows(query: &str) -> RecordBatch {
    rows_of(&SERVER.url(), query, None).await.unwrap()
}

/// Rows of a query whose columns are declared.
pub(crate) async fn declared(query: &str, columns: serde_json::Value) -> Result<RecordBatch> {
    rows_of(&SERVER.url(), query, Some(list(columns))).await
}

pub(crate) fn list(columns: serde_json::Value) -> ColumnList {
    let columns = serde_json::from_value(columns).unwrap();
    ColumnList::new(columns)
}

pub(crate) async fn start(query: &str, limits: BatchLimits) -> Source {
    Server::query(&options(), query, limits).await.unwrap()
}

pub(crate) fn options() -> Options {
    SERVER.url().parse().unwrap()
}

/// Reads to the end, which is an error. Also returns the number of rows before it.
async fn error_of(source: &mut Source) -> (usize, Error) {
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

/// One row, one column, declared: its only cell as text.
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

/// Checks the error for the third of five rows, whose cell does not fit its column.
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

/// A query for `rows` rows, each with a number and 100 bytes of text.
fn many(rows: u32) -> String {
    format!("SELECT n, REPEAT('x', 100) FROM {}", Server::numbers(rows))
}

/// A query for more rows than any test reads, which [`runs`] finds by the marker.
fn endless(marker: &str) -> String {
    format!("{} {marker}", many(50_000_000))
}

/// Whether a query with this text runs on the server.
fn runs(marker: &str) -> bool {
    SERVER.running().contains(marker)
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
