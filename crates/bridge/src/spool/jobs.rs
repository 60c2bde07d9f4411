//! Runs the job of one file.

use std::io;
use std::sync::Arc;

use taploom_jobs::{Outcome, Stop};
use tokio::time::Instant;
use tracing::{Instrument, error, info, info_span, warn};

use crate::channels::blocking;
use crate::done::Account;
use crate::lock::lock;
use crate::message::{JobRun, Rejected};
use crate::spool::SpoolWorker;
use crate::spool::claim::Claim;
use crate::spool::looks::Entered;
use crate::spool::statuses::SpoolStatuses;

impl SpoolWorker {
    /// Runs a job to its end. If its end can't be sent, the job stays claimed, and is taken up again.
    pub(super) async fn process(self: Arc<Self>, Entered { claim, job, running }: Entered) {
        let name = claim.name.clone();
        let ended = self.end_of(&claim, job, &running.stop).await;
        // The claim still keeps others away. After it, another job of this name may begin.
        drop(running);
        match ended {
            Ok(Outcome::HandedOver) => drop(claim),
            Ok(_) => {
                let this = Arc::clone(&self);
                let removed = blocking(move || {
                    this.show_end(&claim);
                    Ok(())
                });
                if let Err(error) = removed.await {
                    error!(job = name, "the files of a job that has ended: {error}");
                }
            }
            Err(error) => {
                if claim.ended.is_some() {
                    self.unsent.put_off(&name, Instant::now());
                }
                error!(job = name, "the job stays claimed, and is taken up again: {error}");
            }
        }
    }

    /// Shows the end of a job whose final status was sent, and removes its files. Blocks.
    fn show_end(&self, claim: &Claim) {
        let ended = claim.end();
        let mut sent = lock(&self.sent);
        sent.remove(&claim.name);
        if let Err(error) = ended {
            if let Ok(Some(status)) = claim.final_status() {
                sent.insert(claim.name.clone(), status);
            }
            self.problems.of_file(claim.path(), error);
        }
    }

    async fn end_of(
        &self,
        claim: &Claim,
        job: Result<JobRun, Rejected>,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        if let Some(status) = &claim.ended {
            let is_sent = lock(&self.sent).get(&claim.name) == Some(status);
            if !is_sent {
                info!(job = claim.name, "a final status that was written before is sent");
                self.outlet.send(status.clone(), true).await?;
                // The worker may have ended before it ended the query, and before it removed the tables of the user.
                let tables = job.ok().and_then(|job| job.upload_tables);
                self.bridge.abandon(claim.done.execution_id.clone(), tables);
            }
            return Ok(Outcome::Aborted);
        }
        let account = Account::new(claim.done.clone());
        let execution_id = account.execution_id();
        let sent = self.outlet.of_job();
        let statuses =
            SpoolStatuses::new(claim.place(), account, sent, &self.writes, &stop.hand_over);
        match job {
            Ok(job) => {
                let span = info_span!("job", id = job.job_id, owner = job.owner);
                let done = claim.done.clone();
                let most = self.attempts;
                let run = self.bridge.attempt(job, done, most, &execution_id, &statuses, stop);
                let outcome = run.instrument(span).await;
                if let Ok(Outcome::HandedOver) = outcome {
                    statuses.handed_over().await;
                }
                outcome
            }
            Err(mut rejected) => {
                let failure = &rejected.failure;
                warn!(job = claim.name, "a file can't be taken as a job: {failure}");
                rejected.job_id.get_or_insert_with(|| claim.name.clone());
                self.bridge.reject(&rejected, &statuses).await
            }
        }
    }
}
