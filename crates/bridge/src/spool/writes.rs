//! Files of jobs that can't be written for now: the disk is full, or the file system is away.
//!
//! What was done for a job is kept before the job goes on, so a job waits for its file, as with Kafka it waits for the broker.
//! It keeps what it has: a query that runs, or a result that is stored. Nothing is begun again, and while a disk is full, no
//! job is begun.

use std::io::{self, ErrorKind};
use std::sync::Mutex;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::channels::blocking;
use crate::lock::lock;

/// Pause before a file is written again. It doubles before each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The files that wait to be written.
#[derive(Default)]
pub(super) struct Writes(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    files: usize,
    /// Those for which the disk has no room, or which it does not take.
    for_disk: usize,
}

/// A file that waits until this is dropped.
struct WaitingFile<'a> {
    writes: &'a Writes,
    is_for_disk: bool,
}

impl Writes {
    /// Writes a file, again and again until that succeeds, or `end` is cancelled. The log says so once, whatever the number
    /// of files.
    ///
    /// # Errors
    /// The file is not written.
    pub(super) async fn until_done(
        &self,
        end: &CancellationToken,
        write: impl Fn() -> io::Result<()> + Clone + Send + 'static,
    ) -> io::Result<()> {
        let (mut pauses, mut waits) = (pauses(), None::<WaitingFile<'_>>);
        loop {
            let Err(error) = blocking(write.clone()).await else { break };
            waits.get_or_insert_with(|| self.wait(&error)).failed(&error);
            tokio::select! {
                biased;
                () = end.cancelled() => return Err(error),
                () = sleep(pauses.next().unwrap_or(LONGEST_PAUSE)) => {}
            }
        }
        let has_waited = waits.take().is_some();
        if has_waited && !self.are_waiting() {
            info!("the files of jobs are written again");
        }
        Ok(())
    }

    /// Whether a file can't be written.
    pub(super) fn are_waiting(&self) -> bool {
        lock(&self.0).files > 0
    }

    /// Whether the disk is full, so that the files of other jobs could not be written either.
    pub(super) fn disk_is_full(&self) -> bool {
        lock(&self.0).for_disk > 0
    }

    fn wait(&self, error: &io::Error) -> WaitingFile<'_> {
        let mut waiting = lock(&self.0);
        if waiting.files == 0 {
            warn!("jobs wait, because their files can't be written into the spool folder: {error}");
        }
        waiting.files += 1;
        WaitingFile { writes: self, is_for_disk: false }
    }
}

impl WaitingFile<'_> {
    /// Takes note of why the file waits now.
    fn failed(&mut self, error: &io::Error) {
        let is_for_disk = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem
        );
        let mut waiting = lock(&self.writes.0);
        waiting.for_disk -= usize::from(self.is_for_disk);
        waiting.for_disk += usize::from(is_for_disk);
        self.is_for_disk = is_for_disk;
    }
}

impl Drop for WaitingFile<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.writes.0);
        waiting.files -= 1;
        waiting.for_disk -= usize::from(self.is_for_disk);
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_pauses_grow() {
        let seconds: Vec<f64> = pauses().take(8).map(|pause| pause.as_secs_f64()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
    }

    #[tokio::test]
    async fn a_file_is_written_when_there_is_room_again() {
        let (writes, end) = (Writes::default(), CancellationToken::new());
        let tried = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tried);
        let write = move || -> io::Result<()> {
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Err(ErrorKind::StorageFull.into()),
                _ => Ok(()),
            }
        };
        let started = Instant::now();
        let looked = async {
            sleep(FIRST_PAUSE / 2).await;
            (writes.are_waiting(), writes.disk_is_full(), tried.load(Ordering::Relaxed))
        };
        let (written, during) = tokio::join!(writes.until_done(&end, write), looked);
        written.unwrap();
        assert_eq!(during, (true, true, 1));
        assert!(started.elapsed() >= 3 * FIRST_PAUSE);
        assert_eq!((writes.are_waiting(), tried.load(Ordering::Relaxed)), (false, 3));
    }

    #[tokio::test]
    async fn the_last_error_of_a_file_says_whether_the_disk_is_full() {
        let (writes, end) = (Writes::default(), CancellationToken::new());
        let tried = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tried);
        let write = move || -> io::Result<()> {
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => Err(ErrorKind::NotFound.into()),
                1 => Err(ErrorKind::StorageFull.into()),
                2 => Err(ErrorKind::NotFound.into()),
                _ => Ok(()),
            }
        };
        let looked = async {
            let mut seen = Vec::new();
            for wait in [FIRST_PAUSE / 2, FIRST_PAUSE, 2 * FIRST_PAUSE] {
                sleep(wait).await;
                seen.push(writes.disk_is_full());
            }
            seen
        };
        let (written, seen) = tokio::join!(writes.until_done(&end, write), looked);
        written.unwrap();
        assert_eq!((seen, writes.disk_is_full()), (vec![false, true, false], false));
    }

    #[tokio::test]
    async fn one_file_that_cant_be_written_keeps_no_job_from_its_beginning() {
        let (writes, end) = (Writes::default(), CancellationToken::new());
        let looked = async {
            sleep(FIRST_PAUSE / 2).await;
            let seen = (writes.are_waiting(), writes.disk_is_full());
            end.cancel();
            seen
        };
        let write = || -> io::Result<()> { Err(ErrorKind::IsADirectory.into()) };
        let (written, during) = tokio::join!(writes.until_done(&end, write), looked);
        assert_eq!(written.unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!((during, writes.are_waiting()), ((true, false), false));
    }
}
