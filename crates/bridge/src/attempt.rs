//! One attempt at a job that other workers may have begun.

use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use taploom_jobs::{Failure, FailureCause, Outcome, Stop};
use tracing::{error, info};

use crate::bridge::{Bridge, Earlier};
use crate::done::{Done, ExecutionId};
use crate::message::{JobRun, Rejected};
use crate::packed::Packed;
use crate::status::Statuses;

impl Bridge {
    /// Goes on with a job, unless its rows were begun `most` times already. A panic ends the job, and not the worker.
    ///
    /// # Errors
    /// A status can't be published. The job then has to be run again.
    pub(crate) async fn attempt(
        &self,
        job: JobRun,
        done: Done,
        most: u32,
        execution_id: &ExecutionId,
        statuses: &dyn Statuses,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        if done.reads >= most {
            let times = done.reads;
            let message = format!(
                "the job is given up: its rows were begun {times} times, and each time the worker or the database ended"
            );
            error!("{message}");
            let failure = Failure::new(FailureCause::Internal, message);
            let outcome = self.reject(&job.rejected(failure), statuses).await?;
            self.abandon(done.execution_id, job.upload_tables);
            return Ok(outcome);
        }
        let is_new = done == Done::default();
        let _counted = match self.owners.enter(&job.owner, is_new) {
            Ok(counted) => counted,
            Err(failure) => {
                let outcome = self.reject(&job.rejected(failure), statuses).await?;
                // A worker that was killed while it sent them has left no other trace of the job.
                self.abandon(None, job.upload_tables);
                return Ok(outcome);
            }
        };
        info!("begins");
        let used = Duration::from_millis(done.used);
        let attempts = Some(most.saturating_sub(done.reads));
        let earlier = Earlier { execution_id: done.execution_id, used, attempts };
        let (job_id, metadata) = (job.job_id.clone(), Packed::of(&job.metadata())?);
        let tables = job.upload_tables.clone();
        let run = self.go_on_packed(job, metadata.clone(), earlier, statuses, stop);
        let run = AssertUnwindSafe(run);
        let outcome = match run.catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => {
                error!("defect: the job panicked");
                let panicked = Rejected::job(job_id, metadata.value()?, Failure::defect());
                let outcome = self.reject(&panicked, statuses).await;
                // Otherwise the job is another worker's by now, with its query and its tables.
                if outcome.is_ok() {
                    self.abandon(execution_id.known(), tables);
                }
                outcome
            }
        };
        match &outcome {
            Ok(Outcome::Failed(failure)) => info!("failed: {failure}"),
            Ok(Outcome::Completed(_)) => info!("completed"),
            Ok(Outcome::Aborted) => info!("stopped"),
            Ok(Outcome::HandedOver) => info!("handed over"),
            Err(_) => {}
        }
        outcome
    }
}
