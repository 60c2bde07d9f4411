//! Catches panics of libraries on damaged input.

use std::panic::{AssertUnwindSafe, catch_unwind};

use taploom_model::{Error, ErrorKind, Result};

/// Calls a library that reads foreign bytes. A panic becomes an error that names the source.
///
/// arrow-ipc 60.1 panics on some damaged files, and rusqlite 0.41 on column names that are not UTF-8. The
/// library's reader is not used after a panic.
pub(crate) fn guarded<T>(source: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let why = panic.downcast_ref::<String>().cloned();
        let why = why.or_else(|| panic.downcast_ref::<&str>().map(|&why| why.to_owned()));
        let message = format!("source {source}: damaged in a way that its reader does not expect");
        Err(Error::new(ErrorKind::Source, message).with_source(why.unwrap_or_default()))
    })
}
