//! Sources of bytes.

use std::fmt;
use std::io::{self, Read};

use crate::error::{Error, Result};

/// Bytes of a stream that are read at a time.
const PIECE: usize = 64 << 10;

/// A sequence of bytes.
pub trait Input {
    /// The next byte.
    ///
    /// # Errors
    /// [`Error::Ended`] after the last one.
    fn byte(&mut self) -> Result<u8>;

    /// Skips bytes.
    ///
    /// # Errors
    /// [`Error::Ended`] if there are fewer.
    fn pass(&mut self, count: u64) -> Result<()>;

    /// Appends the next bytes to others.
    ///
    /// # Errors
    /// [`Error::Ended`] if there are fewer.
    fn copy(&mut self, count: u64, to: &mut Vec<u8>) -> Result<()>;

    /// The position of the next byte, counted from 0.
    fn position(&self) -> u64;
}

/// Bytes in memory.
#[derive(Debug, Clone)]
pub struct Slice<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Slice<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bytes.
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let start = self.at;
        self.pass(count)?;
        Ok(&self.bytes[start..self.at])
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    fn ended(&self) -> Error {
        Error::Ended { at: self.bytes.len() as u64 }
    }
}

impl Input for Slice<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.ended())?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, count: u64) -> Result<()> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let end = end.filter(|end| *end <= self.bytes.len());
        self.at = end.ok_or_else(|| self.ended())?;
        Ok(())
    }

    fn copy(&mut self, count: u64, to: &mut Vec<u8>) -> Result<()> {
        to.extend_from_slice(self.take(count)?);
        Ok(())
    }

    fn position(&self) -> u64 {
        self.at as u64
    }
}

/// Bytes of a file, which are read in pieces.
pub struct Stream<R> {
    input: R,
    buffer: Vec<u8>,
    /// The next byte in the buffer.
    at: usize,
    /// Bytes in the buffer.
    end: usize,
    /// The position of the buffer in the file.
    start: u64,
}

impl<R: Read> Stream<R> {
    /// The bytes of an input whose next byte is at this position of the file.
    pub fn new(input: R, position: u64) -> Self {
        Self::with_piece(input, position, PIECE)
    }

    /// The same, in pieces of this many bytes.
    pub fn with_piece(input: R, position: u64, piece: usize) -> Self {
        Self { input, buffer: vec![0; piece.max(1)], at: 0, end: 0, start: position }
    }

    /// Bytes that were read but not taken yet, at least one.
    fn there(&mut self) -> Result<&[u8]> {
        if self.at == self.end {
            self.start += self.end as u64;
            (self.at, self.end) = (0, 0);
            loop {
                match self.input.read(&mut self.buffer) {
                    Ok(0) => return Err(Error::Ended { at: self.position() }),
                    Ok(read) => {
                        self.end = read;
                        break;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Error::Io(error)),
                }
            }
        }
        Ok(&self.buffer[self.at..self.end])
    }
}

impl<R: Read> Input for Stream<R> {
    #[inline]
    fn byte(&mut self) -> Result<u8> {
        if self.at == self.end {
            self.there()?;
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, count: u64) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let passed = (self.there()?.len() as u64).min(left);
            self.at += passed as usize;
            left -= passed;
        }
        Ok(())
    }

    fn copy(&mut self, count: u64, to: &mut Vec<u8>) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let there = self.there()?;
            let taken = there.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            to.extend_from_slice(&there[..taken]);
            self.at += taken;
            left -= taken as u64;
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.start + self.at as u64
    }
}

impl<R> fmt::Debug for Stream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("at", &(self.start + self.at as u64)).finish_non_exhaustive()
    }
}
