//! Cleans up when the process is told to end. A file without a name vanishes with the process, but a folder
//! has to be removed.

use std::path::Path;
use std::sync::{Arc, Mutex};

use taploom::Result;
#[cfg(unix)]
use taploom::{Error, ErrorKind};

/// On ^C or a termination signal, removes a folder with its contents and ends the process. It waits while
/// another thread holds `committing`.
#[cfg(unix)]
pub(super) fn remove_on_signal(folder: &Path, committing: &Arc<Mutex<()>>) -> Result<()> {
    use std::sync::PoisonError;

    use tokio::signal::unix::{SignalKind, signal};

    /// Number of attempts. Files may still be created while the folder is being removed.
    const ATTEMPTS: usize = 10;

    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Internal, "can't hear of signals").with_source(error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(failed)?;
    let (mut interrupt, mut terminate) = {
        let _runtime = runtime.enter();
        let signal = |kind| signal(kind).map_err(failed);
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let (folder, committing) = (folder.to_owned(), Arc::clone(committing));
    let thread = std::thread::Builder::new().name("signals".to_owned());
    let started = thread.spawn(move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
                _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            }
        });
        let _held = committing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ATTEMPTS {
            if std::fs::remove_dir_all(&folder).is_ok() || !folder.exists() {
                break;
            }
        }
        // The exit status that a shell reports for a process ended by a signal.
        std::process::exit(128 + number);
    });
    started.map(drop).map_err(failed)
}

#[cfg(not(unix))]
pub(super) fn remove_on_signal(_: &Path, _: &Arc<Mutex<()>>) -> Result<()> {
    Ok(())
}
