//! Files that appear under their name only when they are complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use taploom::{ByteSink, Error, ErrorKind, Result};

use crate::interrupt::Unfinished;

/// Size of a write to a file. Writing pieces of 32 to 100 KiB would take the system two to four times as
/// long.
const PIECE: usize = 512 << 10;

/// Standard output as a file, because the standard library's `Stdout` searches all output for line ends,
/// even base64.
#[cfg(unix)]
fn stdout() -> io::Result<ByteSink> {
    use std::os::fd::AsFd;

    Ok(Box::new(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

#[cfg(not(unix))]
fn stdout() -> io::Result<ByteSink> {
    Ok(Box::new(io::stdout()))
}

/// A file that is being written. If it is dropped without [`commit`](Self::commit), nothing remains of it.
pub(crate) enum Output {
    /// Standard output.
    Stdout,
    /// A path that exists and is not a regular file: a device or a named pipe.
    Special { file: File, path: PathBuf },
    /// A file that has no name yet.
    #[cfg(target_os = "linux")]
    Unnamed(Unnamed),
    /// A file with a temporary name, if the file system does not support files without a name.
    Temporary { file: tempfile::NamedTempFile, path: PathBuf, unfinished: Unfinished },
}

impl Output {
    /// Prepares to write to `path`, or to standard output.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stdout);
        };
        Self::open_path(path).map_err(|error| cannot_write(path, error))
    }

    fn open_path(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(path)?;
                return Ok(Self::Special { file, path: path.to_owned() });
            }
            Ok(metadata) if metadata.permissions().readonly() => {
                let message =
                    "it is read-only; make it writable, remove it, or choose another name";
                return Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, message));
            }
            _ => {}
        }
        let path = followed(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        #[cfg(target_os = "linux")]
        if let Some(unnamed) = Unnamed::open(folder, &path)? {
            return Ok(Self::Unnamed(unnamed));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".taploom-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // The umask restricts these rights, as for any new file.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        // The crate's own error names a temporary file, which would confuse users.
        let file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
        let unfinished = Unfinished::new(file.path())?;
        Ok(Self::Temporary { file, path, unfinished })
    }

    /// A sink for the bytes.
    pub(crate) fn sink(&self) -> io::Result<ByteSink> {
        Ok(match self {
            Self::Stdout => stdout()?,
            Self::Special { file, .. } => Box::new(file.try_clone()?),
            #[cfg(target_os = "linux")]
            Self::Unnamed(unnamed) => gathered(unnamed.file.try_clone()?),
            Self::Temporary { file, .. } => gathered(file.as_file().try_clone()?),
        })
    }

    /// Writes the whole contents of a small file.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> Result<()> {
        let written = self.sink().and_then(|mut sink| {
            sink.write_all(bytes)?;
            sink.flush()
        });
        written.map_err(|error| match self.path() {
            Some(path) => cannot_write(path, error),
            None => Error::sink(error),
        })
    }

    /// Whether this file will replace the other one.
    pub(crate) fn takes_the_place_of(&self, other: &Self) -> bool {
        !matches!(self, Self::Special { .. })
            && self.path().is_some()
            && self.path() == other.path()
    }

    /// Whether the bytes go to standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// The file, if it gets its name when it is complete.
    fn regular_file(&self) -> Option<&File> {
        match self {
            Self::Stdout | Self::Special { .. } => None,
            #[cfg(target_os = "linux")]
            Self::Unnamed(unnamed) => Some(&unnamed.file),
            Self::Temporary { file, .. } => Some(file.as_file()),
        }
    }

    /// The final path.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::Special { path, .. } | Self::Temporary { path, .. } => Some(path),
            #[cfg(target_os = "linux")]
            Self::Unnamed(unnamed) => Some(&unnamed.path),
        }
    }

    /// Checks that all bytes of a result are in the file, if it has not got its name yet.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if bytes are missing, because an encoder did not flush its sink.
    pub(crate) fn holds(&self, bytes: u64) -> Result<()> {
        let Some(file) = self.regular_file() else { return Ok(()) };
        let there = file.metadata().map_err(Error::sink)?.len();
        match there == bytes {
            true => Ok(()),
            false => {
                let message = format!("{there} of the {bytes} bytes of the result are in its file");
                Err(Error::new(ErrorKind::Internal, message))
            }
        }
    }

    /// Gives the file its final name. It replaces an existing file.
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Stdout => io::stdout().flush().map_err(Error::sink),
            Self::Special { .. } => Ok(()),
            #[cfg(target_os = "linux")]
            Self::Unnamed(unnamed) => {
                let path = unnamed.path.clone();
                unnamed.commit().map_err(|error| cannot_write(&path, error))
            }
            // A signal finds no file with the temporary name after it was renamed.
            Self::Temporary { file, path, unfinished: _unfinished } => {
                let prepared = file.as_file().sync_all().and_then(|()| keep(file.as_file(), &path));
                prepared.map_err(|error| cannot_write(&path, error))?;
                file.persist(&path).map_err(|error| cannot_write(&path, error.error)).map(drop)
            }
        }
    }
}

