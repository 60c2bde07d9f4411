//! A memory budget that several writers share.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Memory that the writers of a process share.
///
/// A writer takes its whole budget when it starts and returns it when it is dropped. The pool is therefore
/// never exceeded, and a writer never has to wait in the middle of its work.
///
/// ```
/// use taploom_loom::MemoryPool;
///
/// let pool = MemoryPool::new(48 << 20);
/// let first = pool.try_reserve(32 << 20)?;
/// assert!(pool.try_reserve(32 << 20).is_err());
/// drop(first);
/// assert_eq!(pool.reserve(32 << 20)?.bytes(), 32 << 20);
/// # Ok::<(), taploom_loom::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: usize,
    free: Mutex<usize>,
    given_back: Condvar,
}

impl MemoryPool {
    /// A pool of `bytes` bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Shared { total: bytes, free: Mutex::new(bytes), given_back: Condvar::new() }))
    }

    /// Takes `bytes` out of the pool. Waits until they are free.
    ///
    /// # Errors
    /// [`Error::Pool`] if the whole pool is smaller than that.
    pub fn reserve(&self, bytes: usize) -> Result<Reservation> {
        let free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > self.0.total {
            return Err(self.full(bytes, *free));
        }
        let waited = self.0.given_back.wait_while(free, |free| *free < bytes);
        *waited.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Ok(Reservation { pool: Arc::clone(&self.0), bytes })
    }

    /// Takes `bytes` out of the pool if they are free now.
    ///
    /// # Errors
    /// [`Error::Pool`] if they are not.
    pub fn try_reserve(&self, bytes: usize) -> Result<Reservation> {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        match free.checked_sub(bytes) {
            Some(rest) => {
                *free = rest;
                Ok(Reservation { pool: Arc::clone(&self.0), bytes })
            }
            None => Err(self.full(bytes, *free)),
        }
    }

    fn full(&self, wanted: usize, free: usize) -> Error {
        Error::Pool { wanted, free, total: self.0.total }
    }
}

/// Memory taken out of a [`MemoryPool`]. Dropping it returns the memory.
#[derive(Debug)]
pub struct Reservation {
    pool: Arc<Shared>,
    bytes: usize,
}

impl Reservation {
    /// The size of the reservation in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *self.pool.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.pool.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_waits_for_memory() {
        let pool = MemoryPool::new(10);
        let first = pool.reserve(7).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| pool.reserve(5).unwrap().bytes());
            assert!(pool.try_reserve(5).is_err());
            drop(first);
            assert_eq!(second.join().unwrap(), 5);
        });
        assert!(pool.try_reserve(10).is_ok());
    }

    #[test]
    fn what_can_never_be_is_refused_at_once() {
        assert!(matches!(MemoryPool::new(10).reserve(11), Err(Error::Pool { .. })));
    }
}
