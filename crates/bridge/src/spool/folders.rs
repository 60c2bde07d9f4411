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

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use taploom_whole_file::WholeFile;

use crate::done::Done;

/// Time after which a file that is no JSON is not one that is still being written.
const WRITTEN: Duration = Duration::from_secs(5);

/// Largest message of a job, in bytes. One of a thousand columns takes 500 KiB.
const LARGEST: u64 = 64 << 20;

/// A spool folder.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    waiting: PathBuf,
    claimed: PathBuf,
    done: PathBuf,
}

/// A job that this process has. Another worker takes it up once this is dropped without [`end`](Self::end).
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) message: Vec<u8>,
    /// What other workers have done.
    pub(super) done: Done,
    /// The final status, if a worker ended between writing it and sending it.
    pub(super) ended: Option<Vec<u8>>,
    folders: Folders,
    /// Locked.
    file: File,
}

impl Folders {
    /// Makes the folders below a folder that exists.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            return Err(io::Error::new(ErrorKind::NotADirectory, "there is no such folder"));
        }
        let folders = Self {
            waiting: folder.to_owned(),
            claimed: folder.join("claimed"),
            done: folder.join("done"),
        };
        for made in [&folders.claimed, &folders.done] {
            std::fs::create_dir_all(made)?;
        }
        Ok(folders)
    }

    /// The names of the jobs that wait, the oldest first.
    pub(super) fn waiting(&self) -> io::Result<Vec<String>> {
        let mut jobs = Vec::new();
        for (name, entry) in named(&self.waiting, "json")? {
            // Another worker may have claimed it in the meantime.
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            jobs.push((written.unwrap_or(SystemTime::UNIX_EPOCH), name));
        }
        jobs.sort();
        Ok(jobs.into_iter().map(|(_, name)| name).collect())
    }

    /// The names of the jobs that workers have, this one included.
    pub(super) fn claimed(&self) -> io::Result<Vec<String>> {
        Ok(named(&self.claimed, "json")?.into_iter().map(|(name, _)| name).collect())
    }

    /// The names of the jobs that somebody wants stopped.
    pub(super) fn cancelled(&self) -> io::Result<Vec<String>> {
        Ok(named(&self.waiting, "cancel")?.into_iter().map(|(name, _)| name).collect())
    }

    /// Claims a job that waits. `None` if another worker has it, if its file is still being written, or if an earlier job
    /// of this name has not ended.
    pub(super) fn claim(&self, name: &str) -> io::Result<Option<Claim>> {
        let (path, claimed) = (file(&self.waiting, name), file(&self.claimed, name));
        let Some((opened, message)) = locked(&path)? else { return Ok(None) };
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&message).is_ok();
        if claimed.exists() || (!is_json && is_new(&opened)) {
            return Ok(None);
        }
        // The status of an earlier job of this name would look like that of this one.
        remove(&file(&self.done, name))?;
        std::fs::rename(&path, &claimed)?;
        // Somebody may have put another file in its place. Its lock is free, so that a worker takes it up.
        if !is_at(&opened, &claimed)? {
            return Ok(None);
        }
        self.claimed_by_us(name, opened, message).map(Some)
    }

    /// Takes up a job whose worker has ended. `None` if a worker has it.
    pub(super) fn take_up(&self, name: &str) -> io::Result<Option<Claim>> {
        match locked(&file(&self.claimed, name))? {
            Some((opened, message)) => self.claimed_by_us(name, opened, message).map(Some),
            None => Ok(None),
        }
    }

    fn claimed_by_us(&self, name: &str, file_: File, message: Vec<u8>) -> io::Result<Claim> {
        let done = read(&state(&self.claimed, name))?;
        let done = done.and_then(|text| Done::parse(std::str::from_utf8(&text).ok()?));
        Ok(Claim {
            ended: read(&final_status(&self.claimed, name))?,
            name: name.to_owned(),
            message,
            done: done.unwrap_or_default(),
            folders: self.clone(),
            file: file_,
        })
    }

    /// Removes a request to stop a job that does not exist.
    pub(super) fn forget_cancel_of_none(&self, name: &str) -> io::Result<()> {
        let is_there = file(&self.waiting, name).exists() || file(&self.claimed, name).exists();
        if is_there { Ok(()) } else { self.forget_cancel(name) }
    }

    fn forget_cancel(&self, name: &str) -> io::Result<()> {
        remove(&self.waiting.join(format!("{name}.cancel")))
    }
}

impl Claim {
    /// Where this job can be stopped.
    pub(super) fn place(&self) -> Place {
        Place { name: self.name.clone(), folders: self.folders.clone() }
    }

