//! Work that goes on after its owner was dropped.

use tokio::runtime::{Builder, Handle};

/// Runs a future on a new thread, from code that can't await. Its result is dropped.
pub(crate) fn run_in_background<F: Future>(name: &str, work: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let started = thread.spawn(move || {
        if let Ok(runtime) = Builder::new_current_thread().enable_all().build() {
            let _ = runtime.block_on(work());
        }
    });
    // Without a runtime, the program may be about to end, which would end the thread too, so it is waited for. The
    // threads of a runtime must not block.
    if Handle::try_current().is_err()
        && let Ok(thread) = started
    {
        let _ = thread.join();
    }
}
