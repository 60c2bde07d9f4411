//! A connection to a server: describes queries, and can cancel a query from another task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use taploom_model::{Error, ErrorKind, Result};

use super::column::DeclaredColumn;
use super::failure::Failure;
use super::handshake::{CancelKey, connect, open};
use super::options::PostgresOptions;
use super::wire::Wire;
use crate::error::invalid;
use crate::server::{check_runtime, retried, run_in_background};

/// Time limit for cancelling a query.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// A logged-in connection to a PostgreSQL server.
///
/// If it is dropped while a query runs, the query is cancelled in the background.
pub struct PostgresConnection {
    pub(super) wire: Wire,
    canceler: QueryCanceler,
    /// The time limit of a query, unless the server's is left.
    statement_timeout: Option<Duration>,
    /// Whether the server is still working on a statement, or its answer has not been read to the end.
    pub(super) is_busy: bool,
}

impl fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { canceler, is_busy, .. } = self;
        f.debug_struct("PostgresConnection")
            .field("canceler", canceler)
            .field("is_busy", is_busy)
            .finish_non_exhaustive()
    }
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        if self.is_busy {
            let canceler = self.canceler.clone();
            // If this fails, the server notices the closed connection when it sends more rows.
            run_in_background("postgres-cancel", || async move { canceler.cancel().await });
        }
    }
}

impl PostgresConnection {
    /// Connects. After a failure that may be temporary, tries again up to [`PostgresOptions::connect_retries`] times.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the user, password or database is wrong, or if TLS is required but not
    /// possible; [`ErrorKind::Source`] if the server can't be reached or accepts no more connections;
    /// [`ErrorKind::Misuse`] outside a tokio runtime. No error shows the password.
    pub async fn connect(options: &PostgresOptions) -> Result<Self> {
        let error = |last: Failure| last.connecting(&options.address());
        retried(options.connect_retries, || Self::attempt(options), error).await
    }

    async fn attempt(options: &PostgresOptions) -> Result<Self, Failure> {
        check_runtime("postgres://")?;
        let (wire, key) = connect(options).await?;
        let target = Target { options: options.clone(), key, used: AtomicBool::new(false) };
        Ok(Self {
            wire,
            canceler: QueryCanceler(Arc::new(target)),
            statement_timeout: options.statement_timeout,
            is_busy: false,
        })
    }

    /// A handle that can cancel the query of this connection.
    pub fn canceler(&self) -> QueryCanceler {
        self.canceler.clone()
    }

