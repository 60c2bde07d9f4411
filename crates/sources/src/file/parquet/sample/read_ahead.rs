//! Reads a file with a little read-ahead, so that a small page takes one system call.
//!
//! A page is read in two steps: first its header, whose length is not known beforehand, then its values. The Parquet
//! crate's own reader of files opens the file again for each step. Here one read often gets both.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Number of bytes to read for a header. They include the values of a small page.
const AHEAD: usize = 16 << 10;

/// Reads a file from any position.
#[derive(Clone)]
pub(super) struct ReadAhead {
    file: Arc<File>,
    length: u64,
    /// The bytes of the last read for a header, and their position in the file.
    last: Arc<Mutex<(u64, Bytes)>>,
}

impl ReadAhead {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length, last: Arc::default() })
    }

    /// The bytes from `start` on that the last read for a header got; possibly empty.
    fn known(&self, start: u64) -> Bytes {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (position, bytes) = &*last;
        match start.checked_sub(*position).and_then(|at| usize::try_from(at).ok()) {
            Some(at) if at < bytes.len() => bytes.slice(at..),
            _ => Bytes::new(),
        }
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

impl Length for ReadAhead {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for ReadAhead {
    type T = Ahead;

    fn get_read(&self, start: u64) -> Result<Ahead> {
        Ok(Ahead { file: self.clone(), start, bytes: self.known(start), read: 0 })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let known = self.known(start);
        if known.len() >= length {
            return Ok(known.slice(..length));
        }
        if start.saturating_add(length as u64) > self.length {
            let message = format!("{length} bytes at {start} are beyond the end of the file");
            return Err(ParquetError::EOF(message));
        }
        Ok(self.read(start, length)?.into())
    }
}

/// Reads the bytes of a file from a position on.
pub(super) struct Ahead {
    file: ReadAhead,
    start: u64,
    /// Bytes of the file at `start`. The first `read` of them have been consumed.
    bytes: Bytes,
    read: usize,
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.bytes.len() {
            self.start += self.read as u64;
            let there = self.file.length.saturating_sub(self.start);
            let length = usize::try_from(there).map_or(AHEAD, |there| there.min(AHEAD));
            self.bytes = self.file.read(self.start, length)?.into();
            self.read = 0;
            let last = (self.start, self.bytes.clone());
            *self.file.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        }
        let rest = &self.bytes[self.read..];
        let count = into.len().min(rest.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_byte_is_where_it_is_in_the_file() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let file = ReadAhead::new(file).unwrap();
        for (start, length) in [(5, 10), (9, 20_000), (16_380, 9), (0, 400_000), (399_999, 1)] {
            let mut header = [0; 7];
            let count = header.len().min(bytes.len() - start);
            file.get_read(start as u64).unwrap().read_exact(&mut header[..count]).unwrap();
            assert_eq!(header[..count], bytes[start..start + count]);
            let found = file.get_bytes(start as u64, length).unwrap();
            assert_eq!(found[..], bytes[start..start + length]);
        }
        assert!(file.get_bytes(399_999, 2).is_err());
        let mut rest = Vec::new();
        file.get_read(390_000).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, bytes[390_000..]);
        assert_eq!(file.get_read(500_000).unwrap().read(&mut [0]).unwrap(), 0);
    }
}
