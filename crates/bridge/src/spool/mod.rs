//! The worker without Kafka: takes jobs from the files of a folder, many at a time.
//!
//! [`folders`] says what the files are. As with Kafka, several workers share a folder, queries outlive workers, and each
//! job ends with one final status, in the folder `done` and in the channel for statuses. If a worker ends between writing
//! the one and sending the other, the next worker sends the same status again.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taploom_jobs::{Outcome, Stop};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::bridge::Bridge;
use crate::channels::{StatusChannel, blocking};
use crate::config::JobsConfig;
use crate::done::Account;
use crate::lanes::Lanes;
use crate::message::{JobRun, UploadTable};
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::spool::folders::{Claim, Folders};
use crate::spool::statuses::SpoolStatuses;
use crate::status::now;

mod folders;
mod statuses;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often a worker looks for jobs whose workers have ended.
const LOOK_FOR_ABANDONED: Duration = Duration::from_secs(5);
/// The last part of the grace period, for the database to learn of queries that were ended; at most a quarter.
const REST: Duration = Duration::from_secs(5);
/// Time without a look at the folder after which the worker counts as dead, in milliseconds.
const SILENT_MS: u64 = 60_000;

/// Takes jobs from a spool folder and runs them.
pub struct SpoolWorker {
    bridge: Bridge,
    folders: Folders,
    channel: StatusChannel,
    /// Number of jobs that this worker has at a time.
    executing: usize,
    /// How often the rows of a job are begun before it is given up.
    attempts: u32,
    shutdown_grace: Duration,
    /// The jobs that run here, by the names of their files.
    running: Mutex<HashMap<String, Stop>>,
    /// Cancelled when this worker is to stop: queries that run are left to other workers.
    leaves: CancellationToken,
    /// Cancelled when the grace period is over.
    ends: CancellationToken,
    /// When the folder was last looked at, in milliseconds since 1970.
    alive: AtomicU64,
}

impl SpoolWorker {
    /// A worker on a folder that exists. `channel` gets the statuses.
    ///
    /// # Errors
    /// The folder does not exist, or nothing can be written into it.
    pub fn new(
        bridge: Bridge,
        folder: &Path,
        jobs: &JobsConfig,
        channel: StatusChannel,
    ) -> io::Result<Arc<Self>> {
        let lanes = Lanes::new(jobs, bridge.memory_budget(), bridge.metrics());
        Ok(Arc::new(Self {
            bridge: bridge.with_gate(Arc::new(lanes)),
            folders: Folders::open(folder)?,
            channel,
            executing: jobs.executing,
            attempts: jobs.attempts,
            shutdown_grace: jobs.shutdown_grace(),
            running: Mutex::default(),
            leaves: CancellationToken::new(),
            ends: CancellationToken::new(),
            alive: AtomicU64::new(now()),
        }))
    }

