//! Temporary files: unlinked from the start, capped in size, errors that say which of the two it was.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result, ScratchAction};

/// A place for temporary files.
///
/// [`ScratchDir`] is what users want; another one is a way to keep scratch on a device of one's own,
/// or to make it fail in a test.
pub trait ScratchSpace: Send + Sync {
    /// Makes an empty file that nobody else sees and that goes away with the process.
    ///
    /// # Errors
    /// What the system says.
    fn create(&self) -> io::Result<Box<dyn ScratchFile>>;

    /// Its name for messages.
    fn place(&self) -> String;
}

/// A temporary file.
pub trait ScratchFile: Send + Sync {
    /// Writes all of `bytes` at `offset`, inside the file or at its end.
    ///
    /// # Errors
    /// What the system says.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof` past the end.
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Temporary files in a folder: mode 0600, without a name (`O_TMPFILE`, where the file system has
/// it), so that nothing is left even after SIGKILL.
#[derive(Debug, Clone)]
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// In the folder given. Not on a tmpfs: that is memory by another name.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self(folder.as_ref().to_owned())
    }
}

impl Default for ScratchDir {
    fn default() -> Self {
        Self(std::env::temp_dir())
    }
}

impl ScratchSpace for ScratchDir {
    fn create(&self) -> io::Result<Box<dyn ScratchFile>> {
        let file = tempfile::tempfile_in(&self.0)?;
        // By its number it could still be opened.
        file.set_permissions(Permissions::from_mode(0o600))?;
        // Reads jump from block to block; the kernel's read-ahead would fetch several times what is
        // read. Where it can't be turned off, reading is slower and no less right.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random);
        Ok(Box::new(file))
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}

impl ScratchFile for File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }
}

/// The scratch of one writer: where it is, how much of it may be used, how much is.
pub(crate) struct Disk {
    space: Box<dyn ScratchSpace>,
    cap: u64,
    used: AtomicU64,
}

impl Disk {
    pub(crate) fn new(space: Box<dyn ScratchSpace>, cap: u64) -> Arc<Self> {
        Arc::new(Self { space, cap, used: AtomicU64::new(0) })
    }

    /// Bytes of all scratch files; they only grow, for their space is used again.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn reserve(&self, bytes: u64) -> Result<()> {
        let grow = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.cap);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::ScratchCap { cap: self.cap }),
        }
    }

    fn failed(&self, action: ScratchAction, source: io::Error) -> Error {
        Error::Scratch { action, place: self.space.place(), source }
    }
}

/// A scratch file that is appended to, read anywhere, and used again from its beginning.
///
/// The file is made with the first byte: what fits in memory never gets here.
pub(crate) struct Region {
    disk: Arc<Disk>,
    file: Option<Box<dyn ScratchFile>>,
    end: u64,
    /// Bytes of the disk that this file has taken so far.
    size: u64,
}

impl Region {
    pub(crate) fn new(disk: &Arc<Disk>) -> Self {
        Self { disk: Arc::clone(disk), file: None, end: 0, size: 0 }
    }

    /// Appends; returns where.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end;
        let end = offset + bytes.len() as u64;
        if end > self.size {
            self.disk.reserve(end - self.size)?;
            self.size = end;
        }
        let file = match &self.file {
            Some(file) => file,
            None => {
                let made = self.disk.space.create();
                let made = made.map_err(|error| self.disk.failed(ScratchAction::Create, error))?;
                self.file.insert(made)
            }
        };
        let written = file.write_all_at(bytes, offset);
        written.map_err(|error| self.disk.failed(ScratchAction::Write, error))?;
        self.end = end;
        Ok(offset)
    }

    /// Reads what was appended.
    pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let read = match &self.file {
            Some(file) => file.read_exact_at(bytes, offset),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        read.map_err(|error| self.disk.failed(ScratchAction::Read, error))
    }

    /// Bytes appended since the last [`clear`](Self::clear).
    pub(crate) fn len(&self) -> u64 {
        self.end
    }

    /// Starts again from the beginning.
    pub(crate) fn clear(&mut self) {
        self.end = 0;
    }
}
