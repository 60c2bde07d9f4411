//! Blocks of bytes that wait for the end: in memory while they are few, then in a file without a
//! name.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

use taploom_format::{EncodeContext, Error, ErrorKind, Result};
use tempfile::{SpooledTempFile, spooled_tempfile_in};

/// Small blocks are put together before the system is asked to write them.
const BUFFER_BYTES: usize = 16 << 10;

/// Blocks, appended; the order in which they are read back is the same.
pub(crate) struct Spool {
    file: BufWriter<SpooledTempFile>,
    folder: PathBuf,
    in_memory: usize,
    cap: u64,
    bytes: u64,
    /// The capacity of the vector that holds them: it is not to be had, and grows by doubling.
    capacity: usize,
}

impl Spool {
    /// A spool that holds so many bytes in memory and the rest in the context's scratch folder. No
    /// file is made before the memory is full.
    pub(crate) fn new(in_memory: usize, context: &EncodeContext) -> Self {
        let file = spooled_tempfile_in(in_memory, &context.scratch_dir);
        Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            folder: context.scratch_dir.clone(),
            in_memory,
            cap: context.scratch_budget,
            bytes: 0,
            capacity: 0,
        }
    }

    /// Appends a block.
    pub(crate) fn append(&mut self, block: &[u8]) -> Result<()> {
        let bytes = self.bytes + size_of::<u64>() as u64 + block.len() as u64;
        if bytes > self.in_memory as u64 && bytes > self.cap {
            let message = format!("the {} bytes of scratch that are allowed are used up", self.cap);
            return Err(Error::new(ErrorKind::Resources, message));
        }
        let length = (block.len() as u64).to_le_bytes();
        let written = self.file.write_all(&length).and_then(|()| self.file.write_all(block));
        written.map_err(|source| failed(&self.folder, "writing", source))?;
        self.bytes = bytes;
        let held = usize::try_from(bytes).unwrap_or(usize::MAX);
        if held > self.capacity {
            self.capacity = held.max(self.capacity.saturating_mul(2));
        }
        Ok(())
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let held = if self.file.get_ref().is_rolled() { 0 } else { self.capacity };
        held + self.file.capacity()
    }

    /// Ends the writing.
    pub(crate) fn into_blocks(self) -> Result<Blocks> {
        let folder = self.folder;
        let file = self.file.into_inner();
        let file = file.map_err(|error| failed(&folder, "writing", error.into_error()))?;
        Ok(Blocks {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            folder,
            left: 0,
            bytes: self.bytes,
        })
    }
}

/// The blocks of a [`Spool`], which can be read more than once.
pub(crate) struct Blocks {
    file: BufReader<SpooledTempFile>,
    folder: PathBuf,
    bytes: u64,
    left: u64,
}

impl Blocks {
    /// Goes back to the first block.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.file.rewind().map_err(|source| failed(&self.folder, "reading", source))?;
        self.left = self.bytes;
        Ok(())
    }

    /// Reads the next block; returns whether there is one.
    pub(crate) fn read(&mut self, block: &mut Vec<u8>) -> Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let read = self.read_block(block);
        self.left -= read.map_err(|source| failed(&self.folder, "reading", source))?;
        Ok(true)
    }

    fn read_block(&mut self, block: &mut Vec<u8>) -> io::Result<u64> {
        let mut length = [0; size_of::<u64>()];
        self.file.read_exact(&mut length)?;
        let bytes = u64::from_le_bytes(length);
        block.resize(usize::try_from(bytes).map_err(io::Error::other)?, 0);
        self.file.read_exact(block)?;
        Ok(bytes + length.len() as u64)
    }
}

fn failed(folder: &std::path::Path, action: &str, source: io::Error) -> Error {
    let message = format!("scratch in {}: {action} failed", folder.display());
    Error::new(ErrorKind::Resources, message).with_source(source)
}