/// Gives a file the mode and the owner of the file that it replaces, if that exists.
fn keep(file: &File, path: &Path) -> io::Result<()> {
    let Ok(replaced) = std::fs::metadata(path) else { return Ok(()) };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};

        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (replaced.uid(), replaced.gid()) {
            // Only root may change the owner. For other users the new file belongs to them, like any new
            // file.
            let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()));
        }
    }
    file.set_permissions(replaced.permissions())
}

fn gathered(file: File) -> ByteSink {
    Box::new(BufWriter::with_capacity(PIECE, file))
}

/// Resolves links, even if their target does not exist, so that the target is replaced and not the link.
fn followed(path: &Path) -> io::Result<PathBuf> {
    /// The limit of Linux itself.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // The path is not a link, but its folder may be reached by one.
            Err(_) => {
                let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "no name of a file");
                let name = path.file_name().ok_or_else(no_file)?;
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                return Ok(std::fs::canonicalize(folder.unwrap_or(Path::new(".")))?.join(name));
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many links"))
}

/// The error for a file or folder that can't be written.
pub(crate) fn cannot_write(path: &Path, error: io::Error) -> Error {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.exists())
        && error.kind() == io::ErrorKind::NotFound
    {
        let (path, folder) = (path.display(), folder.display());
        let message =
            format!("can't write {path}: the folder {folder} does not exist; create it first");
        return Error::new(ErrorKind::InvalidRequest, message);
    }
    let message = format!("can't write {}", path.display());
    let kind = match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::InvalidRequest,
        _ => ErrorKind::Sink,
    };
    Error::new(kind, message).with_source(error)
}

/// A file without a name (`O_TMPFILE`): it vanishes with the process, however that ends.
#[cfg(target_os = "linux")]
pub(crate) struct Unnamed {
    file: File,
    path: PathBuf,
}

#[cfg(target_os = "linux")]
impl Unnamed {
    /// `None` if the file system does not support such files.
    fn open(folder: &Path, path: &Path) -> io::Result<Option<Self>> {
        use rustix::fs::{Mode, OFlags};
        use rustix::io::Errno;

        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => Ok(Some(Self { file: file.into(), path: path.to_owned() })),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Links the file to a temporary name next to the final one, and renames that, because a link can't
    /// replace an existing file.
    fn commit(self) -> io::Result<()> {
        use std::os::fd::AsRawFd;

        use rustix::fs::{AtFlags, CWD};

        let link = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let beside = self.path.with_file_name(format!(".taploom-{}", std::process::id()));
        // Some file systems report failed writes only now.
        self.file.sync_all()?;
        // A leftover of a dead process with the same id.
        let _ = std::fs::remove_file(&beside);
        keep(&self.file, &self.path)?;
        rustix::fs::linkat(CWD, &link, CWD, &beside, AtFlags::SYMLINK_FOLLOW)?;
        std::fs::rename(&beside, &self.path).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lacks_bytes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let output = Output::open(Some(&path)).unwrap();
        let mut sink = output.sink().unwrap();
        sink.write_all(b"12345").unwrap();
        let refused = output.holds(5).unwrap_err();
        assert_eq!(refused.to_string(), "0 of the 5 bytes of the result are in its file");
        sink.flush().unwrap();
        output.holds(5).unwrap();
        drop((sink, output));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left");
    }
}
