//! The bytes of a document, with peeking, counting and a limit.

use std::io::{self, BufRead, Read};

const CHUNK: usize = 64 * 1024;

/// A buffered source of bytes. [`BufRead`] gives no more bytes than are [allowed](Self::allow), so that a
/// tag without an end becomes an error before it fills the memory.
pub(super) struct Input<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the bytes that follow are in the buffer. After `end`, it has no bytes of the source.
    start: usize,
    end: usize,
    position: u64,
    allowed: usize,
    /// An error of the source, until bytes after the buffered ones are needed.
    failure: Option<io::Error>,
}

impl<R: Read> Input<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            position: 0,
            allowed: 0,
            failure: None,
        }
    }

    /// The number of bytes consumed.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Sets the number of bytes that `BufRead` may still give.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.allowed = bytes;
    }

    /// Whether all allowed bytes were given.
    pub(super) fn is_exhausted(&self) -> bool {
        self.allowed == 0
    }

    /// The bytes that follow: at least one, unless the source has ended.
    pub(super) fn available(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    /// The bytes that follow: at least `least`, unless the source ends earlier.
    pub(super) fn peek(&mut self, least: usize) -> io::Result<&[u8]> {
        while self.end - self.start < least {
            if self.fill()? == 0 {
                break;
            }
        }
        Ok(self.buffered())
    }

    /// The bytes that follow, as far as they were read from the source.
    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads bytes that follow the buffered ones. Returns `false` if the source has ended or fails;
    /// [`peek`](Self::peek) reports the failure where it needs these bytes.
    pub(super) fn read_ahead(&mut self) -> bool {
        match self.fill() {
            Ok(read) => read > 0,
            Err(error) => {
                self.failure = Some(error);
                false
            }
        }
    }

    /// Reads from the source once, and returns the number of bytes.
    fn fill(&mut self) -> io::Result<usize> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let room = self.end + CHUNK;
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let read = loop {
            match self.source.read(&mut self.buffer[self.end..room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let read = read.min(CHUNK);
        self.end += read;
        Ok(read)
    }

    /// Consumes bytes that were peeked at.
    pub(super) fn take(&mut self, bytes: usize) {
        let bytes = bytes.min(self.end - self.start);
        self.start += bytes;
        self.position += bytes as u64;
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let allowed = self.allowed;
        let available = self.available()?;
        if allowed == 0 && !available.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(&available[..available.len().min(allowed)])
    }

    fn consume(&mut self, bytes: usize) {
        self.allowed = self.allowed.saturating_sub(bytes);
        self.take(bytes);
    }
}
