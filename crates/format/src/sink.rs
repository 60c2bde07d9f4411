//! Where encoded bytes go.

use std::io::{self, Write};

use taploom_model::{Error, Result};

/// Any place that takes bytes in order: a file, a pipe, a channel to an HTTP body.
///
/// An encoder only ever appends. It hands over chunks of some 100 KiB, so a sink need not buffer.
pub type ByteSink = Box<dyn Write + Send>;

/// A [`ByteSink`] that counts what went through and gives the contract's errors.
///
/// ```
/// use taploom_format::Output;
///
/// let mut output = Output::new(Box::new(std::io::sink()));
/// output.append(b"a,b\r\n")?;
/// assert_eq!(output.written(), 5);
/// # Ok::<(), taploom_format::Error>(())
/// ```
pub struct Output {
    sink: ByteSink,
    written: u64,
}

impl Output {
    /// Wraps a sink from which nothing has been written yet.
    pub fn new(sink: ByteSink) -> Self {
        Self { sink, written: 0 }
    }

    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink), or
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) where the reader went away.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(Error::sink)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Hands on what the sink itself may have buffered; the last call of every encoder.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn finish(&mut self) -> Result<u64> {
        self.sink.flush().map_err(Error::sink)?;
        Ok(self.written)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
