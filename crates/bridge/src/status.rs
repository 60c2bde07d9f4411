//! What a TAP service is told of its jobs: `job-status`, JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::Serialize;
use taploom_jobs::{Failure, FailureCause};

use crate::message::Format;

/// Where a job stands. Values that are absent are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The job's name in the TAP service.
    #[serde(rename = "jobID")]
    pub job_id: String,
    /// The query's name in the database.
    #[serde(rename = "executionID", skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// When this was so, in milliseconds since 1970.
    pub timestamp: u64,
    /// The phase.
    pub status: Phase,
    /// How far the query is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_info: Option<QueryInfo>,
    /// What was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_info: Option<ResultInfo>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
    /// What was asked.
    pub metadata: Metadata,
}

/// The phases of a job; the last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are those of UWS 1.1, 2.1.3")]
pub enum Phase {
    Queued,
    Executing,
    Completed,
    Error,
    Aborted,
}

impl Phase {
    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Aborted)
    }
}

/// How far a query is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryInfo {
    /// In milliseconds since 1970.
    pub start_time: u64,
    /// In milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<u64>,
    /// Parts of the query.
    pub progress: Chunks,
}

/// Parts of a query. A database that counts none has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chunks {
    /// All of them.
    pub total_chunks: u64,
    /// Those that are done.
    pub completed_chunks: u64,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultInfo {
    /// Rows.
    pub total_rows: u64,
    /// Where readers find it, as the request said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_location: Option<String>,
    /// The format, as the request said.
    pub format: Format,
}

/// Why a job failed, by the names that a TAP service knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// What went wrong.
    pub error_code: &'static str,
    /// A sentence for the person who asked.
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
        FailureCause::DatabaseUnreachable => "backend_request_error",
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

/// What a request asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// The SQL.
    pub query: String,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

/// Where status messages go.
#[async_trait]
pub trait Statuses: Send + Sync {
    /// Publishes one. Those of a job come in order, the final one last.
    ///
    /// # Errors
    /// Where it can't be published: then nobody knows how the job ended, and it has to be run again.
    async fn publish(&self, status: &JobStatus) -> std::io::Result<()>;
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
