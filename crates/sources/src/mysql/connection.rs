//! A connection: statements, queries, and how to end a query from another task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use taploom_model::{Error, ErrorKind, Result};
use tokio::runtime::Handle;

use super::column::DeclaredColumn;
use super::failure::{Failure, ServerError};
use super::handshake::{connect, first_byte, parsed};
use super::options::{MysqlOptions, Session};
use super::row::RowCells;
use super::wire::Wire;
use crate::error::invalid;

/// COM_QUERY.
const QUERY: u8 = 3;
/// COM_QUIT.
const QUIT: u8 = 1;
/// Time limit for ending a query.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// A connection to a MySQL or MariaDB server that is logged in.
///
/// Dropping it while a query runs ends the query, in the background.
pub struct MysqlConnection {
    pub(super) wire: Wire,
    killer: QueryKiller,
    /// Whether the server works on a statement whose answer was not read to its end.
    pub(super) is_busy: bool,
}

impl fmt::Debug for MysqlConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { killer, is_busy, .. } = self;
        f.debug_struct("MysqlConnection")
            .field("killer", killer)
            .field("is_busy", is_busy)
            .finish_non_exhaustive()
    }
}

impl Drop for MysqlConnection {
    fn drop(&mut self) {
        if self.is_busy {
            self.killer.kill_in_background();
        }
    }
}

impl MysqlConnection {
    /// Connects. After a failure that may pass, it tries again as often as the options say.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for a wrong user, password or database, or TLS that can't be;
    /// [`ErrorKind::Source`] for a server that can't be reached, or that has no room;
    /// [`ErrorKind::Misuse`] outside a tokio runtime. None shows the password.
    pub async fn connect(options: &MysqlOptions) -> Result<Self> {
        let mut retries = Retries::new(options);
        loop {
            match Self::attempt(options).await {
                Ok(connection) => return Ok(connection),
                Err(failure) => {
                    let error = |last: Failure| last.connecting(&options.address());
                    retries.after(failure, error).await?;
                }
            }
        }
    }

    async fn attempt(options: &MysqlOptions) -> Result<Self, Failure> {
        // Tokio panics without a runtime.
        if Handle::try_current().is_err() {
            let message = "mysql:// needs a tokio runtime with I/O and time";
            return Err(Failure::Final(Error::new(ErrorKind::Misuse, message)));
        }
        let (wire, connection) = connect(options).await?;
        let target =
            Target { options: options.clone(), connection, killed: AtomicBool::new(false) };
        let mut connected = Self { wire, killer: QueryKiller(Arc::new(target)), is_busy: false };
        if options.session == Session::UtcReadOnly {
            connected.statement("SET time_zone = '+00:00'").await?;
            connected.statement("SET SESSION TRANSACTION READ ONLY").await?;
        }
        Ok(connected)
    }

    /// Runs a statement and returns the number of rows that it changed. Rows that it gives are discarded. With [`Session::UtcReadOnly`] the server refuses to change tables.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] with a [`ServerError`] as its source for a statement that is wrong,
    /// [`ErrorKind::Source`] where the server or the connection fails.
    pub async fn execute(&mut self, statement: &str) -> Result<u64> {
        self.statement(statement).await.map_err(|failure| failure.running(0))
    }

    async fn statement(&mut self, statement: &str) -> Result<u64, Failure> {
        let outcome = self.start_and_drain(statement).await;
        match outcome {
            Ok(changed) => {
                self.is_busy = false;
                Ok(changed)
            }
            Err(failure) => Err(self.settle(failure)),
        }
    }

    async fn start_and_drain(&mut self, statement: &str) -> Result<u64, Failure> {
        match self.start(statement).await? {
            QueryAnswer::Done { changed } => Ok(changed),
            QueryAnswer::Rows { columns } => {
                for _ in 0..columns {
                    self.wire.packet().await?;
                }
                // The end of the columns, then of the rows.
                for _ in 0..2 {
                    while !self.row().await? {}
                }
                Ok(0)
            }
        }
    }

    /// Notes whether the server still works on what failed.
    pub(super) fn settle(&mut self, failure: Failure) -> Failure {
        self.is_busy = match &failure {
            Failure::Server(_) => false,
            Failure::Lost(error) => error.kind() == std::io::ErrorKind::TimedOut,
            Failure::Final(_) => true,
        };
        failure
    }

    /// Reads a row and discards it; true at the end of the rows.
    async fn row(&mut self) -> Result<bool, Failure> {
        let packet = self.wire.packet().await?;
        if packet.first() == Some(&first_byte::ERROR) {
            return Err(Failure::Server(ServerError::parse(packet)));
        }
        Ok(is_end(packet))
    }

    /// Starts a query, and reads which columns it has.
    pub(super) async fn columns_of(&mut self, query: &str) -> Result<Vec<DeclaredColumn>, Failure> {
        let columns = match self.start(query).await? {
            QueryAnswer::Rows { columns } => columns,
            QueryAnswer::Done { .. } => {
                self.is_busy = false;
                let message = "the query gives no rows; a SELECT does".to_owned();
                return Err(Failure::Final(invalid(message)));
            }
        };
        self.declared(columns).await
    }

    /// Reads the definitions of `columns` columns.
    pub(super) async fn declared(
        &mut self,
        columns: usize,
    ) -> Result<Vec<DeclaredColumn>, Failure> {
        let mut declared = Vec::with_capacity(columns.min(10_000));
        for _ in 0..columns {
            declared.push(DeclaredColumn::by_server(&parsed(self.wire.packet().await?)?));
        }
        if !self.row().await? {
            return Err(Failure::protocol("more columns than it said"));
        }
        Ok(declared)
    }

