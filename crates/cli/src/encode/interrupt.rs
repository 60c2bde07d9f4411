//! What is removed when the process is told to end. A file without a name goes by itself; a folder does not.

use std::path::Path;
use std::sync::{Arc, Mutex};

use taploom::Result;
#[cfg(unix)]
use taploom::{Error, ErrorKind};

/// Removes a folder with all that is in it, and ends the process, when ^C is pressed or the process is told to
/// terminate. Whoever holds `committing` is waited for.
#[cfg(unix)]
pub(super) fn remove_on_signal(folder: &Path, committing: &Arc<Mutex<()>>) -> Result<()> {
    use std::sync::PoisonError;

    use tokio::signal::unix::{SignalKind, signal};

    /// A file may be made while the folder is being removed.
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
        // As a shell reports a process that a signal ended.
        std::process::exit(128 + number);
    });
    started.map(drop).map_err(failed)
}

#[cfg(not(unix))]
pub(super) fn remove_on_signal(_: &Path, _: &Arc<Mutex<()>>) -> Result<()> {
    Ok(())
}
