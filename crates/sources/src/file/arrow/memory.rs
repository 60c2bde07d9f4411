//! Reuses the memory of batches.
//!
//! The readers of arrow-ipc allocate the memory of every batch anew. The system clears it, and gets it back
//! while the previous batch is still in use. This module reuses the memory of a batch that nobody holds any
//! more for the next one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use arrow_buffer::{Buffer, MutableBuffer};
use arrow_schema::ArrowError;

/// Maximum number of batches whose memory may be reused. With several threads, one batch is being read, one
/// waits, and several are being encoded.
const KEPT: usize = 8;
/// Bytes of a stream that are allocated before they have arrived, because a damaged stream can claim any
/// length. New memory is not resident until it is filled; an allocation that is too small is cleared and
/// copied when it grows.
const TRUSTED: usize = 16 << 20;

/// The memory of the last batches, the oldest first. Some of it may still be in use.
struct Memory(VecDeque<Buffer>);

impl Memory {
    fn new() -> Self {
        Self(VecDeque::with_capacity(KEPT))
    }

    /// Returns memory of this length, with any content. It is shorter if it would take more than `trusted`
    /// new bytes.
    fn take(&mut self, length: usize, trusted: usize) -> MutableBuffer {
        // The system's new memory is zeroed, so it need not be cleared.
        let new = || MutableBuffer::from_len_zeroed(length.min(trusted));
        let mut memory = self.unused().unwrap_or_else(new);
        memory.resize(length.min(trusted.max(memory.len())), 0);
        memory
    }

    /// The memory of an earlier batch that nobody uses any more.
    fn unused(&mut self) -> Option<MutableBuffer> {
        (0..self.0.len()).find_map(|_| match self.0.pop_front()?.into_mutable() {
            Ok(unused) => Some(unused),
            Err(held) => {
                self.0.push_back(held);
                None
            }
        })
    }

    /// Turns the memory into a buffer, and remembers it for reuse.
    fn lend(&mut self, memory: MutableBuffer) -> Buffer {
        let memory = Buffer::from(memory);
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(memory.clone());
        memory
    }
}

/// An Arrow file, and the memory into which its batches are read.
pub(super) struct Blocks {
    file: File,
    length: u64,
    position: u64,
    memory: Memory,
}

impl Blocks {
    pub(super) fn new(file: File) -> Result<Self, ArrowError> {
        let length = file.metadata()?.len();
        Ok(Self { file, length, position: 0, memory: Memory::new() })
    }

    /// Size of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn seek(&mut self, position: u64) -> Result<(), ArrowError> {
        self.position = self.file.seek(SeekFrom::Start(position))?;
        Ok(())
    }

    /// Reads a small number of bytes into new memory.
    pub(super) fn read(&mut self, length: u64) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = vec![0; self.length_within(length)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the bytes of a batch into memory that may be reused.
    pub(super) fn read_batch(&mut self, length: u64) -> Result<Buffer, ArrowError> {
        let mut memory = self.memory.take(self.length_within(length)?, usize::MAX);
        self.fill(&mut memory)?;
        Ok(self.memory.lend(memory))
    }

    /// Checks a length before allocating memory, because a damaged file can claim any length.
    fn length_within(&self, length: u64) -> Result<usize, ArrowError> {
        let left = self.length.saturating_sub(self.position);
        let within = usize::try_from(length).ok().filter(|_| length <= left);
        within.ok_or_else(|| {
            ArrowError::ParseError(format!(
                "{length} bytes from byte {} on exceed the {} of the file",
                self.position, self.length
            ))
        })
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ArrowError> {
        self.file.read_exact(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// An Arrow stream, and the memory into which its batches are read.
pub(super) struct Pieces<R> {
    stream: BufReader<R>,
    memory: Memory,
}

impl<R: Read> Pieces<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream: BufReader::new(stream), memory: Memory::new() }
    }

    pub(super) fn is_at_end(&mut self) -> Result<bool, ArrowError> {
        loop {
            match self.stream.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                bytes => return Ok(bytes?.is_empty()),
            }
        }
    }

    /// Reads a small number of bytes into new memory.
    pub(super) fn read(&mut self, length: u64) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = Vec::new();
        self.stream.by_ref().take(length).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(cut_short(length)),
        }
    }

    /// Reads the bytes of a batch into memory that may be reused.
    pub(super) fn read_batch(&mut self, length: u64) -> Result<Buffer, ArrowError> {
        let length = usize::try_from(length).map_err(|_| cut_short(length))?;
        let mut memory = self.memory.take(length, TRUSTED);
        let mut filled = 0;
        loop {
            let fill = self.stream.read_exact(&mut memory[filled..]);
            fill.map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => cut_short(length as u64),
                _ => error.into(),
            })?;
            filled = memory.len();
            if filled == length {
                return Ok(self.memory.lend(memory));
            }
            // The memory grows to at most twice the bytes that have arrived.
            memory.resize(length.min(2 * filled), 0);
        }
    }
}

fn cut_short(length: u64) -> ArrowError {
    let message = format!("the stream ends within a message or its {length} bytes of values");
    ArrowError::ParseError(message)
}
