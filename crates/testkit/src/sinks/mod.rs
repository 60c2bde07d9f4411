//! A sink that keeps the written bytes, and sinks that fail.

mod hostile;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

pub use hostile::{FailingSink, OneByteSink};
pub(crate) use hostile::{FailsOnce, FlushFails, Interrupted, NeedsFlush};

/// Keeps the written bytes, which every clone can read.
#[derive(Debug, Clone, Default)]
pub struct SharedSink(Arc<Mutex<Vec<u8>>>);

impl SharedSink {
    /// All bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Number of bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Write for SharedSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
