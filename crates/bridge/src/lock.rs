//! Locks of values that are whole at any time, so that a panic while one is held does not matter.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
