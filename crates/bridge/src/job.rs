//! One job from its message to its final status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use taploom_format::{ColumnMetadata, EncodeContext, EncoderSpec};
use taploom_pipeline::{Encoded, MaxRec, RowSource};
use taploom_sources::ColumnList;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::database::{Database, Execution, News, Query, QueryPhase};
use crate::failure::{ErrorCode, Failure};
use crate::format::{Formats, content_type};
use crate::message::{JobRun, Rejected};
use crate::metrics::Metrics;
use crate::pipeline::{ScratchSpace, UploadMode, Way};
use crate::report::Report;
use crate::status::Statuses;
use crate::upload::{Target, Uploader};
use crate::url_rewrite::UrlRewrite;

/// What jobs may use, and how their results are made.
#[derive(Debug, Clone)]
pub struct JobLimits {
    /// Heap that an encoder may hold, in bytes.
    pub memory_budget: usize,
    /// Threads that an encoder may keep busy.
    pub threads: usize,
    /// Where results and what encoders put aside are kept.
    pub scratch: ScratchSpace,
    /// How results are sent.
    pub upload: UploadMode,
    /// How long a job may take that does not say so itself. No limit.
    pub timeout: Option<Duration>,
    /// The base of rewritten URLs; by default the message's own.
    pub datalink_url: Option<Url>,
    /// Rows of a batch at most; by default what takes some 2 MiB of numbers.
    pub batch_rows: Option<usize>,
}

impl Default for JobLimits {
    fn default() -> Self {
        let EncodeContext { memory_budget, threads, scratch_dir, scratch_budget, .. } =
            EncodeContext::default();
        Self {
            memory_budget,
            threads,
            scratch: ScratchSpace { folder: scratch_dir, budget: scratch_budget },
            upload: UploadMode::default(),
            timeout: None,
            datalink_url: None,
            batch_rows: None,
        }
    }
}

/// Runs jobs: query, encode, upload, and say so.
pub struct Bridge {
    formats: Formats,
    database: Arc<dyn Database>,
    uploader: Uploader,
    limits: JobLimits,
    metrics: Metrics,
}

/// How a job is stopped from outside.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Somebody does not want the result any more: the job ends as ABORTED.
    pub abort: CancellationToken,
    /// Another worker takes the job over: nothing more is published here.
    pub hand_over: CancellationToken,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The result is stored.
    Completed(Encoded),
    /// There is no result.
    Failed(Failure),
    /// Somebody stopped it; there is no result.
    Aborted,
    /// It did not end here: no final status was published.
    HandedOver,
}

/// What a job needs, once its message is found to be in order.
struct Prepared {
    spec: EncoderSpec,
    query: Query,
    rewrites: Option<(Url, Vec<usize>)>,
}

impl Bridge {
    /// A bridge to a database.
    ///
    /// # Errors
    /// Where rows can be read only once, and an upload that fails would have to begin again with them.
    pub fn new(
        formats: Formats,
        database: Arc<dyn Database>,
        uploader: Uploader,
        limits: JobLimits,
    ) -> Result<Self, Failure> {
        if database.reads_once() && limits.upload == UploadMode::Chunked {
            return Err(Failure::invalid(
                "the database gives a result only once: its upload has to be spooled, not chunked",
            ));
        }
        Ok(Self { formats, database, uploader, limits, metrics: Metrics::default() })
    }

    /// What is counted and measured of its jobs.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Heap that the encoder of each job may hold.
    pub fn memory_budget(&self) -> usize {
        self.limits.memory_budget
    }

