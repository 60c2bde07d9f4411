//! The files of a spool folder, and who has which.
//!
//! ```text
//! uws1.json           a job that waits
//! uws1.cancel         a request to stop it, wherever it is
//! claimed/uws1.json   a job that a worker has, which holds a lock on the file
//! claimed/uws1.done   what was done for it, for the next worker
//! claimed/uws1.ended  its final status, until that was sent
//! done/uws1.json      its final status
//! ```
//!
//! A worker claims a job by a lock on its file and a rename into `claimed`. The lock ends with the worker, however that
//! ends, so that a claimed file without a lock is a job for the next worker. All changes of files are renames: nobody
//! reads half of a file.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use taploom_whole_file::WholeFile;

use crate::spool::claim::Claim;
use crate::spool::files::{Named, at, is_at, is_new, locked, named, remove};

/// A spool folder.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    waiting: PathBuf,
    claimed: PathBuf,
    done: PathBuf,
}

/// The jobs that wait.
pub(super) struct Waiting {
    /// The names, the oldest job first.
    pub(super) names: Vec<String>,
    /// Files whose names are not UTF-8, so that no status could name them.
    pub(super) unnamed: Vec<PathBuf>,
}

/// A job that was claimed.
pub(super) struct Claimed {
    pub(super) claim: Claim,
    /// The message, or why it is not read.
    pub(super) message: Result<Vec<u8>, String>,
}

