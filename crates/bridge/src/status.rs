//! The messages `job-status`, which tell a TAP service about its jobs, in JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::Serialize;
use taploom_jobs::{Failure, FailureCause};

use crate::message::{Format, Metadata};

/// The state of a job. Absent values are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The id of the job in the TAP service.
    #[serde(rename = "jobID")]
    pub job_id: String,
    /// The id of the query in the database.
    #[serde(rename = "executionID", skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// The time of this state, in milliseconds since 1970.
    pub timestamp: u64,
    /// The phase.
    pub status: Phase,
    /// The progress of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_info: Option<QueryInfo>,
    /// The stored result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_info: Option<ResultInfo>,
    /// Why the job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
    /// The request.
    pub metadata: Metadata,
}

#[cfg(feature = "kafka")]
impl JobStatus {
    /// The final status in place of this one, which is larger than the channel takes: without what a message or a database
    /// can make large, except the ids. A job that was completed ends as an error, since its result can't be told.
    pub(crate) fn bare(self) -> Self {
        let (status, error_info) = match (self.status, self.error_info) {
            (Phase::Completed, _) => {
                let error = ErrorInfo {
                    error_code: error_code(FailureCause::Internal),
                    error_message: format!("the result is stored, but its {TOO_LARGE}"),
                };
                (Phase::Error, Some(error))
            }
            (status, Some(ErrorInfo { error_code, mut error_message })) => {
                if let Some((end, _)) = error_message.char_indices().nth(SHORT_MESSAGE) {
                    error_message.truncate(end);
                }
                error_message = format!("{error_message} (the whole {TOO_LARGE})");
                (status, Some(ErrorInfo { error_code, error_message }))
            }
            (status, None) => (status, None),
        };
        Self {
            status,
            query_info: None,
            result_info: None,
            error_info,
            metadata: Metadata::default(),
            ..self
        }
    }
}

#[cfg(feature = "kafka")]
const TOO_LARGE: &str = "status is larger than this service can publish";

/// Characters of an error in a status that would be too large with the whole of it.
#[cfg(feature = "kafka")]
const SHORT_MESSAGE: usize = 300;

/// The phases of a job; the last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "UWS 1.1, 2.1.3 defines the phases")]
pub enum Phase {
    Queued,
    Executing,
    Completed,
    Error,
    Aborted,
}

impl Phase {
    /// Whether this is the last phase of a job.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Aborted)
    }
}

/// The progress of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryInfo {
    /// The start, in milliseconds since 1970.
    pub start_time: u64,
    /// The end, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<u64>,
    /// The parts of the query.
    pub progress: Chunks,
}

/// The parts of a query; 1 if the database does not count parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chunks {
    /// The number of parts.
    pub total_chunks: u64,
    /// The number of completed parts.
    pub completed_chunks: u64,
}

/// The stored result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultInfo {
    /// The number of rows.
    pub total_rows: u64,
    /// The URL at which readers find the result, copied from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_location: Option<String>,
    /// The format, copied from the request.
    pub format: Format,
}

/// The reason why a job failed, by the names that a TAP service knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// The error code.
    pub error_code: &'static str,
    /// A sentence for the user.
    pub error_message: String,
}

impl From<&Failure> for ErrorInfo {
    fn from(failure: &Failure) -> Self {
        Self { error_code: error_code(failure.cause), error_message: failure.message.clone() }
    }
}

/// The error code of a cause in status messages and in the metrics.
pub(crate) fn error_code(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::QueryFailed => "backend_error",
        FailureCause::DatabaseUnreachable | FailureCause::DatabaseLost => "backend_request_error",
        FailureCause::ResultTooLarge => "backend_results_too_large",
        FailureCause::QueryWrong => "backend_sql_error",
        FailureCause::NotEncodable => "encoding_error",
        FailureCause::InvalidRequest => "invalid_request",
        FailureCause::QuotaExceeded => "quota_exceeded",
        FailureCause::TimedOut => "result_timeout",
        FailureCause::UploadFailed => "upload_failed",
        FailureCause::TableUnreadable => "table_read",
        _ => "backend_internal_error",
    }
}

/// A channel for status messages.
#[async_trait]
pub trait Statuses: Send + Sync {
    /// Publishes a message. The messages of a job come in order, the final one last.
    ///
    /// # Errors
    /// The message can't be published. The job then has to be run again.
    async fn publish(&self, status: &JobStatus) -> std::io::Result<()>;

    /// The query has ended, and its rows will be read now. A channel from which other workers learn what was done for a
    /// job keeps this before it returns.
    ///
    /// # Errors
    /// This can't be kept. The job then has to be run again.
    async fn reads_rows(&self, _status: &JobStatus) -> std::io::Result<()> {
        Ok(())
    }
}

/// The current time, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
