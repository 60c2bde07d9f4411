//! Turns the messages of a TAP service into jobs.

use std::io;
#[cfg(feature = "worker")]
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use taploom_format::ColumnMetadata;
#[cfg(feature = "worker")]
use taploom_jobs::Gate;
use taploom_jobs::{
    Destination, Failure, FailureCause, Job, JobRunner, Outcome, Query, ResultRequest, RowRequest,
    Secret, Stop, UrlRewriteColumns, UserTable,
};
use taploom_sources::ColumnList;
use tracing::warn;
use url::Url;

use crate::format::{Formats, content_type};
use crate::message::{JobRun, Metadata, Rejected, ResultFormat, UploadTable};
use crate::metrics::Metrics;
#[cfg(feature = "worker")]
use crate::owners::Owners;
use crate::packed::Packed;
use crate::report::Report;
use crate::status::Statuses;

/// Runs the jobs that messages ask for, and publishes their status messages.
pub struct Bridge {
    formats: Formats,
    runner: JobRunner,
    datalink_url: Option<Url>,
    metrics: Metrics,
    #[cfg(feature = "worker")]
    pub(crate) owners: Owners,
}

/// What other workers have done for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The id of the query that runs in the database.
    pub execution_id: Option<String>,
    /// The time that the job has used.
    pub used: Duration,
    /// How often its rows may still be begun. At most three of these are used here, which is also
    /// the default.
    pub attempts: Option<u32>,
}

impl Bridge {
    /// A bridge that runs its jobs with `runner`.
    pub fn new(formats: Formats, runner: JobRunner) -> Self {
        let metrics = Metrics::new(&runner.limits().resources.scratch);
        Self {
            formats,
            runner,
            datalink_url: None,
            metrics,
            #[cfg(feature = "worker")]
            owners: Owners::default(),
        }
    }

    /// Limits the jobs that one owner has at a time in a worker.
    #[cfg(feature = "worker")]
    #[must_use]
    pub(crate) fn with_jobs_per_owner(mut self, limit: Option<usize>) -> Self {
        self.owners = Owners::new(limit);
        self
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

    /// Bounds the number of jobs that read rows at the same time.
    #[cfg(feature = "worker")]
    #[must_use]
    pub(crate) fn with_gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.runner = self.runner.with_gate(gate);
        self
    }

    /// Runs a job and publishes its status messages. The final one comes last and exactly once, unless
    /// another worker takes the job over.
    ///
    /// # Errors
    /// A status can't be published. The job then has to be run again.
    pub async fn run(
        &self,
        message: JobRun,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        self.go_on(message, Earlier::default(), statuses, stop).await
    }

    /// The same for a job that another worker has begun.
    ///
    /// # Errors
    /// The same as [`run`](Self::run).
    pub async fn go_on(
        &self,
        message: JobRun,
        earlier: Earlier,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        let metadata = Packed::of(&message.metadata())?;
        self.go_on_packed(message, metadata, earlier, statuses, stop).await
    }

    /// The same with the [metadata](JobRun::metadata) of the message, which the job keeps in this form.
    pub(crate) async fn go_on_packed(
        &self,
        message: JobRun,
        metadata: Packed<Metadata>,
        earlier: Earlier,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        let _running = self.metrics.running();
        let mut report = Report::new(&message, metadata.clone(), statuses, &self.metrics);
        let (id, tables) = (earlier.execution_id.clone(), message.upload_tables.clone());
        let outcome = match self.job(message, metadata, earlier).await {
            Ok(job) => self.runner.run(job, &mut report, stop).await?,
            Err(failure) => {
                let outcome = report.failed(failure).await?;
                // The settings of this worker may differ from those of the one that has begun the job.
                self.abandon(id, tables);
                outcome
            }
        };
        self.metrics.ended(&outcome);
        Ok(outcome)
    }

    /// Whether queries run in the database by themselves.
    #[cfg(feature = "worker")]
    pub(crate) fn runs_in_background(&self) -> bool {
        self.runner.runs_in_background()
    }

