//! The worker without Kafka: takes jobs from the files of a folder, many at a time.
//!
//! [`folders`] says what the files are. As with Kafka, several workers share a folder, queries outlive workers, and each
//! job ends with one final status, in the folder `done` and in the channel for statuses. If a worker ends between writing
//! the one and sending the other, the next worker sends the same status again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taploom_jobs::{Failure, Gate, Outcome, Stop};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::bridge::Bridge;
use crate::channels::{StatusChannel, blocking};
use crate::config::JobsConfig;
use crate::done::Account;
use crate::lanes::Lanes;
use crate::message::{JobRun, Metadata, Rejected};
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::outlet::Outlet;
use crate::spool::folders::{Claim, Folders};
use crate::spool::running::{Running, RunningJobs};
use crate::spool::statuses::SpoolStatuses;
use crate::spool::unsent::Unsent;
use crate::status::now;

mod files;
mod folders;
mod running;
mod statuses;
mod unsent;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Time after a job has made room until the folder is looked at again.
const LOOK_FOR_MORE: Duration = Duration::from_millis(50);
/// How often a worker looks for jobs whose workers have ended.
const LOOK_FOR_ABANDONED: Duration = Duration::from_secs(5);
/// Number of final statuses of other workers that are sent at a time. They take no place of a job.
const SENDS: usize = 16;
/// The last part of the grace period, for the database to learn of queries that were ended; at most a quarter.
const REST: Duration = Duration::from_secs(5);
/// Time without a look at the folder after which the worker counts as dead, in milliseconds.
const SILENT_MS: u64 = 60_000;

/// Takes jobs from a spool folder and runs them.
pub struct SpoolWorker {
    bridge: Bridge,
    folders: Folders,
    outlet: Outlet,
    lanes: Arc<Lanes>,
    /// Number of jobs that this worker has at a time.
    executing: usize,
    /// How often the rows of a job are begun before it is given up.
    attempts: u32,
    shutdown_grace: Duration,
    running: RunningJobs,
    /// What the log says about a file, so that it is not said at every look.
    problems: Mutex<HashMap<PathBuf, String>>,
    /// Final statuses that were sent, of jobs whose files could not be removed then.
    sent: Mutex<HashMap<String, Vec<u8>>>,
    /// Final statuses that were refused.
    unsent: Unsent,
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
    /// The folder does not exist, or no file can be made in it or in the folders below it.
    pub fn new(
        bridge: Bridge,
        folder: &Path,
        jobs: &JobsConfig,
        channel: StatusChannel,
    ) -> io::Result<Arc<Self>> {
        let lanes = Arc::new(Lanes::new(jobs, bridge.memory_budget(), bridge.metrics()));
        Ok(Arc::new(Self {
            bridge: bridge.with_gate(Arc::clone(&lanes) as Arc<dyn Gate>),
            lanes,
            folders: Folders::open(folder)?,
            outlet: Outlet::new(channel),
            executing: jobs.executing,
            attempts: jobs.attempts,
            shutdown_grace: jobs.shutdown_grace(),
            running: RunningJobs::default(),
            problems: Mutex::default(),
            sent: Mutex::default(),
            unsent: Unsent::default(),
            leaves: CancellationToken::new(),
            ends: CancellationToken::new(),
            alive: AtomicU64::new(now()),
        }))
    }

    /// Works until `shutdown`. Then it takes no new jobs, leaves the queries that run to other workers, finishes the jobs
    /// whose rows are being read within the grace period, and leaves the rest to other workers.
    ///
    /// # Errors
    /// The folder can't be read at the start; later that is waited out, and [health](Observed::complaint) says so. Or
    /// nobody reads the statuses on standard output any more: then no job could end.
    pub async fn run(self: &Arc<Self>, shutdown: &CancellationToken) -> io::Result<()> {
        let waiting = self.folders.waiting()?.names.len();
        info!(waiting, "takes the jobs of the folder");
        let mut jobs = JoinSet::new();
        let mut looked_for_abandoned: Option<Instant> = None;
        let asked_to_end = self.asked_to_end(shutdown);
        tokio::pin!(asked_to_end);
        loop {
            let is_due = looked_for_abandoned.is_none_or(|at| at.elapsed() > LOOK_FOR_ABANDONED);
            let room = self.room();
            // Jobs that wait must not keep the abandoned ones from a worker that is never idle.
            if is_due && room > 0 {
                looked_for_abandoned = Some(Instant::now());
            }
            // The file system may hang. Jobs that were claimed after all are left to other workers.
            let looked = tokio::select! {
                biased;
                ended = &mut asked_to_end => {
                    self.end_jobs(&mut jobs).await;
                    return ended;
                }
                looked = self.look(room, is_due) => looked,
            };
            match looked {
                Ok(claims) => {
                    self.alive.store(now(), Ordering::Relaxed);
                    for (claim, running) in claims {
                        jobs.spawn(Arc::clone(self).process(claim, running));
                    }
                }
                Err(error) => warn!("the spool folder: {error}"),
            }
            let is_full = self.room() == 0;
            let look = tokio::time::sleep(LOOK);
            tokio::pin!(look);
            loop {
                tokio::select! {
                    biased;
                    ended = &mut asked_to_end => {
                        self.end_jobs(&mut jobs).await;
                        return ended;
                    }
                    () = &mut look => break,
                    Some(ended) = jobs.join_next(), if !jobs.is_empty() => {
                        if let Err(defect) = ended {
                            error!("defect: the task of a job panicked: {defect}");
                        }
                        let soon = Instant::now() + LOOK_FOR_MORE;
                        if is_full && soon < look.deadline() {
                            look.as_mut().reset(soon);
                        }
                    }
                }
            }
        }
    }

