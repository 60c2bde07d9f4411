//! Why a job failed, as its status message says it.

use std::fmt;

use serde::Serialize;
use taploom_format::ErrorKind;

/// What went wrong, by the names of the status messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The database says that the query failed.
    BackendError,
    /// The database answered in a way that makes no sense, or the bridge itself is at fault.
    BackendInternalError,
    /// The database can't be asked.
    BackendRequestError,
    /// The result is larger than the database gives.
    BackendResultsTooLarge,
    /// The query is wrong, or its rows stopped coming.
    BackendSqlError,
    /// A column or a cell can't be written in the format.
    EncodingError,
    /// The message asks for what can't be.
    InvalidRequest,
    /// The owner has too many jobs.
    QuotaExceeded,
    /// It took too long.
    ResultTimeout,
    /// The result could not be stored.
    UploadFailed,
    /// A table that came with the query can't be read.
    TableRead,
}

impl ErrorCode {
    /// The name as it stands in a status message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BackendError => "backend_error",
            Self::BackendInternalError => "backend_internal_error",
            Self::BackendRequestError => "backend_request_error",
            Self::BackendResultsTooLarge => "backend_results_too_large",
            Self::BackendSqlError => "backend_sql_error",
            Self::EncodingError => "encoding_error",
            Self::InvalidRequest => "invalid_request",
            Self::QuotaExceeded => "quota_exceeded",
            Self::ResultTimeout => "result_timeout",
            Self::UploadFailed => "upload_failed",
            Self::TableRead => "table_read",
        }
    }
}

/// A code and a sentence for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What went wrong.
    #[serde(rename = "errorCode")]
    pub code: ErrorCode,
    /// The sentence; it names the column, the member of the message or the limit.
    #[serde(rename = "errorMessage")]
    pub message: String,
    #[serde(skip)]
    caller_fault: bool,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let caller_fault = code == ErrorCode::InvalidRequest;
        Self { code, message: message.into(), caller_fault }
    }

    /// Whether another request would do better: the message or the query is wrong.
    pub fn is_caller_fault(&self) -> bool {
        self.caller_fault
    }

    /// A request that can't be carried out as it is.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// An error of a query or of its rows. Its causes are what the database says of the query.
    pub fn of_rows(error: &taploom_format::Error) -> Self {
        match error.kind() {
            // A column or a cell that does not go with the types of the message.
            ErrorKind::UnsupportedColumn | ErrorKind::SchemaMismatch | ErrorKind::InvalidValue => {
                Self::new(ErrorCode::EncodingError, error.to_string())
            }
            ErrorKind::InvalidRequest if error.column().is_some() => {
                Self::new(ErrorCode::EncodingError, error.to_string())
            }
            ErrorKind::InvalidRequest | ErrorKind::Source => {
                let failure = Self::new(ErrorCode::BackendSqlError, format!("{error:#}"));
                Self { caller_fault: error.is_caller_fault(), ..failure }
            }
            _ => Self::new(ErrorCode::BackendInternalError, error.to_string()),
        }
    }

    /// An error between rows and bytes. Its causes, which may name files, are left out.
    pub fn of_encoding(error: &taploom_format::Error) -> Self {
        match error.kind() {
            ErrorKind::Source => Self::of_rows(error),
            ErrorKind::InvalidRequest | ErrorKind::InvalidOption => {
                Self::new(ErrorCode::EncodingError, error.to_string())
            }
            _ => Self::of_rows(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Failure {}