    /// Ends what another worker may have begun for a job that has ended: a query, if its id is known, and tables of the user.
    pub(crate) fn abandon(&self, id: Option<String>, tables: Option<Vec<UploadTable>>) {
        let tables = user_tables(tables);
        // Tables that no worker may send are nowhere.
        if id.is_some() || self.runner.check_tables(&tables).is_ok() {
            self.runner.abandon(id, tables);
        }
    }

    /// Waits until the database and the store have been told of everything that has ended here: queries, tables of users and
    /// uploads in parts. Call it before the runtime ends.
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
    ) -> io::Result<Outcome> {
        let mut report = Report::of_rejected(rejected, statuses, &self.metrics)?;
        let outcome = report.failed(rejected.failure.clone()).await?;
        self.metrics.ended(&outcome);
        Ok(outcome)
    }

    /// The job that a message asks for. What can be wrong with its result is found now. The form of the result stays
    /// packed until the query has ended, and the query itself stays packed while it runs.
    async fn job(
        &self,
        message: JobRun,
        metadata: Packed<Metadata>,
        earlier: Earlier,
    ) -> Result<Job<'_>, Failure> {
        let tables = user_tables(message.upload_tables);
        let checked = self.runner.check_tables(&tables);
        checked.map_err(|failure| failure.with_context("uploadTables"))?;
        let JobRun { job_id, destination, maxrec, result_format, .. } = message;
        let id = job_id.clone();
        let result = move || {
            let format = unpacked(&result_format)?;
            self.result(&job_id, &format, &destination, maxrec)
        };
        let query = move || -> Result<Query, Failure> {
            let Metadata { query: sql, adql_query: adql, database } = unpacked(&metadata)?;
            Ok(Query { sql, adql, database })
        };
        let destination = result()?.destination;
        let checked = self.runner.check(&destination).await;
        checked.map_err(|failure| failure.with_context("resultDestination"))?;
        Ok(Job {
            id,
            query: Box::new(query),
            tables,
            resume: earlier.execution_id,
            timeout: message.timeout,
            used: earlier.used,
            attempts: earlier.attempts,
            result: Box::new(result),
        })
    }

    fn result(
        &self,
        job_id: &str,
        result: &ResultFormat,
        destination: &Secret<Url>,
        maxrec: Option<u64>,
    ) -> Result<ResultRequest, Failure> {
        let format = self.formats.spec(&result.format, &result.envelope)?;
        let destination =
            Destination { url: destination.clone(), content_type: content_type(&format) };
        let columns = column_list(result);
        // One row more than is wanted shows that there are more.
        let most = maxrec.and_then(|rows| usize::try_from(rows.saturating_add(1)).ok());
        let batch_rows = self.runner.limits().batch_rows(columns.columns.len());
        let batch_rows = batch_rows.min(most.unwrap_or(usize::MAX));
        Ok(ResultRequest {
            rows: RowRequest { columns, batch_rows },
            destination,
            format,
            url_rewrite: self.url_rewrite(job_id, result)?,
            maxrec,
        })
    }

    fn url_rewrite(
        &self,
        job_id: &str,
        format: &ResultFormat,
    ) -> Result<Option<UrlRewriteColumns>, Failure> {
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
                warn!(job = job_id, "URLs are not rewritten: a DataLink URL is not set");
                return Ok(None);
            }
        };
        Ok(Some(UrlRewriteColumns { base, columns }))
    }
}

/// A part of a message. That it can't be read again is a defect.
fn unpacked<T: DeserializeOwned>(packed: &Packed<T>) -> Result<T, Failure> {
    packed.value().map_err(|error| Failure::new(FailureCause::Internal, error.to_string()))
}

/// The tables of a message as parts of its query.
fn user_tables(tables: Option<Vec<UploadTable>>) -> Vec<UserTable> {
    tables.unwrap_or_default().into_iter().map(UploadTable::into_table).collect()
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