impl Folders {
    /// Makes the folders below a folder that exists, and checks that files can be made in all of them.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            return Err(io::Error::new(ErrorKind::NotADirectory, "there is no such folder"));
        }
        let folders = Self {
            waiting: folder.to_owned(),
            claimed: folder.join("claimed"),
            done: folder.join("done"),
        };
        folders.make()?;
        for folder in [&folders.waiting, &folders.claimed, &folders.done] {
            let file = WholeFile::create(folder.join("written"));
            file.map_err(|error| at(folder, &error))?;
        }
        Ok(folders)
    }

    /// Makes the folders below that are missing: somebody may have removed them to tidy up. The spool folder itself is
    /// not made again, because it may be a file system that is not mounted now.
    pub(super) fn make(&self) -> io::Result<()> {
        for folder in [&self.claimed, &self.done] {
            match std::fs::create_dir(folder) {
                Err(_) if folder.is_dir() => {}
                made => made.map_err(|error| at(folder, &error))?,
            }
        }
        Ok(())
    }

    /// The jobs that wait.
    pub(super) fn waiting(&self) -> io::Result<Waiting> {
        let mut jobs = Vec::new();
        let Named { files, unnamed } = named(&self.waiting, "json")?;
        for (name, entry) in files {
            // Another worker may have claimed it in the meantime.
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            jobs.push((written.unwrap_or(SystemTime::UNIX_EPOCH), name));
        }
        jobs.sort();
        Ok(Waiting { names: jobs.into_iter().map(|(_, name)| name).collect(), unnamed })
    }

    /// The path of a job that waits.
    pub(super) fn waiting_file(&self, name: &str) -> PathBuf {
        file(&self.waiting, name)
    }

    /// The path of a job that a worker has.
    pub(super) fn claimed_file(&self, name: &str) -> PathBuf {
        file(&self.claimed, name)
    }

    /// The path of a request to stop a job.
    pub(super) fn cancel_file(&self, name: &str) -> PathBuf {
        self.waiting.join(format!("{name}.cancel"))
    }

    /// The path of what was done for a claimed job.
    pub(super) fn state_file(&self, name: &str) -> PathBuf {
        self.claimed.join(format!("{name}.done"))
    }

    /// The path of the final status of a claimed job.
    pub(super) fn ended_file(&self, name: &str) -> PathBuf {
        self.claimed.join(format!("{name}.ended"))
    }

    /// The path at which the final status of a job is shown.
    pub(super) fn done_file(&self, name: &str) -> PathBuf {
        file(&self.done, name)
    }

    /// The names of the jobs that workers have, this one included.
    pub(super) fn claimed(&self) -> io::Result<Vec<String>> {
        Ok(named(&self.claimed, "json")?.files.into_iter().map(|(name, _)| name).collect())
    }

    /// Whether the final status of a claimed job is written.
    pub(super) fn is_ended(&self, name: &str) -> bool {
        self.ended_file(name).exists()
    }

    /// The names of the jobs that somebody wants stopped.
    pub(super) fn cancelled(&self) -> io::Result<Vec<String>> {
        Ok(named(&self.waiting, "cancel")?.files.into_iter().map(|(name, _)| name).collect())
    }

    /// Claims a job that waits. `None` if another worker has it, if its file is still being written, or if an earlier job
    /// of this name has not ended.
    pub(super) fn claim(&self, name: &str) -> io::Result<Option<Claimed>> {
        let (path, claimed) = (self.waiting_file(name), self.claimed_file(name));
        if std::fs::read_link(&path).is_ok_and(|target| target.is_relative()) {
            let why = "a relative symbolic link leads nowhere from the folder claimed: move the file here";
            return Err(at(&path, &io::Error::other(why)));
        }
        let Some((opened, message)) = locked(&path)? else { return Ok(None) };
        let is_json = message
            .as_ref()
            .is_ok_and(|message| serde_json::from_slice::<serde::de::IgnoredAny>(message).is_ok());
        if claimed.exists() || (!is_json && is_new(&opened)) {
            return Ok(None);
        }
        // The longest of the job's names. A file system that refuses it may refuse the name of the final status too, and
        // such a job could not end.
        self.cancel_file(name).try_exists().map_err(|error| at(&path, &error))?;
        // The status of an earlier job of this name would look like that of this one, and what is left in `claimed`
        // without its job, like the state of this one.
        remove(&self.done_file(name))?;
        remove(&self.state_file(name))?;
        remove(&self.ended_file(name))?;
        std::fs::rename(&path, &claimed).map_err(|error| at(&path, &error))?;
        // Somebody may have put another file in its place. Its lock is free, so that a worker takes it up.
        if !is_at(&opened, &claimed).map_err(|error| at(&claimed, &error))? {
            return Ok(None);
        }
        Ok(Some(Claimed { claim: Claim::new(self, name, opened)?, message }))
    }

    /// Takes up a job whose worker has ended. `None` if a worker has it, or if its final status was sent and is shown: then
    /// only its files are removed.
    pub(super) fn take_up(&self, name: &str) -> io::Result<Option<Claimed>> {
        let Some((opened, message)) = locked(&self.claimed_file(name))? else { return Ok(None) };
        let claim = Claim::new(self, name, opened)?;
        // The status of an earlier job of this name was removed when this job was claimed.
        if claim.ended.is_none() && self.done_file(name).is_file() {
            self.remove_ended(name)?;
            return Ok(None);
        }
        Ok(Some(Claimed { claim, message }))
    }

    /// Removes a job whose final status is shown.
    pub(super) fn remove_ended(&self, name: &str) -> io::Result<()> {
        let forgotten = self.forget_cancel(name);
        // The job itself goes last, because then another one of this name may begin.
        remove(&self.claimed_file(name))?;
        forgotten
    }

    /// Removes a request to stop a job that does not exist.
    pub(super) fn forget_cancel_of_none(&self, name: &str) -> io::Result<()> {
        let is_there = self.waiting_file(name).exists() || self.claimed_file(name).exists();
        if is_there { Ok(()) } else { self.forget_cancel(name) }
    }

    fn forget_cancel(&self, name: &str) -> io::Result<()> {
        remove(&self.cancel_file(name))
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use std::fs::File;
    use std::time::Duration;

    use super::*;
    use crate::spool::files::WRITTEN;

    fn spool() -> (tempfile::TempDir, Folders) {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::open(folder.path()).unwrap();
        (folder, folders)
    }

    /// A worker that is killed after it has shown the final status may leave the job.
    #[test]
    fn a_job_whose_final_status_is_shown_is_removed_and_not_run_again() {
        let (folder, folders) = spool();
        for file in ["claimed/a.json", "done/a.json", "a.cancel"] {
            std::fs::write(folder.path().join(file), "{}").unwrap();
        }
        assert!(folders.take_up("a").unwrap().is_none());
        assert_eq!(folders.claimed().unwrap(), [""; 0]);
        assert_eq!(folders.cancelled().unwrap(), [""; 0]);
        assert!(folder.path().join("done/a.json").exists());
    }

    #[test]
    fn a_file_that_is_being_written_is_left_alone() {
        let (folder, folders) = spool();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{\"jobID\": ").unwrap();
        assert!(folders.claim("a").unwrap().is_none());
        let of_file = File::options().write(true).open(&path).unwrap();
        of_file.set_modified(SystemTime::now() + WRITTEN / 2).unwrap();
        assert!(folders.claim("a").unwrap().is_none(), "another clock is a little ahead");
        of_file.set_modified(SystemTime::now() - 2 * WRITTEN).unwrap();
        assert!(folders.claim("a").unwrap().is_some());
    }

    #[test]
    fn a_time_in_the_future_is_not_waited_for() {
        let (folder, folders) = spool();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{").unwrap();
        let future = SystemTime::now() + Duration::from_secs(100_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(future).unwrap();
        assert!(folders.claim("a").unwrap().is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_folder_without_room_for_files_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/proc", folder.path().join("done")).unwrap();
        let error = Folders::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("/done: "), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn errors_name_the_file() {
        let (folder, folders) = spool();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        };
        std::fs::create_dir(folder.path().join("folder.json")).unwrap();
        link("/nowhere/at/all", "broken.json");
        link("loop.json", "loop.json");
        link("claimed/../other", "relative.json");
        let long = "n".repeat(250);
        std::fs::write(folder.path().join(format!("{long}.json")), "{}").unwrap();
        std::fs::create_dir(folder.path().join("done/late.json")).unwrap();
        std::fs::write(folder.path().join("late.json"), "{}").unwrap();
        for (name, file) in [
            ("folder", "folder.json: it is not a file"),
            ("broken", "broken.json: it is a symbolic link to a file that does not exist"),
            ("loop", "loop.json: "),
            ("relative", "relative.json: a relative symbolic link"),
            (&long, "n.json: File name too long"),
            ("late", "done/late.json: "),
        ] {
            let error = folders.claim(name).err().unwrap().to_string();
            assert!(error.contains(file), "{error}");
        }
        assert_eq!(folders.claimed().unwrap(), [""; 0]);
    }

    #[test]
    fn many_workers_claim_each_job_once() {
        const JOBS: usize = 200;
        let (folder, folders) = spool();
        for job in 0..JOBS {
            std::fs::write(folder.path().join(format!("{job}.json")), "{}").unwrap();
        }
        let claims: Vec<usize> = std::thread::scope(|scope| {
            let work = || {
                let mut mine = Vec::new();
                while let Some(name) = folders.waiting().unwrap().names.pop() {
                    if let Some(Claimed { claim, .. }) = folders.claim(&name).unwrap() {
                        mine.push(name);
                        claim.place().ended(b"{}").unwrap();
                        claim.end().unwrap();
                    }
                }
                mine.len()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(claims.iter().sum::<usize>(), JOBS);
    }
}
