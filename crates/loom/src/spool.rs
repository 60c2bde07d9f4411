//! Bytes that wait for the end of the file: in memory while they are few, else in scratch.

use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::scratch::{Disk, Region};

/// Bytes that were appended and come out again in order.
pub(crate) struct Spool {
    memory: Vec<u8>,
    most: usize,
    region: Region,
}

impl Spool {
    /// Holds at most so many bytes in memory.
    pub(crate) fn new(disk: &Arc<Disk>, most: usize) -> Self {
        Self { memory: Vec::new(), most, region: Region::new(disk) }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.memory.len() + bytes.len() > self.most {
            if !self.memory.is_empty() {
                self.region.append(&self.memory)?;
                self.memory.clear();
            }
            if bytes.len() > self.most {
                self.region.append(bytes)?;
                return Ok(());
            }
        }
        // A doubling vector would pass the limit.
        if self.memory.capacity() < self.memory.len() + bytes.len() {
            let more = (self.memory.len() * 2).clamp(4096.min(self.most), self.most);
            self.memory
                .reserve_exact(more.max(bytes.len() + self.memory.len()) - self.memory.len());
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.region.len() + self.memory.len() as u64
    }

    /// Heap held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.memory.capacity()
    }

    /// All bytes, from the first on.
    pub(crate) fn reader(&self) -> impl Read + '_ {
        let bytes = SpoolReader { spool: self, at: 0 };
        io::BufReader::with_capacity(self.most.clamp(4096, 256 << 10), bytes)
    }

    /// Writes all bytes to `out`, and forgets them.
    pub(crate) fn drain_to(&mut self, out: &mut impl Write) -> Result<()> {
        io::copy(&mut self.reader(), out).map_err(Error::io)?;
        self.memory.clear();
        self.region.clear();
        Ok(())
    }
}

struct SpoolReader<'a> {
    spool: &'a Spool,
    at: u64,
}

impl Read for SpoolReader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let spilled = self.spool.region.len();
        let count = if self.at < spilled {
            let left = usize::try_from(spilled - self.at).unwrap_or(usize::MAX);
            let count = bytes.len().min(left);
            let read = self.spool.region.read(&mut bytes[..count], self.at);
            read.map_err(io::Error::other)?;
            count
        } else {
            let from = usize::try_from(self.at - spilled).unwrap_or(usize::MAX);
            (&self.spool.memory[from.min(self.spool.memory.len())..]).read(bytes)?
        };
        self.at += count as u64;
        Ok(count)
    }
}
