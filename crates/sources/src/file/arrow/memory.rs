//! Memory for batches, which is reused.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_buffer::{Buffer, MutableBuffer};
use arrow_schema::ArrowError;

/// Maximum number of batches whose memory may be reused. With several threads, one batch is being read, one
/// waits and several are being encoded.
const KEPT: usize = 8;

/// An Arrow file, and the memory that its batches are read into.
///
/// arrow-ipc's own readers take fresh memory for every batch, which is cleared, and handed back to the
/// system, while the previous batch is still in use. Here the memory of a batch that nobody holds any
/// more is used for the next one.
pub(super) struct Blocks {
    file: File,
    length: u64,
    position: u64,
    /// Memory of the last batches, the oldest first. Others may still hold it.
    memory: VecDeque<Buffer>,
}

impl Blocks {
    pub(super) fn new(file: File) -> Result<Self, ArrowError> {
        let length = file.metadata()?.len();
        Ok(Self { file, length, position: 0, memory: VecDeque::with_capacity(KEPT) })
    }

    /// Size of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.length
    }

    pub(super) fn seek(&mut self, position: u64) -> Result<(), ArrowError> {
        self.position = self.file.seek(SeekFrom::Start(position))?;
        Ok(())
    }

    /// Reads a few bytes.
    pub(super) fn read(&mut self, length: u64) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = vec![0; self.length_within(length)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the bytes of a batch into memory that may be reused.
    pub(super) fn read_batch(&mut self, length: u64) -> Result<Buffer, ArrowError> {
        let length = self.length_within(length)?;
        // The system gives new memory as zeros, which need not be written again.
        let mut memory = self.unused().unwrap_or_else(|| MutableBuffer::from_len_zeroed(length));
        memory.resize(length, 0);
        self.fill(&mut memory)?;
        let memory = Buffer::from(memory);
        if self.memory.len() == KEPT {
            self.memory.pop_front();
        }
        self.memory.push_back(memory.clone());
        Ok(memory)
    }

    /// Memory of an earlier batch that nobody else holds.
    fn unused(&mut self) -> Option<MutableBuffer> {
        (0..self.memory.len()).find_map(|_| match self.memory.pop_front()?.into_mutable() {
            Ok(unused) => Some(unused),
            Err(held) => {
                self.memory.push_back(held);
                None
            }
        })
    }

    /// Checks a length before memory is allocated: a damaged file can claim any length.
    fn length_within(&self, length: u64) -> Result<usize, ArrowError> {
        let left = self.length.saturating_sub(self.position);
        let within = usize::try_from(length).ok().filter(|_| length <= left);
        within.ok_or_else(|| {
            ArrowError::ParseError(format!(
                "{length} bytes from byte {} on are not within the {} of the file",
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
