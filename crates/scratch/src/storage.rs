//! The storage of temporary files: a folder of the file system, unless a program provides another
//! storage.

use std::fs::{File, Permissions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

/// The order in which a temporary file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadPattern {
    /// From the beginning to the end. The system's read-ahead helps.
    InOrder,
    /// At scattered offsets. Read-ahead would fetch several times the wanted bytes.
    Scattered,
}

/// A storage on which files without a name can be created.
///
/// [`ScratchSpace::in_folder`](crate::ScratchSpace::in_folder) is enough for most programs. Implement this
/// trait to keep temporary files on another device, or to make them fail in a test.
pub trait ScratchStorage: Send + Sync {
    /// Creates an empty file that other processes can't see, and that is deleted when the process
    /// ends.
    ///
    /// # Errors
    /// The error of the system.
    fn create(&self, pattern: ReadPattern) -> io::Result<Box<dyn StorageFile>>;

    /// The name of the place, for messages.
    fn place(&self) -> String;
}

/// A file of a [`ScratchStorage`].
///
/// `Sync`, because several threads may read while one writes.
pub trait StorageFile: Send + Sync {
    /// Writes all of `bytes` at `offset`, which is inside the file or at its end.
    ///
    /// # Errors
    /// The error of the system.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all `slices` one after the other, from `offset` on. Their contents are undefined afterwards.
    ///
    /// # Errors
    /// The error of the system.
    fn write_all_slices_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        /// Short slices are joined up to this number of bytes.
        const JOINED: usize = 256 << 10;
        let (mut joined, mut at) = (Vec::new(), offset);
        for slice in slices.iter() {
            if joined.len() + slice.len() > JOINED && !joined.is_empty() {
                self.write_all_at(&joined, at)?;
                at += joined.len() as u64;
                joined.clear();
            }
            if slice.len() > JOINED {
                self.write_all_at(slice, at)?;
                at += slice.len() as u64;
            } else {
                joined.extend_from_slice(slice);
            }
        }
        if !joined.is_empty() {
            self.write_all_at(&joined, at)?;
        }
        Ok(())
    }

    /// Fills `bytes` with the bytes at `offset`.
    ///
    /// # Errors
    /// The error of the system; [`io::ErrorKind::UnexpectedEof`] past the end of the file.
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Another handle of the same file, for libraries that read only system files. `None` if the
    /// storage does not use system files.
    fn system_file(&self) -> Option<io::Result<File>> {
        None
    }
}

/// Files in a folder, with mode 0600 and without a name.
pub(crate) struct Folder(pub(crate) PathBuf);

impl ScratchStorage for Folder {
    fn create(&self, pattern: ReadPattern) -> io::Result<Box<dyn StorageFile>> {
        let file = tempfile::tempfile_in(&self.0)?;
        // A process of another user could still open the file by its number in /proc.
        file.set_permissions(Permissions::from_mode(0o600))?;
        if pattern == ReadPattern::Scattered {
            // If read-ahead can't be turned off, reading is slower but correct.
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random);
        }
        Ok(Box::new(file))
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}

impl StorageFile for File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn write_all_slices_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        /// The most slices that the system takes at once (IOV_MAX).
        const MOST: usize = 1024;
        let (mut left, mut at) = (slices, offset);
        // Empty slices in front are removed, because writing nothing would look like a full disk.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match rustix::io::pwritev(self, &left[..left.len().min(MOST)], at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut left, written);
                    at += written as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn system_file(&self) -> Option<io::Result<File>> {
        Some(self.try_clone())
    }
}
