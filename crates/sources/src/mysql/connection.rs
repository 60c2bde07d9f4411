//! A connection to a server: runs statements and queries, and can end a query from another task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use taploom_model::{Error, ErrorKind, Result};

use super::column::DeclaredColumn;
use super::failure::{Failure, ServerError};
use super::handshake::{connect, first_byte, parsed};
use super::options::{MysqlOptions, Session};
use super::row::RowCells;
use super::wire::Wire;
use crate::error::invalid;
use crate::server::{check_runtime, retried, run_in_background};

/// The command COM_QUERY.
const QUERY: u8 = 3;
/// The command COM_QUIT.
const QUIT: u8 = 1;
/// Time limit for ending a query. Tests do not wait as long.
const KILL_LIMIT: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5000 });

/// A logged-in connection to a MySQL or MariaDB server.
///
/// If it is dropped while a query runs, the query is ended in the background.
pub struct MysqlConnection {
    pub(super) wire: Wire,
    killer: QueryKiller,
    /// Whether the server is still working on a statement, or its answer has not been read to the end.
    pub(super) is_busy: bool,
    /// Whether it only ends the query of another connection.
    is_for_kill: bool,
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
        // If a server does not answer KILL, another KILL for that one would not be answered either, and so on for ever.
        if self.is_busy && !self.is_for_kill {
            self.killer.kill_in_background();
        }
    }
}

impl MysqlConnection {
    /// Connects. After a failure that may be temporary, tries again up to [`MysqlOptions::connect_retries`] times.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the user, password or database is wrong, or if TLS is required but not
    /// possible; [`ErrorKind::Source`] if the server can't be reached or accepts no more connections;
    /// [`ErrorKind::Misuse`] outside a tokio runtime. No error shows the password.
    pub async fn connect(options: &MysqlOptions) -> Result<Self> {
        let error = |last: Failure| last.connecting(&options.address());
        retried(options.connect_retries, || Self::attempt(options), error).await
    }

    async fn attempt(options: &MysqlOptions) -> Result<Self, Failure> {
        check_runtime("mysql://")?;
        let (wire, connection) = connect(options).await?;
        let target =
            Target { options: options.clone(), connection, killed: AtomicBool::new(false) };
        let killer = QueryKiller(Arc::new(target));
        let mut connected = Self { wire, killer, is_busy: false, is_for_kill: false };
        if options.session == Session::UtcReadOnly {
            // A global sql_select_limit would silently leave out rows.
            let settings = "SET time_zone = '+00:00', sql_select_limit = 18446744073709551615";
            connected.statement(settings).await?;
            connected.statement("SET SESSION TRANSACTION READ ONLY").await?;
        }
        Ok(connected)
    }

    /// Runs a statement and returns the number of rows that it changed. If it returns rows, they are discarded. With
    /// [`Session::UtcReadOnly`] the server refuses to change tables.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`], with a [`ServerError`] as its source, if the statement is wrong;
    /// [`ErrorKind::Source`] if the server or the connection fails.
    pub async fn execute(&mut self, statement: &str) -> Result<u64> {
        self.statement(statement).await.map_err(|failure| failure.running(0))
    }

    async fn statement(&mut self, statement: &str) -> Result<u64, Failure> {
        let outcome = self.start_and_drain(statement).await;
        self.settled(outcome)
    }

    async fn start_and_drain(&mut self, statement: &str) -> Result<u64, Failure> {
        match self.start(statement).await? {
            QueryAnswer::Done { changed } => Ok(changed),
            QueryAnswer::Rows { columns } => {
                for _ in 0..columns {
                    self.wire.packet().await?;
                }
                // One packet ends the column definitions, another one the rows.
                for _ in 0..2 {
                    while !self.row().await? {}
                }
                Ok(0)
            }
        }
    }

    /// Notes the end of a statement: its answer was read to the end, or it failed.
    pub(super) fn settled<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        match outcome {
            Ok(done) => {
                self.is_busy = false;
                Ok(done)
            }
            Err(failure) => Err(self.settle(failure)),
        }
    }

    pub(super) fn options(&self) -> &MysqlOptions {
        &self.killer.0.options
    }

    /// Notes whether the server may still be working on the statement that failed.
    pub(super) fn settle(&mut self, failure: Failure) -> Failure {
        self.is_busy = failure.leaves_server_busy();
        failure
    }

    /// Reads a row and discards it. Returns true at the end of the rows.
    async fn row(&mut self) -> Result<bool, Failure> {
        Ok(is_end(unless_error(self.wire.packet().await?)?))
    }

    /// Starts a query and reads the definitions of its columns.
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
            return Err(Failure::protocol("more columns than announced"));
        }
        Ok(declared)
    }

    /// Sends a command with a query, and returns the first packet of the answer. If it is an error packet, fails with
    /// that error.
    pub(super) async fn ask(&mut self, command: u8, query: &str) -> Result<&[u8], Failure> {
        let mut message = Vec::with_capacity(query.len() + 1);
        message.push(command);
        message.extend_from_slice(query.as_bytes());
        self.is_busy = true;
        self.wire.command(&message).await?;
        unless_error(self.wire.packet().await?)
    }

    /// Sends a query, and reads what kind of answer follows.
    async fn start(&mut self, query: &str) -> Result<QueryAnswer, Failure> {
        match self.ask(QUERY, query).await? {
            [first_byte::OK, rest @ ..] => {
                let changed = RowCells::new(rest).length().unwrap_or_default();
                Ok(QueryAnswer::Done { changed: changed as u64 })
            }
            // The server may ask for any file of the client. No file is ever sent.
            [first_byte::FILE_WANTED, ..] => {
                let message =
                    "the query would read a local file (LOCAL INFILE), which is not allowed";
                Err(Failure::Final(invalid(message.to_owned())))
            }
            packet => match RowCells::new(packet).length() {
                Some(columns) => Ok(QueryAnswer::Rows { columns }),
                None => Err(Failure::protocol("an unexpected reply to the query")),
            },
        }
    }

    /// A handle that can end the query of this connection.
    pub fn killer(&self) -> QueryKiller {
        self.killer.clone()
    }

    /// Closes the connection. If it is only dropped, the server logs it as aborted.
    pub async fn close(mut self) {
        // The connection ends in any case.
        let _ = self.wire.command(&[QUIT]).await;
    }
}