    /// Begins a transaction that reads only, in which the server writes texts as they are parsed here.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        let mut sql =
            "BEGIN READ ONLY; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; \
             SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; \
             SET LOCAL bytea_output = 'hex'"
                .to_owned();
        if let Some(limit) = self.statement_timeout {
            sql.push_str(&format!("; SET LOCAL statement_timeout = {}", limit.as_millis()));
        }
        // Otherwise the query of a process that was killed goes on until it sends rows. Servers before version 14 do not have
        // this setting, and those of some systems refuse any other value than 0.
        sql.push_str(
            "; SELECT pg_catalog.set_config(name, '5s', true) FROM pg_catalog.pg_settings \
             WHERE name = 'client_connection_check_interval' AND setting = '0' \
             AND pg_catalog.version() LIKE '%linux%'",
        );
        self.simple_query(&sql).await.map(drop)
    }

    /// Ends the transaction and the connection. The server's answer is not waited for.
    ///
    /// Nothing that the query did is kept: a transaction that reads only may still notify others and, before version 16,
    /// create large objects.
    pub(super) async fn end(&mut self) {
        self.is_busy = false;
        let ending = self.wire.send(|bytes| {
            frontend::query("ROLLBACK", bytes)?;
            frontend::terminate(bytes);
            Ok(())
        });
        // The rows are there, and the connection ends in any case.
        let _ = ending.await;
    }

    /// Notes whether the server may still be working on the statement that failed.
    pub(super) fn settle(&mut self, failure: Failure) -> Failure {
        self.is_busy = failure.leaves_server_busy();
        failure
    }

    /// The columns of a query, which is not run.
    pub(super) async fn describe(&mut self, query: &str) -> Result<Vec<DeclaredColumn>, Failure> {
        self.is_busy = true;
        self.wire
            .send(|bytes| {
                frontend::parse("", query, [], bytes)?;
                frontend::describe(b'S', "", bytes)?;
                frontend::sync(bytes);
                Ok(())
            })
            .await?;
        let mut columns = None;
        loop {
            match self.wire.parsed().await? {
                Message::ParseComplete | Message::NoData => {}
                Message::ParameterDescription(body) => {
                    let parameters = body.parameters().count().map_err(Failure::protocol)?;
                    if parameters > 0 {
                        let message = "the query has a parameter ($1), for which there is no value";
                        return Err(Failure::Final(invalid(message)));
                    }
                }
                Message::RowDescription(body) => {
                    let fields = body.fields().map(|field| Ok(DeclaredColumn::by_server(&field)));
                    columns = Some(fields.collect().map_err(Failure::protocol)?);
                }
                Message::ReadyForQuery(_) => break,
                _ => return Err(Failure::protocol("an unexpected reply to the query")),
            }
        }
        columns.ok_or_else(|| Failure::Final(invalid("the query gives no rows; a SELECT does")))
    }

    /// Runs a query. `formats` are the formats of the columns: 0 for text, 1 for binary.
    ///
    /// The server checks the rights of the user and makes its plan before this returns.
    pub(super) async fn start(&mut self, query: &str, formats: Vec<i16>) -> Result<(), Failure> {
        self.is_busy = true;
        let bind = |bytes: &mut BytesMut| {
            frontend::parse("", query, [], bytes)?;
            let no_values = std::iter::empty::<()>();
            let value = |(), _: &mut BytesMut| Ok(IsNull::Yes);
            let bound = frontend::bind("", "", [], no_values, value, formats, bytes);
            bound.map_err(|_| std::io::ErrorKind::InvalidInput)?;
            frontend::flush(bytes);
            Ok(())
        };
        self.wire.send(bind).await?;
        loop {
            match self.wire.parsed().await? {
                Message::ParseComplete => {}
                Message::BindComplete => break,
                _ => return Err(Failure::protocol("an unexpected reply to the query")),
            }
        }
        let execute = |bytes: &mut BytesMut| {
            frontend::execute("", 0, bytes)?;
            frontend::sync(bytes);
            Ok(())
        };
        self.wire.send(execute).await
    }

    /// Runs statements and returns the rows of the last one that has any, as text.
    pub(super) async fn simple_query(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Vec<Option<String>>>, Failure> {
        self.is_busy = true;
        self.wire.send(|bytes| frontend::query(sql, bytes)).await?;
        let mut rows = Vec::new();
        loop {
            match self.wire.parsed().await? {
                Message::DataRow(body) => {
                    let bytes = body.buffer();
                    let cells = body.ranges().map(|range| {
                        let cell = range.and_then(|range| bytes.get(range));
                        Ok(cell.map(|cell| String::from_utf8_lossy(cell).into_owned()))
                    });
                    rows.push(cells.collect().map_err(Failure::protocol)?);
                }
                Message::RowDescription(_) => rows.clear(),
                Message::CommandComplete(_) | Message::EmptyQueryResponse => {}
                Message::ReadyForQuery(_) => break,
                _ => return Err(Failure::protocol("an unexpected reply to a statement")),
            }
        }
        self.is_busy = false;
        Ok(rows)
    }
}

/// Cancels the query of a connection, from any task, over a second connection.
#[derive(Debug, Clone)]
pub struct QueryCanceler(Arc<Target>);

#[derive(Debug)]
struct Target {
    options: PostgresOptions,
    key: Option<CancelKey>,
    used: AtomicBool,
}

impl QueryCanceler {
    /// Asks the server to cancel the query, within 5 seconds. The source that reads it then fails, unless it has
    /// received all rows already. If the query has ended already, that is not an error.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] if the server can't be reached, or gave no key with which a query can be cancelled.
    pub async fn cancel(&self) -> Result<()> {
        let Target { options, key, used } = &*self.0;
        used.store(true, Ordering::Relaxed);
        let Some(CancelKey { process, secret }) = *key else {
            let message = "the PostgreSQL server gave no key with which its query can be cancelled";
            return Err(Error::new(ErrorKind::Source, message));
        };
        let cancel = async {
            let mut wire = open(options).await?;
            wire.send(|bytes| {
                frontend::cancel_request(process, secret, bytes);
                Ok(())
            })
            .await?;
            // The server sends nothing, and closes the connection once it has passed the request on.
            match wire.byte().await {
                Err(Failure::Lost(_)) => Ok(()),
                Err(failure) => Err(failure),
                Ok(_) => Err(Failure::protocol("an unexpected reply to the request to cancel")),
            }
        };
        let late = || {
            Error::new(ErrorKind::Source, "the PostgreSQL server did not cancel the query in time")
        };
        let done = tokio::time::timeout(CANCEL_LIMIT, cancel).await.map_err(|_| late())?;
        done.map_err(|failure| failure.connecting(&options.address()))
    }

    /// Whether [`cancel`](Self::cancel) was called. If the query then fails, it failed because it was cancelled.
    pub fn was_used(&self) -> bool {
        self.0.used.load(Ordering::Relaxed)
    }
}
