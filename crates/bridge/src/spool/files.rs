//! Work on single files. Every error names the file.

use std::fs::{DirEntry, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use taploom_whole_file::WholeFile;

/// Time after which a file that is no JSON is not one that is still being written.
pub(super) const WRITTEN: Duration = Duration::from_secs(5);

/// Largest message of a job, in bytes. One of a thousand columns takes 500 KiB.
const LARGEST: u64 = 64 << 20;

/// An error that names its file.
pub(super) fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The files of a folder with one extension.
pub(super) struct Named {
    /// By their names without the extension.
    pub(super) files: Vec<(String, DirEntry)>,
    /// Those whose names are not UTF-8.
    pub(super) unnamed: Vec<PathBuf>,
}

/// The files of a folder with this extension. Hidden files are left out, because many programs write a file under such a
/// name first.
pub(super) fn named(folder: &Path, extension: &str) -> io::Result<Named> {
    let wrong = |error: io::Error| at(folder, &error);
    let (mut files, mut unnamed) = (Vec::new(), Vec::new());
    for entry in folder.read_dir().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let path = entry.path();
        if path.extension().is_none_or(|of_file| of_file != extension) {
            continue;
        }
        let Some(stem) = path.file_stem() else { continue };
        match stem.to_str() {
            _ if stem.as_encoded_bytes().starts_with(b".") => {}
            Some(name) => files.push((name.to_owned(), entry)),
            None => unnamed.push(path),
        }
    }
    Ok(Named { files, unnamed })
}

/// A file that is open and locked, and its message, or why it can't be one.
pub(super) type Locked = (File, Result<Vec<u8>, String>);

/// Opens a file, locks it, and reads it. `None` if it is gone or another process has the lock.
pub(super) fn locked(path: &Path) -> io::Result<Option<Locked>> {
    open_locked(path).map_err(|error| at(path, &error))
}

fn open_locked(path: &Path) -> io::Result<Option<Locked>> {
    // To open a pipe would block for ever.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(io::Error::new(ErrorKind::InvalidData, "it is not a file")),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) if path.is_symlink() => {
            let why = "it is a symbolic link to a file that does not exist";
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Err(_) => return Ok(None),
    }
    let opened = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // Only some file systems lock nothing but what can be written.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(path)?,
        opened => opened?,
    };
    match opened.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Its last owner may have moved or removed it after it was opened here.
    if !is_at(&opened, path)? {
        return Ok(None);
    }
    let bytes = opened.metadata()?.len();
    if bytes > LARGEST {
        let why = format!("the message has {bytes} bytes; it must have at most {LARGEST}");
        return Ok(Some((opened, Err(why))));
    }
    let mut message = Vec::new();
    (&opened).read_to_end(&mut message)?;
    Ok(Some((opened, Ok(message))))
}

#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let here = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
pub(super) fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

pub(super) fn is_new(file: &File) -> bool {
    let written = file.metadata().and_then(|metadata| metadata.modified());
    // The clock of whoever writes may be a little ahead. A time that is further in the future does not tell the age, and
    // the file must not wait for it.
    written.is_ok_and(|written| match written.elapsed() {
        Ok(age) => age < WRITTEN,
        Err(ahead) => ahead.duration() < WRITTEN,
    })
}

pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|error| at(path, &error)),
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = WholeFile::create(path)?;
    file.handle()?.write_all(bytes)?;
    file.commit()
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| at(path, &error)),
    }
}