enum QueryAnswer {
    Done { changed: u64 },
    Rows { columns: usize },
}

/// Returns a packet unless it reports an error.
pub(super) fn unless_error(packet: &[u8]) -> Result<&[u8], Failure> {
    match packet.first() {
        Some(&first_byte::ERROR) => Err(Failure::Server(ServerError::parse(packet))),
        _ => Ok(packet),
    }
}

/// Whether a packet marks the end of the rows, instead of being a row.
pub(super) fn is_end(packet: &[u8]) -> bool {
    // A row whose first cell has 16 MiB or more begins with the same byte, but it is longer.
    packet.len() < 9 && packet.first() == Some(&first_byte::SWITCH_OR_END)
}

/// Ends the query of a connection, from any task. It sends KILL QUERY over a second connection.
#[derive(Debug, Clone)]
pub struct QueryKiller(Arc<Target>);

#[derive(Debug)]
struct Target {
    options: MysqlOptions,
    connection: u32,
    killed: AtomicBool,
}

impl QueryKiller {
    /// Ends the query, within 5 seconds. The source that reads it then fails, unless it has received all rows
    /// already. If the query has ended already, that is not an error.
    ///
    /// # Errors
    /// The same as [`MysqlConnection::connect`] and [`MysqlConnection::execute`].
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
            connection.is_for_kill = true;
            let done = connection.execute(&format!("KILL QUERY {}", target.connection)).await;
            connection.close().await;
            done
        };
        let late =
            || Error::new(ErrorKind::Source, "the MySQL server did not end the query in time");
        match tokio::time::timeout(KILL_LIMIT, kill).await.map_err(|_| late())? {
            Err(error) if server_code(&error) == Some(NO_SUCH_CONNECTION) => Ok(()),
            done => done.map(drop),
        }
    }

    /// Whether [`kill`](Self::kill) was called. If the query then fails, it failed because it was ended.
    pub fn was_used(&self) -> bool {
        self.0.killed.load(Ordering::Relaxed)
    }

    /// Ends the query from code that can't await.
    pub(super) fn kill_in_background(&self) {
        let killer = self.clone();
        // If this fails, the server notices the closed connection when it sends more rows.
        run_in_background("mysql-kill", || async move { killer.kill().await });
    }
}

/// The server's error ER_NO_SUCH_THREAD.
const NO_SUCH_CONNECTION: u16 = 1094;

fn server_code(error: &Error) -> Option<u16> {
    ServerError::find(error).map(|error| error.code)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// The packet of a greeting without TLS, and the one that takes any password.
    fn greeting_and_welcome() -> [Vec<u8>; 2] {
        let mut greeting = b"\x0a8.0.0\0\x07\0\0\x0012345678\0".to_vec();
        // Half of the capabilities, the collation, the status, and the other half.
        greeting.extend_from_slice(b"\x00\x82\x2d\x02\0\x08\0\x15");
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"123456789012\0mysql_native_password\0");
        let header = [greeting.len() as u8, 0, 0, 0];
        [[&header[..], &greeting[..]].concat(), b"\x07\0\0\x02\0\0\0\x02\0\0\0".to_vec()]
    }

    /// Lets a client log in, and does not answer what it says then.
    async fn hang(mut client: TcpStream) -> std::io::Result<()> {
        let [greeting, welcome] = greeting_and_welcome();
        client.write_all(&greeting).await?;
        let mut header = [0; 4];
        client.read_exact(&mut header).await?;
        let mut login = vec![0; usize::from(header[0])];
        client.read_exact(&mut login).await?;
        client.write_all(&welcome).await?;
        tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop)
    }

    #[tokio::test]
    async fn a_server_that_hangs_is_told_once_to_end_a_query() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = MysqlOptions { host: "127.0.0.1".to_owned(), port, ..Default::default() };
        let target = Target { options, connection: 7, killed: AtomicBool::new(false) };
        let killer = QueryKiller(Arc::new(target));
        let mut clients = 0;
        let serve = async {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                clients += 1;
                tokio::spawn(hang(client));
            }
        };
        let kill = async {
            let killed = killer.kill().await;
            // A KILL for the connection that was given up would come by now.
            tokio::time::sleep(2 * KILL_LIMIT).await;
            killed
        };
        let error = tokio::select! {
            () = serve => None,
            killed = kill => killed.err(),
        };
        assert!(error.is_some());
        assert_eq!(clients, 1);
    }
}