    /// Removes the job, after its final status was written and sent, and shows the status.
    pub(super) fn end(self) -> io::Result<()> {
        let Self { name, folders, file: locked, .. } = self;
        std::fs::rename(final_status(&folders.claimed, &name), file(&folders.done, &name))?;
        remove(&state(&folders.claimed, &name))?;
        remove(&file(&folders.claimed, &name))?;
        folders.forget_cancel(&name)?;
        drop(locked);
        Ok(())
    }
}

/// Where the state and the final status of a claimed job are written.
#[derive(Clone)]
pub(super) struct Place {
    name: String,
    folders: Folders,
}

impl Place {
    /// Keeps what was done for the job. Blocks.
    pub(super) fn keep(&self, done: &Done) -> io::Result<()> {
        write(&state(&self.folders.claimed, &self.name), done.to_string().as_bytes())
    }

    /// Writes the final status. Blocks.
    pub(super) fn ended(&self, status: &[u8]) -> io::Result<()> {
        write(&final_status(&self.folders.claimed, &self.name), status)
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

fn state(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.done"))
}

fn final_status(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.ended"))
}

/// The files of a folder with this extension, by their names without it. Hidden files are left out, because many programs
/// write a file under such a name first.
fn named(folder: &Path, extension: &str) -> io::Result<Vec<(String, std::fs::DirEntry)>> {
    let mut found = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(extension)?.strip_suffix('.'));
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.starts_with('.')) {
            found.push((name.to_owned(), entry));
        }
    }
    Ok(found)
}

/// Opens a file, locks it, and reads it. `None` if it is gone or another process has the lock.
fn locked(path: &Path) -> io::Result<Option<(File, Vec<u8>)>> {
    let opened = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // Only some file systems lock nothing but what can be written.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(path)?,
        opened => opened?,
    };
    let metadata = opened.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        let why = format!("it is not a file of at most {LARGEST} bytes");
        return Err(io::Error::new(ErrorKind::InvalidData, why));
    }
    match opened.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Its last owner may have moved or removed it after it was opened here.
    if !is_at(&opened, path)? {
        return Ok(None);
    }
    let mut message = Vec::new();
    (&opened).read_to_end(&mut message)?;
    Ok(Some((opened, message)))
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let here = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

fn is_new(file: &File) -> bool {
    let written = file.metadata().and_then(|metadata| metadata.modified());
    let age = written.ok().and_then(|written| written.elapsed().ok());
    // A time in the future is that of another clock.
    age.is_none_or(|age| age < WRITTEN)
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = WholeFile::create(path)?;
    file.handle()?.write_all(bytes)?;
    file.commit()
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    fn spool() -> (tempfile::TempDir, Folders) {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::open(folder.path()).unwrap();
        (folder, folders)
    }

    #[test]
    fn a_job_is_claimed_once_and_taken_up_when_its_worker_has_ended() {
        let (folder, folders) = spool();
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        std::fs::write(folder.path().join("done/a.json"), "of an earlier job").unwrap();
        std::fs::write(folder.path().join(".b.json"), "{}").unwrap();
        std::fs::write(folder.path().join("b.json.part"), "{}").unwrap();
        assert_eq!(folders.waiting().unwrap(), ["a"]);
        let claim = folders.claim("a").unwrap().unwrap();
        assert_eq!((claim.message.as_slice(), &claim.ended), (&b"{}"[..], &None));
        assert!(folders.claim("a").unwrap().is_none());
        assert!(folders.take_up("a").unwrap().is_none());
        let done = Done { used: 7, reads: 1, execution_id: None };
        claim.place().keep(&done).unwrap();
        drop(claim);

        // A job of the same name waits for the end of the first.
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        assert!(folders.claim("a").unwrap().is_none());
        let claim = folders.take_up("a").unwrap().unwrap();
        assert_eq!(claim.done, done);
        claim.place().ended(b"the status").unwrap();
        drop(claim);
        assert!(!folder.path().join("done/a.json").exists());
        let claim = folders.take_up("a").unwrap().unwrap();
        assert_eq!(claim.ended.as_deref(), Some(&b"the status"[..]));
        claim.end().unwrap();
        assert_eq!(std::fs::read(folder.path().join("done/a.json")).unwrap(), b"the status");
        assert_eq!(folders.claimed().unwrap(), [""; 0]);
        assert!(folders.claim("a").unwrap().unwrap().done == Done::default());
    }

    #[test]
    fn a_file_that_is_being_written_is_left_alone() {
        let (folder, folders) = spool();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{\"jobID\": ").unwrap();
        assert!(folders.claim("a").unwrap().is_none());
        let old = SystemTime::now() - 2 * WRITTEN;
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert!(folders.claim("a").unwrap().is_some());
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
                while let Some(name) = folders.waiting().unwrap().pop() {
                    if let Some(claim) = folders.claim(&name).unwrap() {
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
