//! A place for temporary files, with a limit.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::account::Account;
use crate::file::ScratchFile;
use crate::storage::{Folder, ReadPattern, ScratchStorage};

/// A folder for temporary files, with a limit in bytes that all files in it share.
///
/// Clones are the same space. [`limited_to`](Self::limited_to) makes a space within a space: its files
/// count against its own limit and against every limit around it.
///
/// ```
/// use taploom_scratch::{ReadPattern, ScratchError, ScratchSpace};
///
/// // 1 GiB for the process, 1 KiB for each result.
/// let process = ScratchSpace::in_folder("/tmp").limited_to(1 << 30);
/// let (first, second) = (process.limited_to(1 << 10), process.limited_to(1 << 10));
/// let mut one = first.file(ReadPattern::InOrder);
/// let mut other = second.file(ReadPattern::InOrder);
/// one.append(&[0; 1000])?;
/// other.append(&[0; 1000])?;
/// assert_eq!((first.used(), second.used(), process.used()), (1000, 1000, 2000));
/// # Ok::<(), ScratchError>(())
/// ```
#[derive(Clone)]
pub struct ScratchSpace(Arc<Account>);

impl ScratchSpace {
    /// Files in a folder, without a limit.
    ///
    /// The folder has to exist when the first file is created. It should not be on a tmpfs, because
    /// a tmpfs is in memory.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self::on(Folder(folder.into()))
    }

    /// Files on another storage, without a limit.
    pub fn on(storage: impl ScratchStorage + 'static) -> Self {
        Self(Arc::new(Account::new(Arc::new(storage))))
    }

    /// A part of this space, whose files take at most `budget` bytes together.
    #[must_use]
    pub fn limited_to(&self, budget: u64) -> Self {
        Self(Arc::new(Account::part_of(&self.0, budget)))
    }

    /// A part of this space without a separate limit, whose use is counted separately.
    #[must_use]
    pub fn counted(&self) -> Self {
        self.limited_to(u64::MAX)
    }

    /// The name of the folder, for messages.
    pub fn place(&self) -> String {
        self.0.storage().place()
    }

    /// The smallest limit that applies to this space, its own or the limit of a space that contains
    /// it, in bytes; `u64::MAX` without a limit.
    pub fn budget(&self) -> u64 {
        self.0.budget()
    }

    /// Bytes that the files of this space take now.
    pub fn used(&self) -> u64 {
        self.0.used()
    }

    /// The most bytes that the files of this space have taken at any time.
    pub fn peak(&self) -> u64 {
        self.0.peak()
    }

    /// A new file. It is created on disk when the first byte is appended, so a file that stays
    /// empty costs nothing.
    pub fn file(&self, pattern: ReadPattern) -> ScratchFile {
        ScratchFile::new(Arc::clone(&self.0), pattern)
    }
}

/// The system's folder for temporary files, without a limit.
impl Default for ScratchSpace {
    fn default() -> Self {
        Self::in_folder(std::env::temp_dir())
    }
}

impl fmt::Debug for ScratchSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScratchSpace")
            .field("place", &self.place())
            .field("budget", &self.budget())
            .field("used", &self.used())
            .finish()
    }
}