    /// Works until `shutdown`. Then it takes no new jobs, leaves the queries that run to other workers, finishes the jobs
    /// whose rows are being read within the grace period, and leaves the rest to other workers.
    ///
    /// # Errors
    /// The folder can't be read at the start. Later that is waited out, and [health](Observed::complaint) says so.
    pub async fn run(self: &Arc<Self>, shutdown: &CancellationToken) -> io::Result<()> {
        let waiting = self.folders.waiting()?.len();
        info!(waiting, "takes the jobs of the folder");
        let mut jobs = JoinSet::new();
        let mut looked_for_abandoned: Option<Instant> = None;
        loop {
            let is_due = looked_for_abandoned.is_none_or(|at| at.elapsed() > LOOK_FOR_ABANDONED);
            if is_due {
                looked_for_abandoned = Some(Instant::now());
            }
            match self.look(self.executing.saturating_sub(jobs.len()), is_due).await {
                Ok(claims) => {
                    self.alive.store(now(), Ordering::Relaxed);
                    for (claim, stop) in claims {
                        jobs.spawn(Arc::clone(self).process(claim, stop));
                    }
                }
                Err(error) => warn!("the spool folder: {error}"),
            }
            let look = tokio::time::sleep(LOOK);
            tokio::pin!(look);
            loop {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => {
                        self.end_jobs(&mut jobs).await;
                        return Ok(());
                    }
                    () = &mut look => break,
                    Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
                }
            }
        }
    }

    /// Stops what is to be stopped, and claims up to `room` jobs. Nobody runs these before they are entered as running.
    async fn look(
        self: &Arc<Self>,
        room: usize,
        for_abandoned: bool,
    ) -> io::Result<Vec<(Claim, Stop)>> {
        let this = Arc::clone(self);
        let look = move || {
            let cancelled = this.folders.cancelled()?;
            let mut claims = Vec::new();
            if for_abandoned {
                for name in this.folders.claimed()? {
                    if claims.len() < room && !this.running().contains_key(&name) {
                        claims.extend(taken(&name, this.folders.take_up(&name)));
                    }
                }
            }
            for name in this.folders.waiting()? {
                if claims.len() >= room {
                    break;
                }
                claims.extend(taken(&name, this.folders.claim(&name)));
            }
            let claims = claims.into_iter().map(|claim: Claim| {
                let stop = Stop {
                    hand_over: this.ends.clone(),
                    hand_over_query: this.leaves.clone(),
                    ..Stop::default()
                };
                this.running().insert(claim.name.clone(), stop.clone());
                (claim, stop)
            });
            let claims = claims.collect();
            for name in cancelled {
                match this.running().get(&name) {
                    Some(stop) => stop.abort.cancel(),
                    None => this.folders.forget_cancel_of_none(&name)?,
                }
            }
            Ok(claims)
        };
        blocking(look).await
    }

    /// Runs a job to its end. If its end can't be written or sent, the job stays claimed, and is taken up again.
    async fn process(self: Arc<Self>, claim: Claim, stop: Stop) {
        let name = claim.name.clone();
        let ended = self.end_of(&claim, &stop).await;
        // The claim still keeps others away. After it, another job of this name may begin.
        self.running().remove(&name);
        match ended {
            Ok(Outcome::HandedOver) => drop(claim),
            Ok(_) => {
                if let Err(error) = blocking(move || claim.end()).await {
                    warn!(job = name, "the files of a job that has ended: {error}");
                }
            }
            Err(error) => error!(job = name, "the end of a job can't be told: {error}"),
        }
    }

    async fn end_of(&self, claim: &Claim, stop: &Stop) -> io::Result<Outcome> {
        if let Some(status) = &claim.ended {
            info!(job = claim.name, "the final status of an earlier worker is sent");
            self.channel.send(status.clone(), true).await?;
            // The worker may have ended before it ended the query.
            if let Some(id) = claim.done.execution_id.clone() {
                let tables = JobRun::parse(&claim.message).ok().and_then(|job| job.upload_tables);
                let tables = tables.unwrap_or_default().into_iter().map(UploadTable::into_table);
                self.bridge.abandon(id, tables.collect());
            }
            return Ok(Outcome::Aborted);
        }
        let account = Account::new(claim.done.clone());
        let execution_id = account.execution_id();
        let statuses = SpoolStatuses::new(claim.place(), account, &self.channel);
        match JobRun::parse(&claim.message) {
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

    async fn end_jobs(&self, jobs: &mut JoinSet<()>) {
        info!(jobs = jobs.len(), "shutting down: queries that run are left to other workers");
        self.leaves.cancel();
        let deadline = Instant::now() + self.shutdown_grace;
        let rest = REST.min(self.shutdown_grace / 4);
        if timeout_at(deadline - rest, self.all_ended(jobs)).await.is_err() {
            let left = jobs.len();
            warn!(jobs = left, "the grace period is over: other workers take the jobs over");
        }
        self.ends.cancel();
        if timeout_at(deadline, self.all_ended(jobs)).await.is_err() {
            warn!(
                jobs = jobs.len(),
                "the ends of jobs were not told in time: other workers do that"
            );
        }
        jobs.abort_all();
        let rested = async {
            while jobs.join_next().await.is_some() {}
            self.bridge.rest().await;
        };
        if timeout_at(deadline, rested).await.is_err() {
            warn!("the database or the store was not told of all ends in time");
        }
    }

    /// Waits for all jobs, and shows that this worker is alive.
    async fn all_ended(&self, jobs: &mut JoinSet<()>) {
        while !jobs.is_empty() {
            let _ = tokio::time::timeout(LOOK, jobs.join_next()).await;
            self.alive.store(now(), Ordering::Relaxed);
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Stop>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One file that can't be read must not keep the others waiting.
fn taken(name: &str, claim: io::Result<Option<Claim>>) -> Option<Claim> {
    claim.unwrap_or_else(|error| {
        warn!(job = name, "the file of a job: {error}");
        None
    })
}

impl Observed for SpoolWorker {
    fn metrics(&self) -> &Metrics {
        self.bridge.metrics()
    }

    fn complaint(&self) -> Option<&'static str> {
        let silent = now().saturating_sub(self.alive.load(Ordering::Relaxed));
        (silent > SILENT_MS).then_some("the spool folder could not be looked at for a minute")
    }
}