    /// Sends a command with a query, and reads the first packet of the answer, which is not an error.
    pub(super) async fn ask(&mut self, command: u8, query: &str) -> Result<&[u8], Failure> {
        let mut message = Vec::with_capacity(query.len() + 1);
        message.push(command);
        message.extend_from_slice(query.as_bytes());
        self.is_busy = true;
        self.wire.command(&message).await?;
        let packet = self.wire.packet().await?;
        match packet.first() {
            Some(&first_byte::ERROR) => Err(Failure::Server(ServerError::parse(packet))),
            _ => Ok(packet),
        }
    }

    /// Sends a query, and reads what kind of answer follows.
    async fn start(&mut self, query: &str) -> Result<QueryAnswer, Failure> {
        match self.ask(QUERY, query).await? {
            [first_byte::OK, rest @ ..] => {
                let changed = RowCells::new(rest).length().unwrap_or_default();
                Ok(QueryAnswer::Done { changed: changed as u64 })
            }
            // Files of this machine are never sent.
            [first_byte::FILE_WANTED, ..] => {
                let message =
                    "the query wants a file of this machine (LOCAL INFILE), which is refused";
                Err(Failure::Final(invalid(message.to_owned())))
            }
            packet => match RowCells::new(packet).length() {
                Some(columns) => Ok(QueryAnswer::Rows { columns }),
                None => Err(Failure::protocol("an unexpected reply to the query")),
            },
        }
    }

    /// A handle that ends what runs on this connection.
    pub fn killer(&self) -> QueryKiller {
        self.killer.clone()
    }

    /// Closes the connection. Dropping it does the same, but the server logs it as aborted.
    pub async fn close(mut self) {
        // A failure does not matter any more.
        let _ = self.wire.command(&[QUIT]).await;
    }
}

enum QueryAnswer {
    Done { changed: u64 },
    Rows { columns: usize },
}

/// Whether a packet in the place of a row says that there are no more.
pub(super) fn is_end(packet: &[u8]) -> bool {
    // A cell of 16 MiB and more begins with the same byte.
    packet.len() < 9 && packet.first() == Some(&first_byte::SWITCH_OR_END)
}

/// Ends the query of a connection, from any task, by KILL QUERY over a connection of its own.
#[derive(Debug, Clone)]
pub struct QueryKiller(Arc<Target>);

#[derive(Debug)]
struct Target {
    options: MysqlOptions,
    connection: u32,
    killed: AtomicBool,
}

impl QueryKiller {
    /// Ends the query; the source that reads it gives an error, unless it has all rows already. It
    /// takes up to 5 seconds. Ending a query that has ended already is not an error.
    ///
    /// # Errors
    /// As of [`MysqlConnection::connect`] and [`MysqlConnection::execute`].
    pub async fn kill(&self) -> Result<()> {
        let target = &*self.0;
        target.killed.store(true, Ordering::Relaxed);
        let options = MysqlOptions {
            connect_timeout: KILL_LIMIT,
            connect_retries: 0,
            session: Session::Unchanged,
            database: None,
            ..target.options.clone()
        };
        let kill = async {
            let mut connection = MysqlConnection::connect(&options).await?;
            let done = connection.execute(&format!("KILL QUERY {}", target.connection)).await;
            connection.close().await;
            done
        };
        let late =
            || Error::new(ErrorKind::Source, "the MySQL server does not end the query in time");
        match tokio::time::timeout(KILL_LIMIT, kill).await.map_err(|_| late())? {
            Err(error) if server_code(&error) == Some(NO_SUCH_CONNECTION) => Ok(()),
            done => done.map(drop),
        }
    }

    /// Whether [`kill`](Self::kill) was called: then a query that fails was ended.
    pub fn was_used(&self) -> bool {
        self.0.killed.load(Ordering::Relaxed)
    }

    /// Ends the query from a place that can't await.
    pub(super) fn kill_in_background(&self) {
        let killer = self.clone();
        let thread = std::thread::Builder::new().name("mysql-kill".to_owned());
        let started = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                // Best effort: the server notices when it sends the next rows.
                let _ = runtime.block_on(killer.kill());
            }
        });
        // A program that is about to end would take the thread with it; a runtime must not wait.
        if Handle::try_current().is_err()
            && let Ok(thread) = started
        {
            let _ = thread.join();
        }
    }
}

/// ER_NO_SUCH_THREAD.
const NO_SUCH_CONNECTION: u16 = 1094;

fn server_code(error: &Error) -> Option<u16> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<ServerError>().map(|error| error.code)
}

/// Counts the attempts that are left, and waits longer before each.
pub(super) struct Retries {
    left: u32,
    pause: Duration,
}

impl Retries {
    pub(super) fn new(options: &MysqlOptions) -> Self {
        Self { left: options.connect_retries, pause: Duration::from_millis(200) }
    }

    /// Waits before the next attempt, or returns the error if there is none left.
    pub(super) async fn after(
        &mut self,
        failure: Failure,
        error: impl FnOnce(Failure) -> Error,
    ) -> Result<()> {
        if self.left == 0 || !failure.may_pass() {
            return Err(error(failure));
        }
        self.left -= 1;
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(5));
        Ok(())
    }
}
