//! Failures of a connection or a query.

use std::fmt;

use taploom_model::Error;

use crate::server::{Reported, cause, reported_text};

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
        cause(error)
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
        Self { code, sqlstate: reported_text(sqlstate), message: reported_text(message) }
    }
}

impl Reported for ServerError {
    const SERVER: &'static str = "MySQL";

    fn is_of_the_server(&self) -> bool {
        // 08: connection errors; 40: transactions rolled back; 70: queries killed or out of time.
        matches!(self.sqlstate.get(..2), Some("08" | "40" | "70"))
            // These have an unspecific state: errors of disks, files, memory, locks, shutdown and broken tables, the limits of
            // an account, and what proxies report of their own connections (2006 and 2013).
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
                    | 1226
                    | 1317
                    | 1836
                    | 1969
                    | 2006
                    | 2013
                    | 3024
                    | 3032
            )
    }

    fn is_end_of_query(&self) -> bool {
        // KILL QUERY, and the time limits of MariaDB and of MySQL.
        matches!(self.code, 1317 | 1969 | 3024)
    }

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

/// A failure of a connection or a query.
pub(super) type Failure = crate::server::Failure<ServerError>;

#[cfg(test)]
mod tests {
    use taploom_model::ErrorKind;

    use super::*;

    #[test]
    fn a_server_or_a_proxy_in_trouble_is_not_a_wrong_query() {
        let kind = |(code, sqlstate): (u16, &str)| {
            let (sqlstate, message) = (sqlstate.to_owned(), String::new());
            Failure::Server(ServerError { code, sqlstate, message }).running(0).kind()
        };
        // Shut down, limits of an account, lost behind a proxy (twice), off line.
        let troubles =
            [(1053, "08S01"), (1226, "42000"), (2006, "HY000"), (2013, "HY000"), (3032, "HY000")];
        assert_eq!(troubles.map(kind), [ErrorKind::Source; 5]);
        // The syntax, a table, a number.
        let wrong = [(1064, "42000"), (1146, "42S02"), (1690, "22003")];
        assert_eq!(wrong.map(kind), [ErrorKind::InvalidRequest; 3]);
    }

    #[test]
    fn a_long_message_is_cut() {
        let packet = [&b"\xff\x28\x04#42000"[..], &b"x".repeat(1 << 20)[..]].concat();
        let error = ServerError::parse(&packet);
        assert_eq!((error.code, error.sqlstate.as_str()), (1064, "42000"));
        assert!(error.message.len() < 3000, "{} bytes", error.message.len());
    }
}
