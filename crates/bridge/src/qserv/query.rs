//! A query in Qserv: its progress, its rows, and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use taploom_jobs::{
    Execution, Failure, FailureCause, QueryPhase, QueryProgress, RowRequest, mysql_rows,
};
use taploom_pipeline::RowSource;
use taploom_sources::mysql::QueryKiller;
use tracing::warn;

use super::Service;
use super::rest::with_reason;

/// Longest interval at which progress is polled.
const LONGEST_POLL: Duration = Duration::from_secs(30);

/// A query that was submitted. If it is dropped, it goes on in Qserv.
pub(super) struct QservQuery {
    service: Arc<Service>,
    id: u64,
    /// Whether progress was polled before.
    asked: bool,
    since: Instant,
    /// Whether the rows were asked for. Qserv gives them once.
    reads: bool,
    /// Stops the reading of the rows.
    killer: Option<QueryKiller>,
}

impl QservQuery {
    pub(super) fn new(service: Arc<Service>, id: u64) -> Self {
        Self { service, id, asked: false, since: Instant::now(), reads: false, killer: None }
    }

    /// The status of the query. The error has the cause `QueryFailed` if Qserv does not know the query.
    pub(super) async fn status(&self) -> Result<QueryStatus, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            status: QueryStatus,
        }
        let path = format!("query-async/status/{}", self.id);
        let Answer { status } = self.service.ask(Method::GET, &path, |request| request).await?;
        Ok(status)
    }
}

#[async_trait]
impl Execution for QservQuery {
    fn id(&self) -> String {
        self.id.to_string()
    }

    async fn progress(&mut self) -> Result<QueryProgress, Failure> {
        if self.asked {
            // A query of hours is not asked for each second.
            let interval = (self.since.elapsed() / 50).min(LONGEST_POLL);
            tokio::time::sleep(self.service.options.poll.max(interval)).await;
        }
        self.asked = true;
        self.status().await?.progress()
    }

    async fn rows(&mut self, request: RowRequest) -> Result<Box<dyn RowSource>, Failure> {
        self.reads = true;
        let options = &self.service.options;
        let sql = options.rows_query.replace("{id}", &self.id.to_string());
        let source = mysql_rows(&options.rows, &sql, &request, None, options.outage).await?;
        self.killer = Some(source.killer());
        Ok(Box::new(source))
    }

    fn can_be_resumed(&self) -> bool {
        !self.reads
    }

    async fn cancel(&mut self) {
        // While rows are read, the query itself has ended, so reading is stopped instead.
        match &self.killer {
            Some(killer) => {
                if let Err(error) = killer.kill().await {
                    warn!(query = self.id, "can't end the reading of rows: {error:#}");
                }
            }
            None => self.service.delete(&format!("query-async/{}", self.id)).await,
        }
    }

    async fn forget(&mut self) {
        if self.service.options.delete_results {
            let path = format!("query-async/result/{}", self.id);
            self.service.delete(&path).await;
        }
    }
}

/// The status of a query, as Qserv reports it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueryStatus {
    status: String,
    total_chunks: u64,
    completed_chunks: Option<u64>,
    query_begin_epoch: u64,
    last_update_epoch: Option<u64>,
    error: Option<String>,
}

impl QueryStatus {
    fn progress(self) -> Result<QueryProgress, Failure> {
        let error = self.error.filter(|error| !error.is_empty());
        let failed = |cause, what| {
            QueryPhase::Failed(Failure::new(cause, with_reason(what, error.as_deref())))
        };
        let phase = match self.status.as_str() {
            "EXECUTING" => QueryPhase::Executing,
            "COMPLETED" => QueryPhase::Finished,
            "ABORTED" => QueryPhase::Aborted,
            "FAILED" => failed(FailureCause::QueryFailed, "Query failed in backend"),
            "FAILED_LR" => failed(
                FailureCause::ResultTooLarge,
                "Query results are too large to return; please narrow your query and try again",
            ),
            other => {
                let message = format!("Qserv names a status that is not known: {other:?}");
                return Err(Failure::new(FailureCause::Internal, message));
            }
        };
        let milliseconds = |seconds: u64| Some(seconds.saturating_mul(1000)).filter(|at| *at > 0);
        Ok(QueryProgress {
            phase,
            total_chunks: self.total_chunks,
            completed_chunks: self.completed_chunks.unwrap_or(0),
            started: milliseconds(self.query_begin_epoch),
            updated: self.last_update_epoch.and_then(milliseconds),
        })
    }
}
