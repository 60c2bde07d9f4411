//! The reasons why a job can fail.

use std::fmt;

use taploom_format::ErrorKind;
use tracing::warn;

use crate::database::{is_reported, was_lost};

/// The cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureCause {
    /// The database reports that the query failed.
    QueryFailed,
    /// The database can't be reached, or did not answer.
    DatabaseUnreachable,
    /// The database went away while the query ran or its rows were read.
    DatabaseLost,
    /// The result is larger than the database allows.
    ResultTooLarge,
    /// The query is wrong, or the database stopped it.
    QueryWrong,
    /// A column or a cell can't be written in the format.
    NotEncodable,
    /// The request is invalid or can't be fulfilled.
    InvalidRequest,
    /// The owner has too many jobs.
    QuotaExceeded,
    /// The job took longer than its limit.
    TimedOut,
    /// The result could not be stored.
    UploadFailed,
    /// A table that came with the query can't be read.
    TableUnreadable,
    /// The database sent an invalid answer, or this program has a defect.
    Internal,
}

impl FailureCause {
    /// All causes, for metrics that begin at 0.
    pub const ALL: [Self; 12] = [
        Self::QueryFailed,
        Self::DatabaseUnreachable,
        Self::DatabaseLost,
        Self::ResultTooLarge,
        Self::QueryWrong,
        Self::NotEncodable,
        Self::InvalidRequest,
        Self::QuotaExceeded,
        Self::TimedOut,
        Self::UploadFailed,
        Self::TableUnreadable,
        Self::Internal,
    ];
}

/// A cause, and a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The cause.
    pub cause: FailureCause,
    /// The sentence for the user. It names the column, the member of the request or the limit.
    pub message: String,
    caller_fault: bool,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(cause: FailureCause, message: impl Into<String>) -> Self {
        let caller_fault = cause == FailureCause::InvalidRequest;
        Self { cause, message: message.into(), caller_fault }
    }

    /// The same failure in other words.
    #[must_use]
    pub fn with_message(self, message: String) -> Self {
        Self { message, ..self }
    }

    /// Puts the name of the member or the setting that is concerned before the message.
    #[must_use]
    pub fn with_context(self, context: &str) -> Self {
        Self { message: format!("{context}: {}", self.message), ..self }
    }

    /// Whether the message or the query is wrong, so that only another request can succeed.
    pub fn is_caller_fault(&self) -> bool {
        self.caller_fault
    }

    /// The failure for a panic.
    pub fn defect() -> Self {
        Self::new(FailureCause::Internal, "a defect of this service ended the job")
    }

    /// The failure for a request that is invalid or can't be fulfilled.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FailureCause::InvalidRequest, message)
    }

    /// The failure for an error of a query or of its rows. The message includes what the database reports.
    pub fn of_rows(error: &taploom_format::Error) -> Self {
        match error.kind() {
            // A column or a cell does not match the types that the request names.
            ErrorKind::UnsupportedColumn | ErrorKind::SchemaMismatch | ErrorKind::InvalidValue => {
                Self::new(FailureCause::NotEncodable, error.to_string())
            }
            ErrorKind::InvalidRequest if error.column().is_some() => {
                Self::new(FailureCause::NotEncodable, error.to_string())
            }
            ErrorKind::Source if was_lost(error) => {
                // A server that aborts a connection names its account and its host.
                warn!("the rows of a query broke off: {error:#}");
                let message = format!("the rows of the query broke off: {error}; try again later");
                Self::new(FailureCause::DatabaseLost, message)
            }
            ErrorKind::InvalidRequest | ErrorKind::Source => {
                let failure = Self::new(FailureCause::QueryWrong, format!("{error:#}"));
                Self { caller_fault: error.is_caller_fault(), ..failure }
            }
            _ => Self::new(FailureCause::Internal, error.to_string()),
        }
    }

    /// The failure for an error of the encoder, or of the rows that it reads. Causes of the encoder are left out, because
    /// they may name files.
    pub fn of_encoding(error: &taploom_format::Error) -> Self {
        match error.kind() {
            ErrorKind::Source => Self::of_rows(error),
            // A query may turn out to be wrong in the middle of its rows, for example by a division by zero.
            _ if is_reported(error) => Self::of_rows(error),
            ErrorKind::InvalidRequest | ErrorKind::InvalidOption => {
                Self::new(FailureCause::NotEncodable, error.to_string())
            }
            _ => Self::of_rows(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "mysql")]
    fn a_server_that_aborts_a_connection_is_not_quoted() {
        let message = "Aborted connection 5 to db: 'dp1' user: 'tap' host: '10.0.0.7'".to_owned();
        let sqlstate = "08S01".to_owned();
        let said = taploom_sources::mysql::ServerError { code: 1184, sqlstate, message };
        let error = taploom_format::Error::new(ErrorKind::Source, "the server stopped");
        let failure = Failure::of_rows(&error.with_source(said));
        assert_eq!(failure.cause, FailureCause::DatabaseLost);
        let shown = "the rows of the query broke off: the server stopped; try again later";
        assert_eq!(failure.message, shown);
    }

    #[test]
    fn no_cause_is_left_out() {
        for (index, cause) in FailureCause::ALL.into_iter().enumerate() {
            // A new cause needs a place here, and in the list.
            let place = match cause {
                FailureCause::QueryFailed => 0,
                FailureCause::DatabaseUnreachable => 1,
                FailureCause::DatabaseLost => 2,
                FailureCause::ResultTooLarge => 3,
                FailureCause::QueryWrong => 4,
                FailureCause::NotEncodable => 5,
                FailureCause::InvalidRequest => 6,
                FailureCause::QuotaExceeded => 7,
                FailureCause::TimedOut => 8,
                FailureCause::UploadFailed => 9,
                FailureCause::TableUnreadable => 10,
                FailureCause::Internal => 11,
            };
            assert_eq!(index, place);
        }
    }
}
