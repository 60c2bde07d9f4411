//! Failures of a connection or a query.

use std::io;

use taploom_model::{Error, ErrorKind};

/// An error that a server reports.
pub(crate) trait Reported: std::error::Error + Send + Sync + 'static {
    /// The name of the server in messages.
    const SERVER: &'static str;

    /// Whether the query may be right although it failed: the server is in trouble, or somebody ended the query.
    fn is_of_the_server(&self) -> bool;

    /// Whether somebody ended the query, or a time limit did.
    fn is_end_of_query(&self) -> bool;

    /// Whether the server had no room for one more connection.
    fn is_of_the_moment(&self) -> bool;
}

/// Finds an error of this type among the causes of an error.
pub(crate) fn cause<E: Reported>(error: &Error) -> Option<&E> {
    let first = std::error::Error::source(error);
    let mut causes = std::iter::successors(first, |cause| cause.source());
    causes.find_map(|cause| cause.downcast_ref())
}

/// The longest text of a server that is kept, in bytes. An error may repeat a value of many MB.
const MAX_TEXT: usize = 2000;

/// A text of an error of a server. Before the login, a server writes in its own character set.
pub(crate) fn reported_text(text: &[u8]) -> String {
    let Some(start) = text.get(..MAX_TEXT).filter(|start| start.len() < text.len()) else {
        return String::from_utf8_lossy(text).into_owned();
    };
    let mut shown = String::from_utf8_lossy(start).into_owned();
    // The cut may be within a character.
    shown.truncate(shown.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
    shown + "..."
}

/// A failure, by whether another attempt may help.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    /// The connection could not be made, or was lost.
    Lost(io::Error),
    /// The server reported an error.
    Server(E),
    /// Any other failure. Another attempt does not help.
    Final(Error),
}

impl<E: Reported> Failure<E> {
    pub(crate) fn protocol(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let message = format!("the {} server violates its protocol", E::SERVER);
        Self::Final(Error::new(ErrorKind::Source, message).with_source(what))
    }

    /// Whether another attempt may succeed.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Server(error) => error.is_of_the_moment(),
            Self::Final(_) => false,
        }
    }

    /// Whether the server may still be working on the statement that failed.
    pub(crate) fn leaves_server_busy(&self) -> bool {
        match self {
            Self::Server(_) => false,
            Self::Lost(error) => error.kind() == io::ErrorKind::TimedOut,
            Self::Final(_) => true,
        }
    }

    /// The error for a failure while connecting to `address`.
    pub(crate) fn connecting(self, address: &str) -> Error {
        match self {
            Self::Lost(error) => {
                let message = format!("can't connect to the {} server", E::SERVER);
                Error::new(ErrorKind::Source, message).with_source(format!("{address}: {error}"))
            }
            Self::Server(error) => {
                let kind = match error.is_of_the_server() || error.is_of_the_moment() {
                    true => ErrorKind::Source,
                    false => ErrorKind::InvalidRequest,
                };
                let message = format!("the {} server refuses the connection", E::SERVER);
                Error::new(kind, message).with_source(error)
            }
            Self::Final(error) => error,
        }
    }

    /// The error for a failure while a query runs. `rows` is the number of rows that were read before.
    pub(crate) fn running(self, rows: u64) -> Error {
        let after = match rows {
            0 => "before the first row".to_owned(),
            1 => "after 1 row".to_owned(),
            rows => format!("after {rows} rows"),
        };
        match self {
            Self::Lost(error) => Error::new(
                ErrorKind::Source,
                format!("the connection to the {} server was lost {after}", E::SERVER),
            )
            .with_source(error),
            Self::Server(error) if error.is_end_of_query() => {
                let message = format!("the query was ended on the {} server {after}", E::SERVER);
                Error::new(ErrorKind::Source, message).with_source(error)
            }
            Self::Server(error) if error.is_of_the_server() => {
                let message = format!("the {} server stopped {after}", E::SERVER);
                Error::new(ErrorKind::Source, message).with_source(error)
            }
            Self::Server(error) => {
                Error::new(ErrorKind::InvalidRequest, "the query is wrong").with_source(error)
            }
            Self::Final(error) => error,
        }
    }
}

impl<E> From<io::Error> for Failure<E> {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let whole = "x".repeat(MAX_TEXT);
        let long = format!("x{}", "é".repeat(MAX_TEXT));
        let cut = format!("x{}...", "é".repeat((MAX_TEXT - 1) / 2));
        for (text, expected) in
            [("", ""), ("é", "é"), (&whole[..], &whole[..]), (&long[..], &cut[..])]
        {
            assert!(reported_text(text.as_bytes()) == expected, "{} bytes", text.len());
        }
        assert_eq!(reported_text(b"caf\xe9"), "caf\u{fffd}");
    }
}
