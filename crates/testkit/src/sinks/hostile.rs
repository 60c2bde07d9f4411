//! Slow and faulty sinks, as they occur in reality.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::SharedSink;

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

/// Takes a number of bytes and then fails at every call.
#[derive(Debug)]
pub struct FailingSink<W> {
    /// The sink that takes them.
    pub inner: W,
    /// Bytes that it still takes.
    pub left: usize,
    /// The error after that.
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

/// Fails once, after a number of bytes, and then takes everything again. If an encoder ignores the
/// error, bytes are missing.
#[derive(Debug, Clone)]
pub(crate) struct FailsOnce {
    pub(crate) inner: SharedSink,
    pub(crate) after: usize,
    has_failed: Arc<AtomicBool>,
}

impl FailsOnce {
    pub(crate) fn new(after: usize) -> Self {
        Self { inner: SharedSink::default(), after, has_failed: Arc::default() }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }
}

impl Write for FailsOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.has_failed() {
            return self.inner.write(bytes);
        }
        let left = self.after - self.inner.len();
        if left == 0 && !bytes.is_empty() {
            self.has_failed.store(true, Ordering::SeqCst);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.write(&bytes[..bytes.len().min(left)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every second call is interrupted by a signal. That is not an error: the call has to be repeated.
#[derive(Debug)]
pub(crate) struct Interrupted {
    pub(crate) inner: SharedSink,
    pub(crate) calls: u64,
}

impl Write for Interrupted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        match self.calls % 2 {
            1 => Err(io::ErrorKind::Interrupted.into()),
            _ => self.inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes bytes on only when it is flushed, as a compressor or a buffered file does.
#[derive(Debug)]
pub(crate) struct NeedsFlush {
    pub(crate) inner: SharedSink,
    pub(crate) buffer: Vec<u8>,
}

impl Write for NeedsFlush {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Takes all bytes, but fails when it is flushed.
#[derive(Debug)]
pub(crate) struct FlushFails;

impl Write for FlushFails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}
