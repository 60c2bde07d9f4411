//! Runs one job, from its query to the end of its upload.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taploom_pipeline::{Encoded, MaxRec, RowSource, Transformed, UrlRewrite};
use tracing::info;

use crate::database::{Database, Execution, QueryPhase};
use crate::delivery::Delivery;
use crate::failure::{Failure, FailureCause};
use crate::job::{Job, JobLimits, Outcome, Stop, UploadMode};
use crate::observer::{JobObserver, Stage};
use crate::upload::Uploader;

/// Runs jobs: query, encode, upload.
///
/// Each call of [`run`](Self::run) runs one job. Jobs share the database, the HTTP client, and the limit
/// on disk space.
pub struct JobRunner {
    database: Arc<dyn Database>,
    uploader: Uploader,
    limits: JobLimits,
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
        Ok(Self { database, uploader, limits })
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
        job: Job,
        observer: &mut dyn JobObserver,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        let outcome = self.outcome(job, observer, stop).await?;
        if outcome != Outcome::HandedOver {
            observer.ended(&outcome).await?;
        }
        Ok(outcome)
    }

    async fn outcome(
        &self,
        job: Job,
        observer: &mut dyn JobObserver,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        let limit = job.timeout.or(self.limits.timeout);
        let deadline = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(deadline);
        let submitted = tokio::select! {
            submitted = self.database.submit(job.query.clone()) => submitted,
            () = &mut deadline => Err(too_long(limit)),
            () = stop.abort.cancelled() => return Ok(Outcome::Aborted),
            () = stop.hand_over.cancelled() => return Ok(Outcome::HandedOver),
        };
        let mut execution = match submitted {
            Ok(execution) => execution,
            Err(failure) => return Ok(Outcome::Failed(failure)),
        };
        observer.submitted(execution.id());
        let ended = tokio::select! {
            ended = self.carry_out(job, &mut *execution, observer) => ended?,
            () = &mut deadline => Ended::Here(Outcome::Failed(too_long(limit))),
            () = stop.abort.cancelled() => Ended::Here(Outcome::Aborted),
            () = stop.hand_over.cancelled() => Ended::Here(Outcome::HandedOver),
        };
        Ok(match ended {
            Ended::Here(outcome) => {
                match outcome {
                    Outcome::Completed(_) => execution.forget().await,
                    _ => execution.cancel().await,
                }
                outcome
            }
            Ended::InDatabase(outcome) => outcome,
        })
    }

    /// The part between the submission and the end. Only this part can be interrupted.
    async fn carry_out(
        &self,
        job: Job,
        execution: &mut dyn Execution,
        observer: &mut dyn JobObserver,
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
        observer.took(Stage::Query, job.format.plugin().info().id, started.elapsed());
        Ok(Ended::Here(match self.transfer(job, execution, observer).await {
            Ok(encoded) => Outcome::Completed(encoded),
            Err(failure) => Outcome::Failed(failure),
        }))
    }

    async fn transfer(
        &self,
        job: Job,
        execution: &mut dyn Execution,
        observer: &mut dyn JobObserver,
    ) -> Result<Encoded, Failure> {
        let Job { id, mut format, url_rewrite, maxrec, destination, .. } = job;
        format.context.resources = self.limits.resources_of_a_job();
        let mut source: Box<dyn RowSource> = execution.rows().await?;
        if let Some(rewrite) = url_rewrite {
            let rewrite = UrlRewrite::new(source.schema(), rewrite.base, rewrite.columns);
            source = Box::new(Transformed::new(source, rewrite));
        }
        let limit = MaxRec::new(source.schema(), maxrec.unwrap_or(u64::MAX));
        let source = Transformed::new(source, limit);
        let delivery = Delivery { mode: self.limits.upload, uploader: &self.uploader };
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
