//! One temporary file: appended to by one owner, read by any number of readers.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::account::Account;
use crate::error::{Result, ScratchAction, ScratchError};
use crate::storage::{ReadPattern, StorageFile};

/// A temporary file that is appended to and read at any offset.
///
/// As a [`Write`] it is a sink; errors are then [`io::Error`]s around a [`ScratchError`].
pub struct ScratchFile(Arc<Contents>);

/// A handle that reads a [`ScratchFile`]: cheap to clone, and valid after the file itself is dropped.
#[derive(Clone)]
pub struct ScratchReader(Arc<Contents>);

struct Contents {
    account: Arc<Account>,
    pattern: ReadPattern,
    /// Created when the first byte is appended.
    file: OnceLock<Box<dyn StorageFile>>,
    /// Bytes appended since the file was last cleared.
    length: AtomicU64,
    /// Bytes that count against the limit. Clearing the file does not reduce them.
    room: AtomicU64,
}

impl ScratchFile {
    pub(crate) fn new(account: Arc<Account>, pattern: ReadPattern) -> Self {
        Self(Arc::new(Contents {
            account,
            pattern,
            file: OnceLock::new(),
            length: AtomicU64::new(0),
            room: AtomicU64::new(0),
        }))
    }

    /// Appends `bytes`; returns the offset at which they begin.
    ///
    /// # Errors
    /// [`ScratchError::OverBudget`] if they exceed the limit of the space, and
    /// [`ScratchError::Failed`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        self.append_with(bytes.len() as u64, |file, offset| file.write_all_at(bytes, offset))
    }

    /// Appends all `slices`, one after the other, in as few writes as the system allows; returns the offset at
    /// which they begin.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_slices(&mut self, slices: &mut [IoSlice<'_>]) -> Result<u64> {
        let length = slices.iter().map(|slice| slice.len() as u64).sum();
        self.append_with(length, |file, offset| file.write_all_slices_at(slices, offset))
    }

    fn append_with(
        &mut self,
        length: u64,
        write: impl FnOnce(&dyn StorageFile, u64) -> io::Result<()>,
    ) -> Result<u64> {
        let contents = &*self.0;
        // Appending takes `&mut self`, so no other thread writes these numbers.
        let offset = contents.length.load(Ordering::Relaxed);
        let end = offset + length;
        let room = contents.room.load(Ordering::Relaxed);
        if end > room {
            contents.account.reserve(end - room)?;
            contents.room.store(end, Ordering::Relaxed);
        }
        let written = write(contents.file()?, offset);
        written.map_err(|source| contents.failed(ScratchAction::Write, source))?;
        // A reader that sees the new length also sees the bytes.
        contents.length.store(end, Ordering::Release);
        Ok(offset)
    }

    /// Fills `bytes` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`ScratchError::Failed`], also if fewer bytes were appended.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    /// Bytes appended since the file was made or cleared.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether nothing was appended since the file was made or cleared.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts again from the beginning. The file keeps its disk space for new bytes; readers must not
    /// read it while it is cleared and filled again.
    pub fn clear(&mut self) {
        self.0.length.store(0, Ordering::Release);
    }

    /// A file of the system with the bytes, open at their beginning, for libraries that read only system
    /// files. `None` if the storage does not use system files.
    ///
    /// The space of the file counts as free when this file and its [`reader`](Self::reader)s are dropped,
    /// even if the system file is still open. Keep a reader for as long as the system file is used.
    ///
    /// # Errors
    /// [`ScratchError::Failed`].
    pub fn system_file(&self) -> Result<Option<File>> {
        let file = self.0.file()?.system_file().transpose();
        file.map_err(|source| self.0.failed(ScratchAction::Read, source))
    }

    /// A handle for reading. The file is deleted and its space released when the file and all its
    /// readers are dropped.
    pub fn reader(&self) -> ScratchReader {
        ScratchReader(Arc::clone(&self.0))
    }
}

impl ScratchReader {
    /// Fills `bytes` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`ScratchError::Failed`], also if fewer bytes were appended.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    /// Bytes that can be read.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Contents {
    fn len(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    fn file(&self) -> Result<&dyn StorageFile> {
        if let Some(file) = self.file.get() {
            return Ok(&**file);
        }
        let created = self.account.storage().create(self.pattern);
        let created = created.map_err(|source| self.failed(ScratchAction::Create, source))?;
        Ok(&**self.file.get_or_init(|| created))
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let read = match self.file.get() {
            Some(file) => file.read_exact_at(bytes, offset),
            None if bytes.is_empty() => Ok(()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        read.map_err(|source| self.failed(ScratchAction::Read, source))
    }

    fn failed(&self, action: ScratchAction, source: io::Error) -> ScratchError {
        ScratchError::Failed { action, place: self.account.storage().place(), source }
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        // The file is dropped first, so that its space is free on disk before it counts as free.
        drop(self.file.take());
        self.account.release(*self.room.get_mut());
    }
}

impl Write for ScratchFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    /// Does nothing, because appended bytes can be read at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ScratchFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("ScratchFile", f)
    }
}

impl fmt::Debug for ScratchReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("ScratchReader", f)
    }
}

impl Contents {
    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("place", &self.account.storage().place())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
