//! Cleans up when a signal ends the process. A file without a name vanishes with the process, but a file or folder with
//! a temporary name has to be removed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of attempts to remove something. Files may still be created in a folder while it is being removed.
const ATTEMPTS: usize = 10;

static UNFINISHED: Mutex<List> = Mutex::new(List { paths: Vec::new(), is_watched: false });

/// What is to be removed if a signal ends the process.
struct List {
    paths: Vec<PathBuf>,
    /// Whether a thread waits for signals.
    is_watched: bool,
}

fn list() -> MutexGuard<'static, List> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file or folder that a signal removes as long as this value exists.
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    /// Enters a file or folder with a temporary name.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let mut list = list();
        if !list.is_watched {
            signals::watch()?;
            list.is_watched = true;
        }
        list.paths.push(path.to_owned());
        Ok(Self(path.to_owned()))
    }

    /// Does the work, during which signals wait: what has got its final name in part must not be removed.
    pub(crate) fn uninterrupted<T>(&self, work: impl FnOnce() -> T) -> T {
        let _list = list();
        work()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        list().paths.retain(|path| *path != self.0);
    }
}

fn remove(path: &Path) {
    for _ in 0..ATTEMPTS {
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(path),
            false => std::fs::remove_file(path),
        };
        if removed.is_ok() || !path.exists() {
            break;
        }
    }
}

/// Ends when the process is asked to end, from now on, by ^C, a request to end, or the end of the terminal. For commands
/// that end in their own way.
///
/// # Errors
/// The system doesn't let the process listen to signals.
#[cfg(feature = "bridge")]
pub(crate) fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    signals::asked_to_end()
}

#[cfg(unix)]
mod signals {
    use std::future::pending;
    use std::io;

    use futures::future::select_all;
    use tokio::runtime::Builder;
    use tokio::signal::unix::{SignalKind, signal};

    /// ^C, a request to end, and the end of the terminal or of the connection to it.
    const END: [SignalKind; 3] =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];

    /// Starts a thread that removes everything unfinished and ends the process when a signal of [`END`] arrives, or ^\.
    pub(super) fn watch() -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let first = {
            let _runtime = runtime.enter();
            first_of(END.into_iter().chain([SignalKind::quit()]))?
        };
        let thread = std::thread::Builder::new().name("signals".to_owned());
        let started = thread.spawn(move || {
            let kind = runtime.block_on(first);
            let list = super::list();
            list.paths.iter().for_each(|path| super::remove(path));
            // The exit status that a shell reports for a process ended by a signal.
            std::process::exit(128 + kind.as_raw_value());
        });
        started.map(drop)
    }

    #[cfg(feature = "bridge")]
    pub(super) fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
        let first = first_of(END)?;
        Ok(async move {
            first.await;
        })
    }

    /// Listens to signals, and gives the first that arrives. A signal that the process was started with as ignored stays
    /// ignored.
    fn first_of(
        kinds: impl IntoIterator<Item = SignalKind>,
    ) -> io::Result<impl Future<Output = SignalKind> + Send> {
        let mut arrivals = Vec::new();
        for kind in kinds.into_iter().filter(|kind| !is_ignored(*kind)) {
            let mut signal = signal(kind)?;
            arrivals.push(Box::pin(async move {
                signal.recv().await;
                kind
            }));
        }
        Ok(async move {
            match arrivals.is_empty() {
                true => pending().await,
                false => select_all(arrivals).await.0,
            }
        })
    }

    /// Whether the process was started with this signal ignored, as `nohup` does for the end of the terminal. It must
    /// then stay ignored.
    #[cfg(target_os = "linux")]
    fn is_ignored(kind: SignalKind) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        ignored.is_some_and(|mask| (mask >> (kind.as_raw_value() - 1)) & 1 == 1)
    }

    /// Other systems don't tell without unsafe code, and what `nohup` started has to go on.
    #[cfg(not(target_os = "linux"))]
    fn is_ignored(kind: SignalKind) -> bool {
        kind == SignalKind::hangup()
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io;

    pub(super) fn watch() -> io::Result<()> {
        Ok(())
    }

    #[cfg(feature = "bridge")]
    pub(super) fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
        Ok(async {
            let _ = tokio::signal::ctrl_c().await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfinished_is_removed_until_it_is_dropped() {
        let place = tempfile::tempdir().unwrap();
        let (file, folder) = (place.path().join("file"), place.path().join("folder"));
        std::fs::write(&file, "a").unwrap();
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("part"), "a").unwrap();
        let unfinished = [&file, &folder].map(|path| Unfinished::new(path).unwrap());
        let entered = |path: &PathBuf| list().paths.contains(path);
        assert!(entered(&file) && entered(&folder));
        for path in [&file, &folder] {
            remove(path);
        }
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
        drop(unfinished);
        assert!(!entered(&file) && !entered(&folder));
    }
}
