//! Runs one job, from its query to the end of its upload.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taploom_pipeline::{Encoded, MaxRec, RowSource, Transformed, UrlRewrite};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::database::{Database, Execution, QueryPhase};
use crate::delivery::Delivery;
use crate::failure::{Failure, FailureCause};
use crate::gate::{Gate, Open};
use crate::job::{Job, JobLimits, Outcome, ResultRequest, Stop, UploadMode};
use crate::observer::{JobObserver, Stage};
use crate::upload::Uploader;

/// Runs jobs: query, encode, upload.
///
/// Each call of [`run`](Self::run) runs one job. Jobs share the database, the HTTP client, and the limit
/// on disk space.
///
/// The end of a job is reported first, and the database learns of it afterwards, in a task of its own: nobody waits for
/// a database that is slow to forget a result. [`rest`](Self::rest) waits for these tasks.
pub struct JobRunner {
    database: Arc<dyn Database>,
    uploader: Uploader,
    limits: JobLimits,
    gate: Arc<dyn Gate>,
    /// Queries that are being ended in the database.
    endings: TaskTracker,
}

impl JobRunner {
    /// A runner of jobs in one database.
    ///
    /// # Errors
    /// The database's rows can be read only once, but the upload is chunked: a failed upload would have
    /// to start again from the rows.
    pub fn new(
        database: Arc<dyn Database>,
        uploader: Uploader,
        limits: JobLimits,
    ) -> Result<Self, Failure> {
        if database.reads_once() && limits.upload == UploadMode::Chunked {
            return Err(Failure::invalid(
                "the database gives a result only once: its upload has to be spooled, not chunked",
            ));
        }
        let (gate, endings) = (Arc::new(Open), TaskTracker::new());
        Ok(Self { database, uploader, limits, gate, endings })
    }

    /// Bounds the number of jobs that read rows at the same time.
    #[must_use]
    pub fn with_gate(self, gate: Arc<dyn Gate>) -> Self {
        Self { gate, ..self }
    }

    /// The resources that jobs may use.
    pub fn limits(&self) -> &JobLimits {
        &self.limits
    }

    /// Runs a job to its end.
    ///
    /// # Errors
    /// The observer could not publish a step. The job then has to be run again.
    pub async fn run(
        &self,
        job: Job<'_>,
        observer: &mut dyn JobObserver,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        let (ended, execution) = self.ended(job, observer, stop).await;
        let published = match &ended {
            Ok(Ended::Here(Outcome::HandedOver)) | Err(_) => Ok(()),
            Ok(Ended::Here(outcome) | Ended::InDatabase(outcome)) => observer.ended(outcome).await,
        };
        if let Some(execution) = execution {
            self.end(execution, &ended);
        }
        published?;
        let (Ended::Here(outcome) | Ended::InDatabase(outcome)) = ended?;
        Ok(outcome)
    }

    /// Waits until the database has been told of the end of every query that [`run`](Self::run) has ended. Call it
    /// before the runtime ends.
    pub async fn rest(&self) {
        self.endings.close();
        self.endings.wait().await;
        self.endings.reopen();
    }

    /// Tells the database of the end of a query.
    fn end(&self, mut execution: Box<dyn Execution>, ended: &io::Result<Ended>) {
        let is_stored = match ended {
            Ok(Ended::InDatabase(_)) => return,
            // Another worker takes the job up, and the query with it.
            Ok(Ended::Here(Outcome::HandedOver)) | Err(_) if execution.can_be_resumed() => return,
            Ok(Ended::Here(outcome)) => matches!(outcome, Outcome::Completed(_)),
            Err(_) => false,
        };
        self.endings.spawn(async move {
            match is_stored {
                true => execution.forget().await,
                false => execution.cancel().await,
            }
        });
    }

    /// How a job ends, and its query, if the database has accepted it.
    async fn ended(
        &self,
        job: Job<'_>,
        observer: &mut dyn JobObserver,
        stop: &Stop,
    ) -> (io::Result<Ended>, Option<Box<dyn Execution>>) {
        let limit = job.timeout.or(self.limits.timeout);
        let clock = Clock::start(limit, job.used);
        let deadline = clock.runs_out();
        tokio::pin!(deadline);
        let reads = AtomicBool::new(false);
        let hand_over = async {
            tokio::select! {
                () = stop.hand_over.cancelled() => return,
                () = stop.hand_over_query.cancelled() => {}
            }
            if reads.load(Ordering::Relaxed) {
                stop.hand_over.cancelled().await;
            }
        };
        tokio::pin!(hand_over);
        let submitted = tokio::select! {
            submitted = self.submit(&job) => submitted.map_err(Outcome::Failed),
            () = &mut deadline => Err(Outcome::Failed(too_long(limit))),
            () = stop.abort.cancelled() => Err(Outcome::Aborted),
            () = &mut hand_over => Err(Outcome::HandedOver),
        };
        let mut execution = match submitted {
            Ok(execution) => execution,
            Err(outcome) => return (Ok(Ended::Here(outcome)), None),
        };
        observer.submitted(execution.id());
        let ended = tokio::select! {
            ended = self.carry_out(job, &mut *execution, observer, &clock, &reads) => ended,
            () = &mut deadline => Ok(Ended::Here(Outcome::Failed(too_long(limit)))),
            () = stop.abort.cancelled() => Ok(Ended::Here(Outcome::Aborted)),
            () = &mut hand_over => Ok(Ended::Here(Outcome::HandedOver)),
        };
        (ended, Some(execution))
    }