    /// Waits until this worker is to end, and says whether it ends well.
    async fn asked_to_end(&self, shutdown: &CancellationToken) -> io::Result<()> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            () = self.outlet.closed() => Err(io::Error::other(
                "nobody reads the statuses on standard output any more; give the worker a reader that lasts, a file, or \
                 --statuses URL",
            )),
        }
    }

    /// Number of jobs that may begin beside those that this worker has. A query that does not run in the database by
    /// itself needs a place from its beginning, and until it has one, it is left to workers that are idle.
    fn room(&self) -> usize {
        let most = match self.bridge.runs_in_background() {
            true => self.executing,
            false => self.executing.min(self.lanes.open()),
        };
        most.saturating_sub(self.running.count(false))
    }

    /// Stops what is to be stopped, and claims up to `room` jobs, and others of which only the final status is to be sent.
    /// Nobody runs these before they are entered as running. A file with a problem keeps no other from its turn.
    async fn look(
        self: &Arc<Self>,
        room: usize,
        for_abandoned: bool,
    ) -> io::Result<Vec<(Claim, Running)>> {
        let this = Arc::clone(self);
        let look = move || {
            let folders = &this.folders;
            folders.make()?;
            let cancelled = folders.cancelled()?;
            let claimed = if for_abandoned { folders.claimed()? } else { Vec::new() };
            let waiting = folders.waiting()?;
            this.forget_problems();
            for file in waiting.unnamed {
                this.problem(file, "its name is not UTF-8");
            }
            if for_abandoned {
                this.unsent.retain(&claimed);
            }
            let (mut claims, now) = (Vec::new(), Instant::now());
            let mut rooms = room;
            let mut sends = SENDS.saturating_sub(this.running.count(true));
            for name in claimed {
                let left = if folders.is_ended(&name) { &mut sends } else { &mut rooms };
                if *left > 0 && this.unsent.is_due(&name, now) && !this.running.has(&name) {
                    match folders.take_up(&name) {
                        Ok(Some(claim)) => {
                            *left -= 1;
                            claims.push(this.enter(claim));
                        }
                        Ok(None) => {}
                        Err(error) => this.problem(folders.claimed_file(&name), &error),
                    }
                }
            }
            for name in waiting.names {
                if rooms == 0 {
                    break;
                }
                match folders.claim(&name) {
                    Ok(Some(claim)) => {
                        rooms -= 1;
                        claims.push(this.enter(claim));
                    }
                    Ok(None) => {}
                    Err(error) => this.problem(folders.waiting_file(&name), &error),
                }
            }
            for name in cancelled {
                if !this.running.abort(&name)
                    && let Err(error) = folders.forget_cancel_of_none(&name)
                {
                    this.problem(folders.cancel_file(&name), &error);
                }
            }
            Ok(claims)
        };
        blocking(look).await
    }

    /// Enters a job as running.
    fn enter(&self, claim: Claim) -> (Claim, Running) {
        let stop = Stop {
            hand_over: self.ends.clone(),
            hand_over_query: self.leaves.clone(),
            ..Stop::default()
        };
        let running = self.running.enter(&claim, stop);
        (claim, running)
    }

    /// Says once that a file can't be taken. It is tried again at every look.
    fn problem(&self, file: PathBuf, why: impl std::fmt::Display) {
        let why = why.to_string();
        let mut problems = lock(&self.problems);
        if problems.get(&file) != Some(&why) {
            warn!(file = %file.display(), "a file of the spool folder is left as it is: {why}");
            problems.insert(file, why);
        }
    }

    /// Forgets what was said about files that are gone.
    fn forget_problems(&self) {
        lock(&self.problems).retain(|file, _| file.symlink_metadata().is_ok());
    }

    /// Runs a job to its end. If its end can't be written or sent, the job stays claimed, and is taken up again.
    async fn process(self: Arc<Self>, claim: Claim, running: Running) {
        let name = claim.name.clone();
        let ended = self.end_of(&claim, &running.stop).await;
        // The claim still keeps others away. After it, another job of this name may begin.
        drop(running);
        match ended {
            Ok(Outcome::HandedOver) => drop(claim),
            Ok(_) => {
                let this = Arc::clone(&self);
                let removed = blocking(move || {
                    let ended = claim.end();
                    let mut sent = lock(&this.sent);
                    sent.remove(&claim.name);
                    if let Err(error) = ended {
                        if let Ok(Some(status)) = claim.final_status() {
                            sent.insert(claim.name.clone(), status);
                        }
                        this.problem(claim.path(), error);
                    }
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

    async fn end_of(&self, claim: &Claim, stop: &Stop) -> io::Result<Outcome> {
        let parsed = match &claim.message {
            Ok(message) => JobRun::parse(message),
            Err(why) => {
                let failure = Failure::invalid(why.clone());
                Err(Rejected { job_id: None, metadata: Box::<Metadata>::default(), failure })
            }
        };
        if let Some(status) = &claim.ended {
            let is_sent = lock(&self.sent).get(&claim.name) == Some(status);
            if !is_sent {
                info!(job = claim.name, "a final status that was written before is sent");
                self.outlet.send(status.clone(), true).await?;
            }
            // The worker may have ended before it ended the query, and before it removed the tables of the user.
            if !is_sent {
                let tables = parsed.ok().and_then(|job| job.upload_tables);
                self.bridge.abandon(claim.done.execution_id.clone(), tables);
            }
            return Ok(Outcome::Aborted);
        }
        let account = Account::new(claim.done.clone());
        let execution_id = account.execution_id();
        let statuses = SpoolStatuses::new(claim.place(), account, self.outlet.of_job());
        match parsed {
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
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
