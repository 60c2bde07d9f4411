//! Threads that help for as long as a scope lasts.

use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Starts a thread. `None` where the system has no more: those that there are do the work.
pub(crate) fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, T>> {
    Builder::new().name("taploom-loom".to_owned()).spawn_scoped(scope, work).ok()
}
