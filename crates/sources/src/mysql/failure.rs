//! Failures of a connection or a query.

use std::fmt;
use std::io;

use taploom_model::{Error, ErrorKind};

/// An error that the server reported. It is among the causes of an [`Error`], whose text includes it.
///
/// ```no_run
/// use taploom_sources::mysql::ServerError;
///
/// # let error = taploom_model::Error::new(taploom_model::ErrorKind::Source, "");
/// let code = ServerError::find(&error).map(|error| error.code);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The error number, as in `mysqld_error.h`. For example, 1064 is a syntax error.
    pub code: u16,
    /// Five characters that the SQL standard defines, such as `42000`. Empty for errors during the handshake.
    pub sqlstate: String,
    /// The server's message.
    pub message: String,
}

impl ServerError {
    /// Finds what the server reported among the causes of an error.
    pub fn find(error: &Error) -> Option<&Self> {
        let first = std::error::Error::source(error);
        let mut causes = std::iter::successors(first, |cause| cause.source());
        causes.find_map(|cause| cause.downcast_ref())
    }

    /// Parses an error packet, which begins with 0xFF.
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

    /// Whether the query may be right although it failed: the server is in trouble, or somebody ended the query.
    pub(super) fn is_of_the_server(&self) -> bool {
        // 08: connection errors; 40: transactions rolled back; 70: queries killed or out of time.
        matches!(self.sqlstate.get(..2), Some("08" | "40" | "70"))
            // These have the unspecific state HY000: errors of disks, files, memory, locks, shutdown and broken tables.
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

/// A failure, by whether another attempt may help.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection could not be made, or was lost.
    Lost(io::Error),
    /// The server reported an error.
    Server(ServerError),
    /// Any other failure. Another attempt does not help.
    Final(Error),
}

impl Failure {
    pub(super) fn protocol(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let message = "the MySQL server violates its protocol";
        Self::Final(Error::new(ErrorKind::Source, message).with_source(what))
    }

    /// Whether another attempt may succeed.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Server(error) => error.is_of_the_moment(),
            Self::Final(_) => false,
        }
    }

    /// The error for a failure while connecting to `address`.
    pub(super) fn connecting(self, address: &str) -> Error {
        match self {
            Self::Lost(error) => Error::new(ErrorKind::Source, "can't connect to the MySQL server")
                .with_source(format!("{address}: {error}")),
            Self::Server(error) => {
                let kind = match error.is_of_the_server() || error.is_of_the_moment() {
                    true => ErrorKind::Source,
                    false => ErrorKind::InvalidRequest,
                };
                Error::new(kind, "the MySQL server refuses the connection").with_source(error)
            }
            Self::Final(error) => error,
        }
    }

    /// The error for a failure while a query runs. `rows` is the number of rows that were read before.
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
