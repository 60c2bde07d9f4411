//! Stores bytes until they are read again: a small number in memory, more in a temporary file.

use std::borrow::Borrow;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::error::Result;
use crate::file::ScratchFile;
use crate::space::ScratchSpace;
use crate::storage::ReadPattern;

/// Memory that a spool keeps after its bytes went to a file. It collects small pieces, so that they
/// are written to the file together.
const WRITE_BUFFER: usize = 64 << 10;

/// The first memory that a spool asks for, in bytes.
const FIRST_MEMORY: usize = 4096;

/// Bytes that are appended, and read again in order.
///
/// ```
/// use std::io::Read;
/// use taploom_scratch::{ScratchSpace, Spool};
///
/// let space = ScratchSpace::default();
/// let mut spool = Spool::new(&space, 8); // 8 bytes in memory
/// spool.append(b"in memory")?;
/// spool.append(b", and in a file")?;
/// assert_ne!(space.used(), 0);
/// let mut text = String::new();
/// spool.reader().read_to_string(&mut text)?;
/// assert_eq!(text, "in memory, and in a file");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Spool {
    /// The bytes after the bytes in the file.
    memory: Vec<u8>,
    most_in_memory: usize,
    file: ScratchFile,
}

impl Spool {
    /// A spool that holds at most `most_in_memory` bytes of heap. A file is created only for more
    /// than that.
    pub fn new(space: &ScratchSpace, most_in_memory: usize) -> Self {
        Self { memory: Vec::new(), most_in_memory, file: space.file(ReadPattern::InOrder) }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// As [`ScratchFile::append`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.memory.len() + bytes.len() > self.memory_limit() {
            if !self.memory.is_empty() {
                self.file.append(&self.memory)?;
                self.memory.clear();
                self.memory.shrink_to(WRITE_BUFFER);
            }
            if bytes.len() > self.memory_limit() {
                self.file.append(bytes)?;
                return Ok(());
            }
        }
        let length = self.memory.len() + bytes.len();
        if self.memory.capacity() < length {
            // Vec would double its capacity beyond the limit.
            let doubled = (self.memory.len() * 2).max(FIRST_MEMORY).min(self.memory_limit());
            self.memory.reserve_exact(doubled.max(length) - self.memory.len());
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    fn memory_limit(&self) -> usize {
        if self.file.is_empty() {
            self.most_in_memory
        } else {
            self.most_in_memory.min(WRITE_BUFFER)
        }
    }

    /// Bytes appended.
    pub fn len(&self) -> u64 {
        self.file.len() + self.memory.len() as u64
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Heap in use, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.memory.capacity()
    }

    /// Reads all bytes from the first one, without a buffer.
    pub fn reader(&self) -> SpoolReader<&Self> {
        SpoolReader { spool: self, offset: 0 }
    }

    /// Reads all bytes from the first one; the reader owns the spool.
    pub fn into_reader(self) -> SpoolReader<Self> {
        SpoolReader { spool: self, offset: 0 }
    }

    /// Writes all bytes to `out`, and removes them from the spool.
    ///
    /// # Errors
    /// The errors of `out`, and [`io::Error`]s around a [`ScratchError`](crate::ScratchError) if
    /// the file can't be read.
    pub fn drain_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        let buffer = self.most_in_memory.clamp(FIRST_MEMORY, 4 * WRITE_BUFFER);
        io::copy(&mut io::BufReader::with_capacity(buffer, self.reader()), out)?;
        self.memory.clear();
        self.file.clear();
        Ok(())
    }
}

/// Reads the bytes of a [`Spool`] in order. It can be rewound with [`Seek`].
#[derive(Debug)]
pub struct SpoolReader<S> {
    spool: S,
    offset: u64,
}

impl<S: Borrow<Spool>> Read for SpoolReader<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Spool { memory, file, .. } = self.spool.borrow();
        let count = match file.len().checked_sub(self.offset) {
            Some(left) if left > 0 => {
                let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                file.read_exact_at(&mut bytes[..count], self.offset)?;
                count
            }
            _ => {
                let from = usize::try_from(self.offset - file.len()).unwrap_or(usize::MAX);
                (&memory[from.min(memory.len())..]).read(bytes)?
            }
        };
        self.offset += count as u64;
        Ok(count)
    }
}

impl<S: Borrow<Spool>> Seek for SpoolReader<S> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let offset = match position {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(by) => self.spool.borrow().len().checked_add_signed(by),
            SeekFrom::Current(by) => self.offset.checked_add_signed(by),
        };
        let before =
            || io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the first byte");
        self.offset = offset.ok_or_else(before)?;
        Ok(self.offset)
    }
}
