//! What can go wrong between here and a server.

use std::fmt;
use std::io;

use taploom_model::{Error, ErrorKind};

/// An error that the server gave, in its own words; the cause of an [`Error`] that says it too.
///
/// ```no_run
/// use std::error::Error as _;
/// use taploom_sources::mysql::ServerError;
///
/// # let error = taploom_model::Error::new(taploom_model::ErrorKind::Source, "");
/// let code = error.source().and_then(|cause| cause.downcast_ref::<ServerError>()).map(|error| error.code);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Of `mysqld_error.h`: 1064 for a syntax error.
    pub code: u16,
    /// Five characters of the SQL standard: `42000`. Empty before the password was taken.
    pub sqlstate: String,
    /// Of the server.
    pub message: String,
}

impl ServerError {
    /// From a packet that begins with 0xFF.
    pub(super) fn parse(packet: &[u8]) -> Self {
        let code = match packet {
            [_, low, high, ..] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        };
        let rest = packet.get(3..).unwrap_or_default();
        let (sqlstate, message) = match rest {
            [b'#', rest @ ..] if rest.len() >= 5 => rest.split_at(5),
            rest => (&[][..], rest),
        };
        Self {
            code,
            sqlstate: String::from_utf8_lossy(sqlstate).into_owned(),
            message: String::from_utf8_lossy(message).into_owned(),
        }
    }

    /// Whether the query can be right all the same: the server is in trouble, or somebody ended it.
    pub(super) fn is_of_the_server(&self) -> bool {
        // 08: connections, 40: transactions undone, 70: killed, or out of time.
        matches!(self.sqlstate.get(..2), Some("08" | "40" | "70"))
            // Of the state HY000, which says nothing: disks, files, memory, locks, shutdown, broken tables.
            || matches!(
                self.code,
                3 | 5
                    | 12
                    | 23
                    | 1021
                    | 1023..=1026
                    | 1028
                    | 1030
                    | 1033..=1038
                    | 1041
                    | 1053
                    | 1114
                    | 1135
                    | 1194
                    | 1195
                    | 1205
                    | 1206
                    | 1317
                    | 1836
                    | 1969
                    | 3024
            )
    }

    /// Whether the server had no room for one more connection.
    fn is_of_the_moment(&self) -> bool {
        matches!(self.code, 1040 | 1203 | 1226)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.code)?;
        if !self.sqlstate.is_empty() {
            write!(f, " ({})", self.sqlstate)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ServerError {}

/// What went wrong, so that whoever asked can tell whether to ask again.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection, or no more.
    Lost(io::Error),
    /// The server says so.
    Server(ServerError),
    /// All the rest; asking again does not help.
    Final(Error),
}

impl Failure {
    pub(super) fn protocol(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let message = "the MySQL server sends what is not of its protocol";
        Self::Final(Error::new(ErrorKind::Source, message).with_source(what))
    }

    /// Whether another connection may do better.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Server(error) => error.is_of_the_moment(),
            Self::Final(_) => false,
        }
    }

    /// While connecting to `address`.
    pub(super) fn connecting(self, address: &str) -> Error {
        match self {
            Self::Lost(error) => Error::new(ErrorKind::Source, "can't connect to the MySQL server")
                .with_source(format!("{address}: {error}")),
            Self::Server(error) => {
                let kind = match error.is_of_the_server() || error.is_of_the_moment() {
                    true => ErrorKind::Source,
                    false => ErrorKind::InvalidRequest,
                };
                Error::new(kind, "the MySQL server takes no connection").with_source(error)
            }
            Self::Final(error) => error,
        }
    }

    /// While a query runs, after so many rows.
    pub(super) fn running(self, rows: u64) -> Error {
        let after = match rows {
            0 => "before the first row".to_owned(),
            1 => "after 1 row".to_owned(),
            rows => format!("after {rows} rows"),
        };
        match self {
            Self::Lost(error) => Error::new(
                ErrorKind::Source,
                format!("the connection to the MySQL server was lost {after}"),
            )
            .with_source(error),
            Self::Server(error) if error.is_of_the_server() => {
                Error::new(ErrorKind::Source, format!("the MySQL server stopped {after}"))
                    .with_source(error)
            }
            Self::Server(error) => {
                Error::new(ErrorKind::InvalidRequest, "the query is wrong").with_source(error)
            }
            Self::Final(error) => error,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}
