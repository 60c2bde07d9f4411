//! Results in a folder of this machine.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use taploom_whole_file::WholeFile;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use url::Url;

use crate::failure::Failure;
use crate::upload::failed;

/// A folder into which results may be written. Destinations below it are `file` URLs.
#[derive(Debug, Clone)]
pub struct ResultFolder(PathBuf);

/// The path of a result below the folder.
pub(crate) struct ResultFile(PathBuf);

/// A result that is being written. It gets its name when it is complete; nothing remains of it if it is dropped before.
pub(crate) struct OpenResult(Option<WholeFile>);

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

    /// The file that a URL names. Links on the way are followed, so one that leads out of the folder is refused. Blocks.
    pub(crate) fn file(&self, url: &Url) -> Result<ResultFile, Failure> {
        let outside = || {
            Failure::invalid(
                "the file is not in the folder for results of this service, or its folder does not exist there",
            )
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Failure::invalid(
                "a file URL has neither a query nor a fragment: in the name of a file, ? is %3F and # is %23",
            ));
        }
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
        // Of all names, the system refuses those that are too long or have a NUL.
        let refused = path.symlink_metadata().err().filter(|error| {
            matches!(error.kind(), io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput)
        });
        match refused {
            Some(error) => Err(Failure::invalid(format!("no file can have this name: {error}"))),
            None => Ok(ResultFile(path)),
        }
    }
}

impl ResultFile {
    /// Begins to write the result. Blocks.
    pub(crate) fn open(self) -> Result<OpenResult, Failure> {
        let created = WholeFile::create(self.0).map_err(|error| not_written(&error))?;
        Ok(OpenResult(Some(created)))
    }
}

impl OpenResult {
    /// A handle to write with.
    pub(crate) fn handle(&self) -> Result<File, Failure> {
        let file = self.0.as_ref().ok_or_else(Failure::defect)?;
        file.handle().map_err(|error| not_written(&error))
    }

    /// Gives the result its name. `bytes` is its size. Blocks.
    pub(crate) fn commit(mut self, bytes: u64) -> Result<(), Failure> {
        let file = self.0.take().ok_or_else(Failure::defect)?;
        let there = file.bytes().map_err(|error| not_written(&error))?;
        if there != bytes {
            return Err(failed(&format!("{there} of its {bytes} bytes are in the file")));
        }
        file.commit().map_err(|error| not_written(&error))
    }
}

/// To give up a file of many GB takes a file system a while.
impl Drop for OpenResult {
    fn drop(&mut self) {
        if let (Some(file), Ok(_)) = (self.0.take(), Handle::try_current()) {
            spawn_blocking(move || drop(file));
        }
    }
}

/// The message has no path, because it goes to users.
pub(crate) fn not_written(error: &io::Error) -> Failure {
    failed(&error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::job::Destination;
    use crate::secret::Secret;
    use crate::upload::{Place, UploadPolicy, Uploader};

    /// A file system that hangs must not keep the threads of the runtime.
    #[test]
    #[cfg(unix)]
    fn a_file_is_looked_up_by_a_thread_for_blocking_work() {
        let results = tempfile::tempdir().unwrap();
        let folder = ResultFolder::new(results.path()).unwrap();
        let uploader = Uploader::new(UploadPolicy::default()).unwrap().with_folder(folder);
        let url = format!("file://{}/uws1.vot", results.path().display()).parse().unwrap();
        let target = Destination { url: Secret::new(url), content_type: String::new() };
        let started = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&started);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_start(move || {
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .build()
            .unwrap();
        let place = runtime.block_on(uploader.place(&target));
        assert!(matches!(place, Ok(Place::File(_))));
        assert_eq!(started.load(Ordering::Relaxed), 1);
    }

    #[test]
    #[cfg(unix)]
    fn nothing_outside_of_the_folder_is_written() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("results"), place.path().join("other"));
        std::fs::create_dir_all(inside.join("a")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let folder = ResultFolder::new(&inside).unwrap();
        let (top, long) = (inside.display(), "n".repeat(256));
        let cases = [
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
            (format!("file://{top}/{}", &long[1..]), true),
            (format!("file://{top}/{long}"), false),
            (format!("file://{top}/{long}/x.vot"), false),
            (format!("file://{top}/x%00.vot"), false),
            (format!("file://{top}/a%00/x.vot"), false),
        ];
        let wrong = cases.iter().filter(|(url, taken)| {
            let found = folder.file(&url.parse().unwrap());
            found.is_ok() != *taken
        });
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(ResultFolder::new(&inside.join("missing")).is_err());
    }
}
