//! Sinks that show what was written, and hostile ones.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps what was written, for whoever has a clone.
#[derive(Debug, Clone, Default)]
pub struct SharedSink(Arc<Mutex<Vec<u8>>>);

impl SharedSink {
    /// All bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

/// Takes one byte at a time.
#[derive(Debug)]
pub struct OneByteSink<W>(pub W);

impl<W: Write> Write for OneByteSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Takes so many bytes and then fails.
#[derive(Debug)]
pub struct FailingSink<W> {
    /// What takes them.
    pub inner: W,
    /// How many are left.
    pub left: usize,
    /// How it fails.
    pub error: io::ErrorKind,
}

impl<W: Write> Write for FailingSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 && !bytes.is_empty() {
            return Err(self.error.into());
        }
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        self.inner.write(&bytes[..taken])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
