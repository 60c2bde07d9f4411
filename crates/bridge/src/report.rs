//! The status messages of one job.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use taploom_jobs::{Failure, JobObserver, Outcome, QueryPhase, QueryProgress, Stage};
use taploom_pipeline::Encoded;

use crate::message::{JobRun, Metadata, Rejected, ResultFormat};
use crate::metrics::Metrics;
use crate::packed::Packed;
use crate::status::{Chunks, ErrorInfo, JobStatus, Phase, QueryInfo, ResultInfo, Statuses, now};

/// Publishes the status messages of one job, and counts the job in the metrics.
pub(crate) struct Report<'a> {
    statuses: &'a dyn Statuses,
    metrics: &'a Metrics,
    job_id: String,
    /// A job may wait for hours, and its query may be long.
    metadata: Packed<Metadata>,
    /// The location of the result, and its form.
    result: Option<(Option<String>, Packed<ResultFormat>)>,
    execution_id: Option<String>,
    query: Option<QueryInfo>,
    /// The time at which the database last worked on the query, if it reports that.
    updated: Option<u64>,
    /// The progress that was published last.
    published: Option<Chunks>,
    /// Whether the database itself reported that the query failed.
    failed_in_database: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        job: &JobRun,
        metadata: Packed<Metadata>,
        statuses: &'a dyn Statuses,
        metrics: &'a Metrics,
    ) -> Self {
        let result = (job.result_location.clone(), job.result_format.clone());
        let report = Self::of(job.job_id.clone(), metadata, statuses, metrics);
        Self { result: Some(result), ..report }
    }

    /// The report for a message that is not accepted as a job, but has a jobID.
    pub(crate) fn of_rejected(
        rejected: &Rejected,
        statuses: &'a dyn Statuses,
        metrics: &'a Metrics,
    ) -> io::Result<Self> {
        let Some(job_id) = rejected.job_id.clone() else {
            return Err(io::Error::other("the message has no jobID"));
        };
        Ok(Self::of(job_id, Packed::of(&*rejected.metadata)?, statuses, metrics))
    }

    fn of(
        job_id: String,
        metadata: Packed<Metadata>,
        statuses: &'a dyn Statuses,
        metrics: &'a Metrics,
    ) -> Self {
        Self {
            statuses,
            metrics,
            job_id,
            metadata,
            result: None,
            execution_id: None,
            query: None,
            updated: None,
            published: None,
            failed_in_database: false,
        }
    }

    /// Publishes that the job has failed.
    pub(crate) async fn failed(&mut self, failure: Failure) -> io::Result<Outcome> {
        let outcome = Outcome::Failed(failure);
        self.ended(&outcome).await?;
        Ok(outcome)
    }

    /// Records the progress of the query.
    fn note(&mut self, progress: &QueryProgress) -> Chunks {
        let before = self.query.as_ref().map(|query| query.start_time);
        let start_time = progress.started.or(before).unwrap_or_else(now);
        let chunks = Chunks {
            total_chunks: progress.total_chunks,
            completed_chunks: progress.completed_chunks,
        };
        self.updated = progress.updated;
        self.query = Some(QueryInfo { start_time, end_time: None, progress: chunks });
        chunks
    }

    /// Publishes the progress of the query, unless it was published before.
    async fn executing(&mut self, chunks: Chunks) -> io::Result<()> {
        if self.published == Some(chunks) {
            return Ok(());
        }
        self.published = Some(chunks);
        self.publish(Phase::Executing, self.query.clone(), None, None).await
    }

    async fn completed(&mut self, encoded: &Encoded) -> io::Result<()> {
        let result = match self.result.take() {
            Some((result_location, form)) => Some(ResultInfo {
                total_rows: encoded.summary.rows,
                result_location,
                format: form.value()?.format,
            }),
            None => None,
        };
        self.publish(Phase::Completed, self.query_at_end(), result, None).await
    }

    fn query_at_end(&self) -> Option<QueryInfo> {
        let end_time = Some(self.updated.unwrap_or_else(now));
        self.query.clone().map(|query| QueryInfo { end_time, ..query })
    }

    async fn publish(
        &self,
        status: Phase,
        query_info: Option<QueryInfo>,
        result_info: Option<ResultInfo>,
        error_info: Option<ErrorInfo>,
    ) -> io::Result<()> {
        let status = self.status(status, query_info, result_info, error_info)?;
        self.statuses.publish(&status).await
    }

    fn status(
        &self,
        status: Phase,
        query_info: Option<QueryInfo>,
        result_info: Option<ResultInfo>,
        error_info: Option<ErrorInfo>,
    ) -> io::Result<JobStatus> {
        Ok(JobStatus {
            job_id: self.job_id.clone(),
            execution_id: self.execution_id.clone(),
            timestamp: now(),
            status,
            query_info,
            result_info,
            error_info,
            metadata: self.metadata.value()?,
        })
    }
}

#[async_trait]
impl JobObserver for Report<'_> {
    fn submitted(&mut self, execution_id: String) {
        self.execution_id = Some(execution_id);
        // The next worker has to learn of a query that was begun again.
        self.published = None;
    }

    async fn progress(&mut self, progress: &QueryProgress) -> io::Result<()> {
        let chunks = self.note(progress);
        match &progress.phase {
            QueryPhase::Executing => self.executing(chunks).await,
            // A query that has finished before its progress was published is reported as executing
            // once.
            QueryPhase::Finished if self.published.is_none() => self.executing(chunks).await,
            QueryPhase::Finished | QueryPhase::Aborted => Ok(()),
            QueryPhase::Failed(_) => {
                self.failed_in_database = true;
                Ok(())
            }
        }
    }

    async fn reads_rows(&mut self) -> io::Result<()> {
        let status = self.status(Phase::Executing, self.query.clone(), None, None)?;
        self.statuses.reads_rows(&status).await
    }

    async fn ended(&mut self, outcome: &Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Completed(encoded) => self.completed(encoded).await,
            Outcome::Failed(failure) => {
                // The progress at the end is known only if the database itself reports the failure.
                let query = self.query_at_end().filter(|_| self.failed_in_database);
                self.publish(Phase::Error, query, None, Some(failure.into())).await
            }
            Outcome::Aborted => self.publish(Phase::Aborted, self.query_at_end(), None, None).await,
            Outcome::HandedOver => Ok(()),
        }
    }

    fn took(&mut self, stage: Stage, format: &'static str, time: Duration) {
        self.metrics.took(stage.as_str(), format, time);
    }

    fn upload_retried(&mut self) {
        self.metrics.upload_retries.inc();
    }
}
