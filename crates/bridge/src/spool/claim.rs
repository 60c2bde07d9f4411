//! A job that a worker has: its files in the folder `claimed`, until it ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::done::Done;
use crate::spool::files::{at, read, remove, write};
use crate::spool::folders::Folders;

/// A job that this process has. Another worker takes it up once this is dropped without [`end`](Self::end).
pub(super) struct Claim {
    pub(super) name: String,
    /// What other workers have done.
    pub(super) done: Done,
    /// The final status, if a worker ended between writing it and sending it.
    pub(super) ended: Option<Vec<u8>>,
    folders: Folders,
    /// Locked as long as it is open.
    #[expect(dead_code, reason = "it holds the lock")]
    file: File,
}

impl Claim {
    /// The job of a file that is locked and in the folder `claimed`.
    pub(super) fn new(folders: &Folders, name: &str, file: File) -> io::Result<Self> {
        let done = read(&folders.state_file(name))?;
        let done = done.and_then(|text| Done::parse(std::str::from_utf8(&text).ok()?));
        Ok(Self {
            name: name.to_owned(),
            done: done.unwrap_or_default(),
            ended: read(&folders.ended_file(name))?,
            folders: folders.clone(),
            file,
        })
    }

    /// Where the state of this job is written.
    pub(super) fn place(&self) -> Place {
        Place { name: self.name.clone(), folders: self.folders.clone() }
    }

    /// The path of the job.
    pub(super) fn path(&self) -> PathBuf {
        self.folders.claimed_file(&self.name)
    }

    /// Shows the final status, after it was written and sent, and removes the job.
    pub(super) fn end(&self) -> io::Result<()> {
        let Self { name, folders, .. } = self;
        // Somebody may have removed the folder `done` with all that was read.
        folders.make()?;
        let shown = folders.done_file(name);
        remove(&folders.state_file(name))?;
        std::fs::rename(folders.ended_file(name), &shown).map_err(|error| at(&shown, &error))?;
        folders.remove_ended(name)
    }

    /// The final status, if it is written.
    pub(super) fn final_status(&self) -> io::Result<Option<Vec<u8>>> {
        read(&self.folders.ended_file(&self.name))
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
        self.write(&self.folders.state_file(&self.name), done.to_string().as_bytes())
    }

    /// Writes the final status. Blocks.
    pub(super) fn ended(&self, status: &[u8]) -> io::Result<()> {
        self.write(&self.folders.ended_file(&self.name), status)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Somebody may have removed the folder.
        self.folders.make()?;
        write(path, bytes).map_err(|error| at(path, &error))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;
    use crate::spool::folders::Claimed;

    #[test]
    fn a_job_is_claimed_once_and_taken_up_when_its_worker_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::open(folder.path()).unwrap();
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        std::fs::write(folder.path().join("done/a.json"), "of an earlier job").unwrap();
        std::fs::write(folder.path().join(".b.json"), "{}").unwrap();
        std::fs::write(folder.path().join("b.json.part"), "{}").unwrap();
        assert_eq!(folders.waiting().unwrap().names, ["a"]);
        let Claimed { claim, message } = folders.claim("a").unwrap().unwrap();
        assert_eq!((message.as_deref().unwrap(), &claim.ended), (&b"{}"[..], &None));
        assert!(folders.claim("a").unwrap().is_none());
        assert!(folders.take_up("a").unwrap().is_none());
        let done = Done { used: 7, reads: 1, ..Done::default() };
        claim.place().keep(&done).unwrap();
        drop(claim);

        // A job of the same name waits for the end of the first.
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        assert!(folders.claim("a").unwrap().is_none());
        let claim = folders.take_up("a").unwrap().unwrap().claim;
        assert_eq!(claim.done, done);
        claim.place().ended(b"the status").unwrap();
        drop(claim);
        assert!(!folder.path().join("done/a.json").exists());
        let claim = folders.take_up("a").unwrap().unwrap().claim;
        assert_eq!(claim.ended.as_deref(), Some(&b"the status"[..]));
        claim.end().unwrap();
        drop(claim);
        assert_eq!(std::fs::read(folder.path().join("done/a.json")).unwrap(), b"the status");
        assert_eq!(folders.claimed().unwrap(), [""; 0]);
        assert!(folders.claim("a").unwrap().unwrap().claim.done == Done::default());
    }
}
