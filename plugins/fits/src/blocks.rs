//! Stores blocks of rows until the header is written, which comes first and has the number of rows.

use std::io::{self, BufRead, BufReader, Read, Seek};

use taploom_format::{Error, ErrorKind, Resources, Result};
use taploom_scratch::{ScratchError, Spool, SpoolReader};

/// Bytes read at a time if blocks are small.
const READ_BYTES: usize = 16 << 10;

/// The divisor of the memory budget that gives the memory for blocks; further blocks go to a
/// temporary file.
const PART_OF_MEMORY: usize = 4;

/// Blocks, while they are appended.
pub(crate) struct BlockWriter(Spool);

/// The same blocks in the same order, which can be read several times.
pub(crate) struct BlockReader(BufReader<SpoolReader<Spool>>);

impl BlockWriter {
    /// Keeps blocks in memory up to a limit, then in a temporary file.
    pub(crate) fn new(resources: &Resources) -> Self {
        Self(Spool::new(&resources.scratch, resources.memory_budget / PART_OF_MEMORY))
    }

    /// Appends a block.
    pub(crate) fn append(&mut self, block: &[u8]) -> Result<()> {
        self.0.append(&(block.len() as u64).to_le_bytes())?;
        Ok(self.0.append(block)?)
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Ends the writing.
    pub(crate) fn into_reader(self) -> BlockReader {
        BlockReader(BufReader::with_capacity(READ_BYTES, self.0.into_reader()))
    }
}

impl BlockReader {
    /// Goes back to the first block.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.0.rewind().map_err(failed)
    }

    /// Reads the next block into `block`; `false` after the last one.
    pub(crate) fn read(&mut self, block: &mut Vec<u8>) -> Result<bool> {
        self.read_block(block).map_err(failed)
    }

    fn read_block(&mut self, block: &mut Vec<u8>) -> io::Result<bool> {
        if self.0.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let mut length = [0; size_of::<u64>()];
        self.0.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        block.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
        self.0.read_exact(block)?;
        Ok(true)
    }
}

fn failed(error: io::Error) -> Error {
    match error.downcast::<ScratchError>() {
        Ok(error) => error.into(),
        Err(error) => {
            Error::new(ErrorKind::Internal, "blocks of rows can't be read again").with_source(error)
        }
    }
}
