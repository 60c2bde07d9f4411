//! Files that appear under their name only when they are complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use taploom::{ByteSink, Error, ErrorKind, Result};
use taploom_whole_file::WholeFile;

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
    /// A file that gets its name when it is complete.
    Regular { file: WholeFile, unfinished: Option<Unfinished> },
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
        let file = WholeFile::create(followed(path)?)?;
        let unfinished = file.temporary_path().map(Unfinished::new).transpose()?;
        Ok(Self::Regular { file, unfinished })
    }

    /// A sink for the bytes.
    pub(crate) fn sink(&self) -> io::Result<ByteSink> {
        Ok(match self {
            Self::Stdout => stdout()?,
            Self::Special { file, .. } => Box::new(file.try_clone()?),
            Self::Regular { file, .. } => Box::new(BufWriter::with_capacity(PIECE, file.handle()?)),
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

    /// The final path.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::Special { path, .. } => Some(path),
            Self::Regular { file, .. } => Some(file.path()),
        }
    }

    /// Checks that all bytes of a result are in the file, if it has not got its name yet.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if bytes are missing, because an encoder did not flush its sink.
    pub(crate) fn holds(&self, bytes: u64) -> Result<()> {
        let Self::Regular { file, .. } = self else { return Ok(()) };
        let there = file.bytes().map_err(Error::sink)?;
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
            // A signal finds no file with the temporary name after it was renamed.
            Self::Regular { file, unfinished: _unfinished } => {
                let path = file.path().to_owned();
                file.commit().map_err(|error| cannot_write(&path, error))
            }
        }
    }
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