    /// Runs a job and publishes its status messages, the final one last and exactly once, unless it is
    /// handed over.
    ///
    /// # Errors
    /// Where a status can't be published; then the job has to be run again.
    pub async fn run(
        &self,
        job: &JobRun,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> std::io::Result<Outcome> {
        let running = self.metrics.running();
        let outcome = self.run_to_end(job, statuses, stop).await;
        drop(running);
        if let Ok(outcome) = &outcome {
            self.metrics.ended(outcome);
        }
        outcome
    }

    async fn run_to_end(
        &self,
        job: &JobRun,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> std::io::Result<Outcome> {
        let mut report = Report::new(job, statuses);
        let prepared = match self.prepare(job) {
            Ok(prepared) => prepared,
            Err(failure) => return report.failed(failure).await,
        };
        let limit = job.timeout.or(self.limits.timeout);
        let deadline = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(deadline);
        let submitted = tokio::select! {
            submitted = self.database.submit(prepared.query.clone()) => submitted,
            () = &mut deadline => Err(too_long(limit)),
            () = stop.abort.cancelled() => return report.aborted().await,
            () = stop.hand_over.cancelled() => return Ok(Outcome::HandedOver),
        };
        let mut execution = match submitted {
            Ok(execution) => execution,
            Err(failure) => return report.failed(failure).await,
        };
        report.submitted(execution.id());
        let ended = tokio::select! {
            ended = self.carry_out(job, prepared, &mut *execution, &mut report) => ended?,
            () = &mut deadline => Ended::Failed(too_long(limit)),
            () = stop.abort.cancelled() => Ended::Stopped,
            () = stop.hand_over.cancelled() => Ended::HandedOver,
        };
        match ended {
            Ended::Completed(encoded) => {
                execution.forget().await;
                report.completed(encoded).await
            }
            Ended::Failed(failure) => {
                execution.cancel().await;
                report.failed(failure).await
            }
            Ended::Stopped => {
                execution.cancel().await;
                report.aborted().await
            }
            Ended::HandedOver => {
                execution.cancel().await;
                Ok(Outcome::HandedOver)
            }
            Ended::FailedInDatabase(failure) => report.failed_in_database(failure).await,
            Ended::AbortedInDatabase => report.aborted().await,
        }
    }

    /// Publishes why a message is no job.
    ///
    /// # Errors
    /// Where the status can't be published, or there is no name to publish it under.
    pub async fn reject(
        &self,
        rejected: &Rejected,
        statuses: &dyn Statuses,
    ) -> std::io::Result<Outcome> {
        let report = Report::of_rejected(rejected, statuses)?;
        let outcome = report.failed(rejected.failure.clone()).await?;
        self.metrics.ended(&outcome);
        Ok(outcome)
    }

    fn prepare(&self, job: &JobRun) -> Result<Prepared, Failure> {
        if job.upload_tables.as_ref().is_some_and(|tables| !tables.is_empty()) {
            return Err(Failure::invalid("uploadTables: this bridge takes no tables"));
        }
        let format = &job.result_format;
        let mut spec = self.formats.spec(&format.format, &format.envelope)?;
        spec.context.memory_budget = self.limits.memory_budget;
        spec.context.threads = self.limits.threads;
        spec.context.scratch_dir.clone_from(&self.limits.scratch.folder);
        spec.context.scratch_budget = self.limits.scratch.budget;
        let columns = format.column_types.iter().map(|column| ColumnMetadata {
            name: Some(column.name.clone()),
            datatype: Some(column.datatype),
            arraysize: column.arraysize.as_ref().map(ToString::to_string),
            ..ColumnMetadata::default()
        });
        let columns: Vec<ColumnMetadata> = columns.collect();
        let batch_rows = self.limits.batch_rows.unwrap_or_else(|| batch_rows(columns.len()));
        Ok(Prepared {
            spec,
            query: Query {
                sql: job.query.clone(),
                database: job.database.clone(),
                columns: ColumnList {
                    table: None,
                    description: None,
                    source: None,
                    columns,
                    metadata: taploom_format::TableMetadata::default(),
                },
                batch_rows,
            },
            rewrites: self.rewrites(job)?,
        })
    }

    fn rewrites(&self, job: &JobRun) -> Result<Option<(Url, Vec<usize>)>, Failure> {
        let format = &job.result_format;
        let columns = format.column_types.iter().enumerate();
        let columns = columns.filter(|(_, column)| column.requires_url_rewrite == Some(true));
        let columns: Vec<usize> = columns.map(|(index, _)| index).collect();
        if columns.is_empty() {
            return Ok(None);
        }
        let base = match (&self.limits.datalink_url, &format.base_url) {
            (Some(url), _) => url.clone(),
            (None, Some(text)) => text.parse().map_err(|error| {
                Failure::invalid(format!("resultFormat.baseUrl: {text:?} is no URL: {error}"))
            })?,
            (None, None) => {
                warn!(job = job.job_id, "URLs are not rewritten: there is no DataLink URL");
                return Ok(None);
            }
        };
        Ok(Some((base, columns)))
    }

    /// What happens between the submission and the end; the only part that can be cut short.
    async fn carry_out(
        &self,
        job: &JobRun,
        prepared: Prepared,
        execution: &mut dyn Execution,
        report: &mut Report<'_>,
    ) -> std::io::Result<Ended> {
        let started = Instant::now();
        loop {
            let news = match execution.news().await {
                Ok(news) => news,
                Err(failure) => return Ok(Ended::Failed(failure)),
            };
            let News { phase, .. } = &news;
            match phase {
                QueryPhase::Executing => report.executing(&news).await?,
                QueryPhase::Finished => {
                    report.finished(&news).await?;
                    break;
                }
                QueryPhase::Failed(failure) => {
                    report.note(&news);
                    return Ok(Ended::FailedInDatabase(failure.clone()));
                }
                QueryPhase::Aborted => {
                    report.note(&news);
                    return Ok(Ended::AbortedInDatabase);
                }
            }
        }
        self.metrics.took("query", prepared.spec.plugin().info().id, started.elapsed());
        Ok(match self.transfer(job, prepared, execution).await {
            Ok(encoded) => Ended::Completed(encoded),
            Err(failure) => Ended::Failed(failure),
        })
    }

    async fn transfer(
        &self,
        job: &JobRun,
        prepared: Prepared,
        execution: &mut dyn Execution,
    ) -> Result<Encoded, Failure> {
        let mut source: Box<dyn RowSource> = execution.rows().await?;
        if let Some((base, columns)) = prepared.rewrites {
            source = Box::new(UrlRewrite::new(source, base, columns));
        }
        let source = MaxRec::new(source, job.maxrec.unwrap_or(u64::MAX));
        let content_type = content_type(&prepared.spec);
        let target = Target { url: &job.destination, content_type: &content_type };
        let way = Way {
            mode: self.limits.upload,
            scratch: &self.limits.scratch,
            uploader: &self.uploader,
            metrics: &self.metrics,
        };
        let encoded = way.store(source, prepared.spec, target).await?;
        let summary = &encoded.summary;
        info!(
            job = job.job_id,
            rows = summary.rows,
            bytes = summary.total_bytes,
            truncated_cells = summary.truncated_cells,
            altered_cells = summary.altered_cells,
            "the result is stored"
        );
        Ok(encoded)
    }
}

enum Ended {
    Completed(Encoded),
    /// The bridge could not go on.
    Failed(Failure),
    /// The database itself says so.
    FailedInDatabase(Failure),
    AbortedInDatabase,
    /// By whoever asked.
    Stopped,
    HandedOver,
}

fn too_long(limit: Option<Duration>) -> Failure {
    let seconds = limit.unwrap_or_default().as_secs_f64();
    let message = format!("the job took longer than its limit of {seconds} s");
    Failure::new(ErrorCode::ResultTimeout, message)
}

/// Rows that take some 2 MiB at 8 bytes a cell: a batch of a wide result must not be what fills the
/// memory.
fn batch_rows(columns: usize) -> usize {
    ((2 << 20) / (8 * columns.max(1))).clamp(64, 2000)
}