    async fn submit(&self, job: &Job<'_>) -> Result<Box<dyn Execution>, Failure> {
        if let Some(id) = &job.resume {
            if let Some(execution) = self.database.resume(id, &job.query).await? {
                info!(query = id, "goes on with a query that another worker has submitted");
                return Ok(execution);
            }
            warn!(query = id, "the database has the query no more; it is submitted again");
        }
        self.database.submit(&job.query).await
    }

    /// The part between the submission and the end. Only this part can be interrupted.
    async fn carry_out(
        &self,
        job: Job<'_>,
        execution: &mut dyn Execution,
        observer: &mut dyn JobObserver,
        clock: &Clock,
        reads: &AtomicBool,
    ) -> io::Result<Ended> {
        let started = Instant::now();
        loop {
            let progress = match execution.progress().await {
                Ok(progress) => progress,
                Err(failure) => return Ok(Ended::Here(Outcome::Failed(failure))),
            };
            observer.progress(&progress).await?;
            match progress.phase {
                QueryPhase::Executing => {}
                QueryPhase::Finished => break,
                QueryPhase::Failed(failure) => {
                    return Ok(Ended::InDatabase(Outcome::Failed(failure)));
                }
                QueryPhase::Aborted => return Ok(Ended::InDatabase(Outcome::Aborted)),
            }
        }
        let queried = started.elapsed();
        clock.stop();
        let _pass = self.gate.pass().await;
        clock.go_on();
        let result = match (job.result)() {
            Ok(result) => result,
            Err(failure) => return Ok(Ended::Here(Outcome::Failed(failure))),
        };
        observer.took(Stage::Query, result.format.plugin().info().id, queried);
        reads.store(true, Ordering::Relaxed);
        observer.reads_rows().await?;
        let transferred = self.transfer(&job.id, result, execution, observer, clock).await;
        Ok(Ended::Here(match transferred {
            Ok(encoded) => Outcome::Completed(encoded),
            Err(failure) => Outcome::Failed(failure),
        }))
    }

    async fn transfer(
        &self,
        id: &str,
        result: ResultRequest,
        execution: &mut dyn Execution,
        observer: &mut dyn JobObserver,
        clock: &Clock,
    ) -> Result<Encoded, Failure> {
        let ResultRequest { rows, mut format, url_rewrite, maxrec, destination } = result;
        format.context.resources = self.limits.resources_of_a_job();
        let mut source: Box<dyn RowSource> = execution.rows(rows).await?;
        if let Some(rewrite) = url_rewrite {
            let rewrite = UrlRewrite::new(source.schema(), rewrite.base, rewrite.columns);
            source = Box::new(Transformed::new(source, rewrite));
        }
        let limit = MaxRec::new(source.schema(), maxrec.unwrap_or(u64::MAX));
        let source = Transformed::new(source, limit);
        let delivery = Delivery {
            mode: self.limits.upload,
            uploader: &self.uploader,
            scratch: self.limits.scratch_per_job,
            clock,
        };
        let encoded = delivery.store(source, format, &destination, observer).await?;
        let summary = &encoded.summary;
        info!(
            job = id,
            rows = summary.rows,
            bytes = summary.total_bytes,
            truncated_cells = summary.truncated_cells,
            altered_cells = summary.altered_cells,
            "the result is stored"
        );
        Ok(encoded)
    }
}

/// How a job ended, and whether the database knows it already.
enum Ended {
    /// The runner has ended the job, and has to tell the database.
    Here(Outcome),
    /// The database has reported the end.
    InDatabase(Outcome),
}

fn too_long(limit: Option<Duration>) -> Failure {
    let seconds = limit.unwrap_or_default().as_secs_f64();
    let message = format!("the job took longer than its limit of {seconds} s");
    Failure::new(FailureCause::TimedOut, message)
}
