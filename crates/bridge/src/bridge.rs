//! Turns the messages of a TAP service into jobs.

use taploom_format::ColumnMetadata;
use taploom_jobs::{Destination, Failure, Job, JobRunner, Outcome, Query, Stop, UrlRewriteColumns};
use taploom_sources::ColumnList;
use tracing::warn;
use url::Url;

use crate::format::{Formats, content_type};
use crate::message::{JobRun, Rejected, ResultFormat};
use crate::metrics::Metrics;
use crate::report::Report;
use crate::status::Statuses;

/// Runs the jobs that messages ask for, and publishes their status messages.
pub struct Bridge {
    formats: Formats,
    runner: JobRunner,
    datalink_url: Option<Url>,
    metrics: Metrics,
}

impl Bridge {
    /// A bridge that runs its jobs with `runner`.
    pub fn new(formats: Formats, runner: JobRunner) -> Self {
        let metrics = Metrics::new(&runner.limits().resources.scratch);
        Self { formats, runner, datalink_url: None, metrics }
    }

    /// Sets the base of rewritten URLs. By default each message has its own base.
    #[must_use]
    pub fn with_datalink_url(mut self, url: Option<Url>) -> Self {
        self.datalink_url = url;
        self
    }

    /// Counts and times of the jobs.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Heap that the encoder of each job may hold.
    pub fn memory_budget(&self) -> usize {
        self.runner.limits().resources.memory_budget
    }

    /// Runs a job and publishes its status messages. The final one comes last and exactly once, unless
    /// another worker takes the job over.
    ///
    /// # Errors
    /// A status can't be published. The job then has to be run again.
    pub async fn run(
        &self,
        message: &JobRun,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> std::io::Result<Outcome> {
        let _running = self.metrics.running();
        let mut report = Report::new(message, statuses, &self.metrics);
        let outcome = match self.job(message) {
            Ok(job) => self.runner.run(job, &mut report, stop).await?,
            Err(failure) => report.failed(failure).await?,
        };
        self.metrics.ended(&outcome);
        Ok(outcome)
    }

    /// Waits until the database has been told of the end of every query that has ended here. Call it before the runtime
    /// ends.
    pub async fn rest(&self) {
        self.runner.rest().await;
    }

    /// Publishes the reason why a message is not accepted as a job.
    ///
    /// # Errors
    /// The status can't be published, or the message has no jobID.
    pub async fn reject(
        &self,
        rejected: &Rejected,
        statuses: &dyn Statuses,
    ) -> std::io::Result<Outcome> {
        let mut report = Report::of_rejected(rejected, statuses, &self.metrics)?;
        let outcome = report.failed(rejected.failure.clone()).await?;
        self.metrics.ended(&outcome);
        Ok(outcome)
    }

    fn job(&self, message: &JobRun) -> Result<Job, Failure> {
        if message.upload_tables.as_ref().is_some_and(|tables| !tables.is_empty()) {
            return Err(Failure::invalid("uploadTables: this bridge takes no tables"));
        }
        let result = &message.result_format;
        let format = self.formats.spec(&result.format, &result.envelope)?;
        let columns = column_list(result);
        let batch_rows = self.runner.limits().batch_rows(columns.columns.len());
        Ok(Job {
            id: message.job_id.clone(),
            query: Query {
                sql: message.query.clone(),
                adql: message.adql_query.clone(),
                database: message.database.clone(),
                columns,
                batch_rows,
            },
            destination: Destination {
                url: message.destination.clone(),
                content_type: content_type(&format),
            },
            format,
            url_rewrite: self.url_rewrite(message)?,
            maxrec: message.maxrec,
            timeout: message.timeout,
        })
    }

    fn url_rewrite(&self, message: &JobRun) -> Result<Option<UrlRewriteColumns>, Failure> {
        let format = &message.result_format;
        let columns = format.column_types.iter().enumerate();
        let columns = columns.filter(|(_, column)| column.requires_url_rewrite == Some(true));
        let columns: Vec<usize> = columns.map(|(index, _)| index).collect();
        if columns.is_empty() {
            return Ok(None);
        }
        let base = match (&self.datalink_url, &format.base_url) {
            (Some(url), _) => url.clone(),
            (None, Some(text)) => text.parse().map_err(|error| {
                Failure::invalid(format!("resultFormat.baseUrl: {text:?} is not a URL: {error}"))
            })?,
            (None, None) => {
                warn!(job = message.job_id, "URLs are not rewritten: a DataLink URL is not set");
                return Ok(None);
            }
        };
        Ok(Some(UrlRewriteColumns { base, columns }))
    }
}

/// The columns of the result, by position.
fn column_list(format: &ResultFormat) -> ColumnList {
    let columns = format.column_types.iter().map(|column| ColumnMetadata {
        name: Some(column.name.clone()),
        datatype: Some(column.datatype),
        arraysize: column.arraysize.clone(),
        ..ColumnMetadata::default()
    });
    ColumnList::new(columns.collect())
}
