//! Results in a folder of this machine.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use taploom_whole_file::WholeFile;
use url::Url;

use crate::failure::Failure;
use crate::upload::failed;

/// A folder into which results may be written. Destinations below it are `file` URLs.
#[derive(Debug, Clone)]
pub struct ResultFolder(PathBuf);

/// The path of a result below the folder.
pub(crate) struct ResultFile(PathBuf);

/// A result that is being written. It gets its name when it is complete; nothing remains of it if it is dropped before.
pub(crate) struct OpenResult(WholeFile);

impl ResultFolder {
    /// A folder that exists.
    ///
    /// # Errors
    /// It does not exist, or it is not a folder.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        let found = folder.canonicalize().and_then(|path| match path.is_dir() {
            true => Ok(path),
            false => Err(io::ErrorKind::NotADirectory.into()),
        });
        let cannot = |error| Failure::invalid(format!("{}: {error}", folder.display()));
        found.map(Self).map_err(cannot)
    }

    /// The file that a URL names. Links on the way are followed, so one that leads out of the folder is refused.
    pub(crate) fn file(&self, url: &Url) -> Result<ResultFile, Failure> {
        let outside = || {
            Failure::invalid(
                "the file is not in the folder for results of this service, or its folder does not exist there",
            )
        };
        let path = url.to_file_path().map_err(|()| {
            Failure::invalid(
                "it is not the URL of a file of this machine, such as file:///results/a.vot",
            )
        })?;
        let is_plain = |part| matches!(part, Component::Normal(_) | Component::RootDir);
        if url.path().ends_with('/') || !path.components().all(is_plain) {
            return Err(outside());
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(outside());
        };
        let folder = folder.canonicalize().map_err(|_| outside())?;
        let path = folder.join(name);
        if !folder.starts_with(&self.0) || path.is_dir() {
            return Err(outside());
        }
        Ok(ResultFile(path))
    }
}

impl ResultFile {
    /// Begins to write the result. Blocks.
    pub(crate) fn open(self) -> Result<OpenResult, Failure> {
        WholeFile::create(self.0).map(OpenResult).map_err(|error| not_written(&error))
    }
}

impl OpenResult {
    /// A handle to write with.
    pub(crate) fn handle(&self) -> Result<File, Failure> {
        self.0.handle().map_err(|error| not_written(&error))
    }

    /// Gives the result its name. `bytes` is its size. Blocks.
    pub(crate) fn commit(self, bytes: u64) -> Result<(), Failure> {
        let there = self.0.bytes().map_err(|error| not_written(&error))?;
        if there != bytes {
            return Err(failed(&format!("{there} of its {bytes} bytes are in the file")));
        }
        self.0.commit().map_err(|error| not_written(&error))
    }
}

/// The message has no path, because it goes to users.
pub(crate) fn not_written(error: &io::Error) -> Failure {
    failed(&error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    #[cfg(unix)]
    fn nothing_outside_of_the_folder_is_written() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("results"), place.path().join("other"));
        std::fs::create_dir_all(inside.join("a")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let folder = ResultFolder::new(&inside).unwrap();
        let top = inside.display();
        for (url, taken) in [
            (format!("file://{top}/x.vot"), true),
            (format!("file://localhost{top}/a/x%20y.vot"), true),
            (format!("file://{top}/../other/x.vot"), false),
            (format!("file://{top}/%2e%2e/other/x.vot"), false),
            (format!("file://{top}/a%2F..%2F..%2Fother%2Fx.vot"), false),
            (format!("file://{top}/link/x.vot"), false),
            (format!("file://{top}/missing/x.vot"), false),
            (format!("file://{top}/a"), false),
            (format!("file://{top}/a/"), false),
            (format!("file://{top}"), false),
            (format!("file://elsewhere{top}/x.vot"), false),
            ("file:///".to_owned(), false),
        ] {
            assert_eq!(folder.file(&url.parse().unwrap()).is_ok(), taken, "{url}");
        }
        assert!(ResultFolder::new(&inside.join("missing")).is_err());
    }
}
