//! Memory of a batch, used again for the next.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_buffer::{Buffer, MutableBuffer};
use arrow_schema::ArrowError;

/// An Arrow file, and the memory that its batches are read into.
///
/// arrow-ipc's own readers take fresh memory for every batch, which is cleared, and handed back to the
/// system, while that of the batch before is still held. Here the memory of a batch that nobody holds
/// any more is that of the next.
pub(super) struct Blocks {
    file: File,
    length: u64,
    position: u64,
    /// That of the last batch, which may still be held by others.
    memory: Buffer,
}

impl Blocks {
    pub(super) fn new(file: File) -> Result<Self, ArrowError> {
        let length = file.metadata()?.len();
        let memory = Buffer::from(MutableBuffer::new(0));
        Ok(Self { file, length, position: 0, memory })
    }

    /// Bytes of the file.
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

    /// A few bytes.
    pub(super) fn read(&mut self, length: u64) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = vec![0; self.length_within(length)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of a batch.
    pub(super) fn read_batch(&mut self, length: u64) -> Result<Buffer, ArrowError> {
        let length = self.length_within(length)?;
        let unused = std::mem::take(&mut self.memory).into_mutable();
        let mut memory = unused.unwrap_or_else(|_| MutableBuffer::new(length));
        memory.resize(length, 0);
        self.fill(&mut memory)?;
        self.memory = memory.into();
        Ok(self.memory.clone())
    }

    /// What a damaged file claims must not cost memory.
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
