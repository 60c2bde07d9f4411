//! The worker without Kafka: takes jobs from the files of a folder, many at a time.
//!
//! [`folders`] says what the files are. As with Kafka, several workers share a folder, queries outlive workers, and each
//! job ends with one final status, in the folder `done` and in the channel for statuses. If a worker ends between writing
//! the one and sending the other, the next worker sends the same status again.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taploom_jobs::Gate;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bridge::Bridge;
use crate::channels::StatusChannel;
use crate::config::JobsConfig;
use crate::lanes::Lanes;
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::outlet::Outlet;
use crate::spool::folders::Folders;
use crate::spool::problems::Problems;
use crate::spool::running::RunningJobs;
use crate::spool::unsent::Unsent;
use crate::spool::writes::Writes;
use crate::status::now;

mod claim;
mod files;
mod folders;
mod jobs;
mod looks;
mod problems;
mod running;
mod statuses;
mod unsent;
mod writes;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Time after a job has made room until the folder is looked at again.
const LOOK_FOR_MORE: Duration = Duration::from_millis(50);
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
    outlet: Outlet,
    lanes: Arc<Lanes>,
    /// Number of jobs that this worker has at a time.
    executing: usize,
    /// How often the rows of a job are begun before it is given up.
    attempts: u32,
    shutdown_grace: Duration,
    running: RunningJobs,
    problems: Problems,
    writes: Writes,
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
            problems: Problems::default(),
            writes: Writes::default(),
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
            self.problems.of_folder(looked.as_ref().err());
            if let Ok(entered) = looked {
                self.alive.store(now(), Ordering::Relaxed);
                for job in entered {
                    jobs.spawn(Arc::clone(self).process(job));
                }
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
    /// itself needs a place from its beginning, and until it has one, it is left to workers that are idle. With a full disk,
    /// no job could tell that it has begun.
    fn room(&self) -> usize {
        if self.writes.disk_is_full() {
            return 0;
        }
        let most = match self.bridge.runs_in_background() {
            true => self.executing,
            false => self.executing.min(self.lanes.open()),
        };
        most.saturating_sub(self.running.count(false))
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

impl Observed for SpoolWorker {
    fn metrics(&self) -> &Metrics {
        self.bridge.metrics()
    }

    fn complaint(&self) -> Option<&'static str> {
        let silent = now().saturating_sub(self.alive.load(Ordering::Relaxed));
        if silent > SILENT_MS {
            return Some("the spool folder could not be looked at for a minute");
        }
        self.writes.are_waiting().then_some("files of jobs can't be written into the spool folder")
    }
}
