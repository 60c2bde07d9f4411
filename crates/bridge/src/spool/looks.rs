//! Looks at the spool folder: stops what is to be stopped, and claims jobs.

use std::io;
use std::sync::Arc;

use taploom_jobs::{Failure, Stop};
use tokio::time::Instant;

use crate::channels::blocking;
use crate::message::{JobRun, Metadata, Rejected};
use crate::spool::SpoolWorker;
use crate::spool::claim::Claim;
use crate::spool::folders::Claimed;
use crate::spool::running::Running;

/// Number of final statuses of other workers that are sent at a time. They take no place of a job.
const SENDS: usize = 16;

/// A job that was claimed and entered as running.
pub(super) struct Entered {
    pub(super) claim: Claim,
    /// Parsed at once, because the message itself may take a MiB, and a job may wait for hours.
    pub(super) job: Result<JobRun, Rejected>,
    pub(super) running: Running,
}

impl SpoolWorker {
    /// Stops what is to be stopped, and claims up to `room` jobs, and others of which only the final status is to be sent.
    /// Nobody runs these before they are entered as running. A file with a problem keeps no other from its turn.
    pub(super) async fn look(
        self: &Arc<Self>,
        room: usize,
        for_abandoned: bool,
    ) -> io::Result<Vec<Entered>> {
        let this = Arc::clone(self);
        blocking(move || this.look_at_folder(room, for_abandoned)).await
    }

    /// The same. Blocks.
    fn look_at_folder(&self, mut rooms: usize, for_abandoned: bool) -> io::Result<Vec<Entered>> {
        let (folders, problems) = (&self.folders, &self.problems);
        folders.make()?;
        let cancelled = folders.cancelled()?;
        let claimed = if for_abandoned { folders.claimed()? } else { Vec::new() };
        let waiting = folders.waiting()?;
        problems.forget_gone();
        for file in waiting.unnamed {
            problems.of_file(file, "its name is not UTF-8");
        }
        if for_abandoned {
            self.unsent.retain(&claimed);
        }
        let (mut entered, now) = (Vec::new(), Instant::now());
        let mut sends = SENDS.saturating_sub(self.running.count(true));
        for name in claimed {
            let left = if folders.is_ended(&name) { &mut sends } else { &mut rooms };
            if *left > 0 && self.unsent.is_due(&name, now) && !self.running.has(&name) {
                match folders.take_up(&name) {
                    Ok(Some(claimed)) => {
                        *left -= 1;
                        entered.push(self.enter(claimed));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        problems.of_file(folders.claimed_file(&name), &error);
                    }
                }
            }
        }
        for name in waiting.names {
            if rooms == 0 {
                break;
            }
            match folders.claim(&name) {
                Ok(Some(claimed)) => {
                    rooms -= 1;
                    entered.push(self.enter(claimed));
                }
                Ok(None) => {}
                Err(error) => {
                    problems.of_file(folders.waiting_file(&name), &error);
                }
            }
        }
        for name in cancelled {
            if !self.running.abort(&name)
                && let Err(error) = folders.forget_cancel_of_none(&name)
            {
                problems.of_file(folders.cancel_file(&name), &error);
            }
        }
        Ok(entered)
    }

    /// Enters a job as running.
    fn enter(&self, Claimed { claim, message }: Claimed) -> Entered {
        let stop = Stop {
            hand_over: self.ends.clone(),
            hand_over_query: self.leaves.clone(),
            ..Stop::default()
        };
        let running = self.running.enter(&claim, stop);
        let job = match message {
            Ok(message) => JobRun::parse(&message),
            Err(why) => {
                let failure = Failure::invalid(why);
                Err(Rejected { job_id: None, metadata: Box::<Metadata>::default(), failure })
            }
        };
        Entered { claim, job, running }
    }
}
