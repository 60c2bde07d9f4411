//! Errors that the server reports.

use std::fmt;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message;
use taploom_model::Error;

use crate::server::{Reported, cause, reported_text};

/// A failure of a connection or a query.
pub(super) type Failure = crate::server::Failure<ServerError>;

/// An error that the server reported. It is among the causes of an [`Error`], whose text includes it.
///
/// ```no_run
/// use taploom_sources::postgres::ServerError;
///
/// # let error = taploom_model::Error::new(taploom_model::ErrorKind::Source, "");
/// let sqlstate = ServerError::find(&error).map(|error| &error.sqlstate);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Five characters, listed in appendix A of PostgreSQL's documentation. For example, `42601` is a syntax error.
    pub sqlstate: String,
    /// The server's message.
    pub message: String,
    /// More about the error, or empty.
    pub detail: String,
    /// What to do about it, or empty.
    pub hint: String,
    /// Where in the query the error is, in characters from 1 on. Empty if the server does not say it.
    pub position: String,
}

impl ServerError {
    /// Finds what the server reported among the causes of an error.
    pub fn find(error: &Error) -> Option<&Self> {
        cause(error)
    }

    /// Parses an ErrorResponse, with its header.
    pub(super) fn parse(message: &[u8]) -> Result<Self, Failure> {
        let parsed = Message::parse(&mut BytesMut::from(message)).map_err(Failure::protocol)?;
        let Some(Message::ErrorResponse(body)) = parsed else {
            return Err(Failure::protocol("an error message of another kind"));
        };
        let mut error = Self::default();
        let mut fields = body.fields();
        while let Some(field) = fields.next().map_err(Failure::protocol)? {
            let place = match field.type_() {
                b'C' => &mut error.sqlstate,
                b'M' => &mut error.message,
                b'D' => &mut error.detail,
                b'H' => &mut error.hint,
                b'P' => &mut error.position,
                _ => continue,
            };
            *place = reported_text(field.value_bytes());
        }
        Ok(error)
    }
}

impl Reported for ServerError {
    const SERVER: &'static str = "PostgreSQL";

    fn is_of_the_server(&self) -> bool {
        // 08: connection errors; 40: transactions rolled back; 53: no memory, disk or connection left; 57: queries
        // cancelled or out of time, and shutdowns; 58 and XX: errors of the system and of the server itself; 55P03: a
        // lock that another session holds; 25P03: out of time between two statements; 25P04: a transaction out of time.
        matches!(self.sqlstate.get(..2), Some("08" | "40" | "53" | "57" | "58" | "XX"))
            || matches!(self.sqlstate.as_str(), "55P03" | "25P03" | "25P04")
    }

    fn is_end_of_query(&self) -> bool {
        // A request to cancel the query or its time limit, and the time limit of transactions of servers from version 17 on.
        matches!(self.sqlstate.as_str(), "57014" | "25P04")
    }

    fn is_of_the_moment(&self) -> bool {
        // 53300: too many connections; 57P03: the server starts, recovers or stops.
        matches!(self.sqlstate.as_str(), "53300" | "57P03")
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sqlstate, message, detail, hint, position } = self;
        write!(f, "error {sqlstate}: {message}")?;
        if !position.is_empty() {
            write!(f, " at character {position}")?;
        }
        for more in [detail, hint].into_iter().filter(|more| !more.is_empty()) {
            write!(f, "; {more}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use taploom_model::ErrorKind;

    use super::*;

    #[test]
    fn a_time_limit_is_not_a_wrong_query() {
        let error_of = |sqlstate: &str| {
            let error = ServerError { sqlstate: sqlstate.to_owned(), ..ServerError::default() };
            Failure::Server(error).running(0)
        };
        let shown = |sqlstate| {
            let error = error_of(sqlstate);
            (error.kind(), error.message().contains("was ended on"))
        };
        let states = ["57014", "25P04", "25P03", "57P01", "42601", "22012"];
        let expected = [
            (ErrorKind::Source, true),
            (ErrorKind::Source, true),
            (ErrorKind::Source, false),
            (ErrorKind::Source, false),
            (ErrorKind::InvalidRequest, false),
            (ErrorKind::InvalidRequest, false),
        ];
        assert_eq!(states.map(shown), expected);
    }
}
