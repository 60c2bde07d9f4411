//! The status messages of one job.

use std::io;

use taploom_pipeline::Encoded;

use crate::database::News;
use crate::failure::Failure;
use crate::job::Outcome;
use crate::message::{Format, JobRun, Rejected};
use crate::status::{Chunks, JobStatus, Metadata, Phase, QueryInfo, ResultInfo, Statuses, now};

/// What has been said of a job, and to whom.
pub(crate) struct Report<'a> {
    statuses: &'a dyn Statuses,
    job_id: String,
    metadata: Metadata,
    result: Option<(Option<String>, Format)>,
    execution_id: Option<String>,
    query: Option<QueryInfo>,
    /// When the database last worked on the query, where it says so.
    updated: Option<u64>,
    /// The progress that was published last.
    published: Option<Chunks>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(job: &JobRun, statuses: &'a dyn Statuses) -> Self {
        let result = (job.result_location.clone(), job.result_format.format.clone());
        Self {
            statuses,
            job_id: job.job_id.clone(),
            metadata: job.metadata(),
            result: Some(result),
            execution_id: None,
            query: None,
            updated: None,
            published: None,
        }
    }

    /// Of a message that is no job but has a name.
    pub(crate) fn of_rejected(rejected: &Rejected, statuses: &'a dyn Statuses) -> io::Result<Self> {
        let Some(job_id) = rejected.job_id.clone() else {
            return Err(io::Error::other("the message has no jobID"));
        };
        Ok(Self {
            statuses,
            job_id,
            metadata: rejected.metadata.clone(),
            result: None,
            execution_id: None,
            query: None,
            updated: None,
            published: None,
        })
    }

    /// The database has the query, under this name.
    pub(crate) fn submitted(&mut self, execution_id: String) {
        self.execution_id = Some(execution_id);
    }

    /// Remembers how far the query is.
    pub(crate) fn note(&mut self, news: &News) {
        let before = self.query.as_ref().map(|query| query.start_time);
        let start_time = news.started.or(before).unwrap_or_else(now);
        self.updated = news.updated;
        self.query = Some(QueryInfo { start_time, end_time: None, progress: news.chunks });
    }

    /// Publishes how far the query is, where that is new.
    pub(crate) async fn executing(&mut self, news: &News) -> io::Result<()> {
        self.note(news);
        if self.published == Some(news.chunks) {
            return Ok(());
        }
        self.published = Some(news.chunks);
        self.publish(Phase::Executing, self.query.clone(), None, None).await
    }

    /// A query that is finished before anything was said of it was executing once.
    pub(crate) async fn finished(&mut self, news: &News) -> io::Result<()> {
        self.note(news);
        match self.published {
            Some(_) => Ok(()),
            None => self.executing(news).await,
        }
    }

    pub(crate) async fn completed(mut self, encoded: Encoded) -> io::Result<Outcome> {
        let result = self.result.take().map(|(result_location, format)| ResultInfo {
            total_rows: encoded.summary.rows,
            result_location,
            format,
        });
        self.publish(Phase::Completed, self.ended(), result, None).await?;
        Ok(Outcome::Completed(encoded))
    }

    /// Where the bridge could not go on, nothing is said of the query.
    pub(crate) async fn failed(self, failure: Failure) -> io::Result<Outcome> {
        self.publish(Phase::Error, None, None, Some(failure.clone())).await?;
        Ok(Outcome::Failed(failure))
    }

    /// Where the database itself says that the query failed, it says how far it came.
    pub(crate) async fn failed_in_database(self, failure: Failure) -> io::Result<Outcome> {
        self.publish(Phase::Error, self.ended(), None, Some(failure.clone())).await?;
        Ok(Outcome::Failed(failure))
    }

    pub(crate) async fn aborted(self) -> io::Result<Outcome> {
        self.publish(Phase::Aborted, self.ended(), None, None).await?;
        Ok(Outcome::Aborted)
    }

    fn ended(&self) -> Option<QueryInfo> {
        let end_time = Some(self.updated.unwrap_or_else(now));
        self.query.clone().map(|query| QueryInfo { end_time, ..query })
    }

    async fn publish(
        &self,
        status: Phase,
        query_info: Option<QueryInfo>,
        result_info: Option<ResultInfo>,
        error_info: Option<Failure>,
    ) -> io::Result<()> {
        let status = JobStatus {
            job_id: self.job_id.clone(),
            execution_id: self.execution_id.clone(),
            timestamp: now(),
            status,
            query_info,
            result_info,
            error_info,
            metadata: self.metadata.clone(),
        };
        self.statuses.publish(&status).await
    }
}
