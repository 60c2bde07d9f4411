//! A folder of files that appear together, when all of them are whole.
//!
//! A folder is read as one table, and one that lacks its last files looks like a smaller table. So the files are made in a
//! folder beside, `.taploom-…`, which gets the name that was asked for when all rows are written. Where an
//! empty folder of that name exists, it may be a mount or have its own rights: then the files are made in a hidden
//! folder within it, and are moved up at the end. Sources pass over hidden folders.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use taploom::Result;
use tempfile::TempDir;

use super::interrupt;
use super::invalid;
use crate::output::{Output, cannot_write};

/// Files have five digits, so that the order of their names is that of the rows.
pub(super) const MOST_FILES: u64 = 100_000;

pub(super) struct Folder {
    /// Its name as it was given.
    path: PathBuf,
    exists: bool,
    /// The folder in which the files are made.
    made: TempDir,
    extension: String,
    /// Held while the files get their names, so that no signal comes between.
    committing: Arc<Mutex<()>>,
}

impl Folder {
    /// Prepares a folder for files of this extension.
    pub(super) fn open(path: &Path, extension: String) -> Result<Self> {
        let is_file =
            || invalid(format!("can't write into {}: it is not a folder", path.display()));
        let exists = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => return Err(is_file()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => false,
                // The slash at the end of the name of a file.
                io::ErrorKind::NotADirectory => return Err(is_file()),
                _ => return Err(cannot_write(path, error)),
            },
        };
        let place = if exists {
            if let Some(file) = seen(path).map_err(|error| cannot_write(path, error))? {
                return Err(invalid(format!(
                    "can't write into {}: it is not empty (it has {}), and files of two runs would be read as one \
                     table; name a new folder, or empty this one",
                    path.display(),
                    Path::new(&file).display()
                )));
            }
            path
        } else {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            parent.unwrap_or(Path::new("."))
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".taploom-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What the umask leaves of them, as for any new folder.
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        // The error of the crate names a folder that nobody asked for.
        let made = builder
            .tempdir_in(place)
            .map_err(|error| cannot_write(path, io::Error::from(error.kind())))?;
        let committing = Arc::default();
        interrupt::remove_on_signal(made.path(), &committing)?;
        Ok(Self { path: path.to_owned(), exists, made, extension, committing })
    }

    /// The name of a file, counted from 0.
    pub(super) fn name(&self, number: usize) -> String {
        format!("part-{number:05}.{}", self.extension)
    }

    /// Prepares a file.
    pub(super) fn file(&self, number: usize) -> Result<Output> {
        if number as u64 >= MOST_FILES {
            return Err(invalid(format!(
                "at most {MOST_FILES} files are written into a folder, and there are more rows; raise --split-rows or \
                 --split-bytes"
            )));
        }
        Output::open(Some(&self.made.path().join(self.name(number))))
    }

    /// Whether a path is directly in the folder.
    pub(super) fn holds(&self, path: &Path) -> bool {
        is_in(path, &self.path)
    }

    /// Gives the folder its name, when this number of files is whole.
    pub(super) fn commit(self, files: usize) -> Result<()> {
        let committing = Arc::clone(&self.committing);
        let _held = committing.lock().unwrap_or_else(PoisonError::into_inner);
        let named = if self.exists { self.move_up(files) } else { self.rename() };
        named.map_err(|error| cannot_write(&self.path, error))?;
        match self.exists {
            // What was not removed is empty and hidden.
            true => drop(self.made),
            // It has another name now.
            false => drop(self.made.keep()),
        }
        Ok(())
    }

    fn rename(&self) -> io::Result<()> {
        // Without the slash: the folder is not there yet.
        std::fs::rename(self.made.path(), self.path.components().collect::<PathBuf>())
    }

    /// Moves the files from the hidden folder into the folder around it, all or none.
    fn move_up(&self, files: usize) -> io::Result<()> {
        for number in 0..files {
            let name = self.name(number);
            let target = self.path.join(&name);
            let moved = match target.try_exists() {
                Ok(true) => {
                    Err(io::Error::other(format!("{name} was written by someone else meanwhile")))
                }
                Ok(false) => std::fs::rename(self.made.path().join(&name), &target),
                Err(error) => Err(error),
            };
            if let Err(error) = moved {
                for earlier in 0..number {
                    let _ = std::fs::remove_file(self.path.join(self.name(earlier)));
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Whether a path is directly in a folder, however both are written.
pub(super) fn is_in(path: &Path, folder: &Path) -> bool {
    let parent = path.parent().map(|parent| match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    let parent = parent.and_then(|parent| parent.canonicalize().ok());
    parent.is_some_and(|parent| folder.canonicalize().is_ok_and(|folder| folder == parent))
}

/// The name of something in a folder that sources read; they pass over what begins with `.` or `_`.
fn seen(folder: &Path) -> io::Result<Option<std::ffi::OsString>> {
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        if !matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
