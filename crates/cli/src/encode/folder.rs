//! A folder of files that appear together when all of them are complete.
//!
//! A folder is read as one table, and without its last files it would look like a smaller table. Therefore
//! the files are written into a hidden folder next to it, `.taploom-…`, which is renamed when all rows have
//! been written. An existing empty folder may be a mount or have special rights. In that case the hidden
//! folder is created within it, and the files are moved up at the end. Sources ignore hidden folders.

use std::io;
use std::path::{Path, PathBuf};

use taploom::Result;
use taploom::sources::is_helper;
use tempfile::TempDir;

use super::invalid;
use crate::interrupt::Unfinished;
use crate::output::{Output, cannot_write};

/// File names have five digits, so that they sort in the order of the rows.
pub(super) const MOST_FILES: u64 = 100_000;

pub(super) struct Folder {
    /// The name of the folder as given.
    path: PathBuf,
    exists: bool,
    /// The hidden folder in which the files are written.
    made: TempDir,
    extension: String,
    unfinished: Unfinished,
}

impl Folder {
    /// Prepares a folder for files with this extension.
    pub(super) fn open(path: &Path, extension: String) -> Result<Self> {
        let is_file =
            || invalid(format!("can't write into {}: it is not a folder", path.display()));
        let exists = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => return Err(is_file()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => false,
                // The path is a file's name with a slash at its end.
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
            // The umask restricts these rights, as for any new folder.
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        // The crate's own error names a temporary folder, which would confuse users.
        let made = builder
            .tempdir_in(place)
            .map_err(|error| cannot_write(path, io::Error::from(error.kind())))?;
        let unfinished = Unfinished::new(made.path()).map_err(|error| cannot_write(path, error))?;
        Ok(Self { path: path.to_owned(), exists, made, extension, unfinished })
    }

    /// The name of the file with this number, counted from 0.
    pub(super) fn name(&self, number: usize) -> String {
        format!("part-{number:05}.{}", self.extension)
    }

    /// Prepares the file with this number.
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

    /// Gives the folder its final name. It has this number of complete files.
    pub(super) fn commit(self, files: usize) -> Result<()> {
        let named = self.unfinished.uninterrupted(|| match self.exists {
            true => self.move_up(files),
            false => self.rename(),
        });
        named.map_err(|error| cannot_write(&self.path, error))?;
        match self.exists {
            // If the hidden folder can't be removed, it remains, empty.
            true => drop(self.made),
            // The hidden folder has been renamed, so it must not be removed.
            false => drop(self.made.keep()),
        }
        Ok(())
    }

    fn rename(&self) -> io::Result<()> {
        // Without the trailing slash, because the folder does not exist yet.
        std::fs::rename(self.made.path(), self.path.components().collect::<PathBuf>())
    }

    /// Moves the files from the hidden folder into its parent folder: all of them or none.
    fn move_up(&self, files: usize) -> io::Result<()> {
        for number in 0..files {
            let name = self.name(number);
            let target = self.path.join(&name);
            let moved = match target.try_exists() {
                Ok(true) => Err(io::Error::other(format!(
                    "another program has written {name} in the meantime"
                ))),
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

/// Whether a path is directly in a folder, even if the two are written differently.
pub(super) fn is_in(path: &Path, folder: &Path) -> bool {
    let parent = path.parent().map(|parent| match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    let parent = parent.and_then(|parent| parent.canonicalize().ok());
    parent.is_some_and(|parent| folder.canonicalize().is_ok_and(|folder| folder == parent))
}

/// The name of something in a folder that sources read.
fn seen(folder: &Path) -> io::Result<Option<std::ffi::OsString>> {
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        if !is_helper(&name) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
