//! Stores encoded pages until they can be written to the file.
//!
//! # The problem
//!
//! The writer only appends to the file, and column chunks come one after another. Pages are often ready before they can
//! be written: a chunk with a dictionary begins with the dictionary page, which is complete only after the last value;
//! the leaves of a nested column are encoded at the same time; and several threads encode several columns. Together,
//! the waiting pages of the unfinished chunks can be as large as the row group.
//!
//! # The idea
//!
//! All unfinished chunks share one store. The first pages stay in memory, up to a common limit, and the rest go to one
//! scratch file, in the order in which they arrive. Pages in memory are copied into [blocks] of equal size, and the
//! encoder's buffers are freed at once:
//!
//! ```text
//! thread 1, column 4 ──► memory   │ 4.0 │ 5.0 │ 4.1 │        ≤ Plan::pages, plus what the stage leaves
//! thread 2, column 5 ──► scratch  │ 5.1 │ 4.2 │ 5.2 │ 5.3 │  ──► read back when the column's turn comes
//! ```
//!
//! Each chunk has a [`ChunkPages`], which records where each of its pages is. The Parquet crate's column writers fill
//! it through [`LeafPages`](crate::leaf_pages::LeafPages). When the last unfinished chunk is dropped, the scratch file
//! is used again from its beginning, so its size does not grow with the number of chunks.
//!
//! # The limits
//!
//! - Every page that waits is described in memory, here and in the metadata of its chunk. [`Pages::have_room`]
//!   counts 600 bytes for it, and a thread whose column is ready waits for its turn when half the memory is taken.
//! - A chunk fills its blocks one after another, so that on average half a block per chunk is not used.
//! - Writing and reading the scratch file hold the lock of the store, so only one thread does so at a time. This
//!   happens only when memory is full, and then the disk limits the speed anyway.
//! - If there is always an unfinished chunk, the scratch file grows until the row group ends.

mod blocks;

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use taploom_scratch::{ReadPattern, ScratchFile, ScratchSpace};

use self::blocks::{BLOCK, Blocks};
use crate::error::{Error, Result};
use crate::threads::lock;

/// The waiting pages of all unfinished column chunks, on all threads.
#[derive(Clone)]
pub(crate) struct Pages(Arc<Mutex<Shared>>);

struct Shared {
    /// Limit for the pages in memory, of all chunks together, in bytes.
    most: usize,
    blocks: Blocks,
    /// Number of waiting pages, in memory or in scratch.
    waiting: usize,
    /// Number of unfinished chunks.
    chunks: usize,
    /// Bytes of the buffers that wait as they are.
    buffers: usize,
    /// The buffer that the next thread gets for its own.
    spare: Option<Vec<u8>>,
    file: ScratchFile,
}

impl Shared {
    /// Bytes of memory that wait.
    fn used_bytes(&self) -> usize {
        self.blocks.used_bytes() + self.buffers
    }

    /// Takes the memory of pages that do not wait any more.
    fn give_back(&mut self, buffer: Vec<u8>) {
        self.buffers -= buffer.capacity();
        self.spare = Some(buffer);
    }
}

impl Pages {
    pub(crate) fn new(scratch: &ScratchSpace, most: usize) -> Self {
        let file = scratch.file(ReadPattern::Scattered);
        let blocks = Blocks::new(most);
        Self(Arc::new(Mutex::new(Shared {
            most,
            blocks,
            waiting: 0,
            chunks: 0,
            buffers: 0,
            spare: None,
            file,
        })))
    }

    /// Sets the limit for the pages in memory.
    pub(crate) fn allow(&self, most: usize) {
        self.lock().most = most;
    }

    /// Frees memory that the next row group may not need.
    pub(crate) fn free_surplus(&self) {
        let mut shared = self.lock();
        shared.spare = None;
        shared.blocks.free_surplus();
    }

    /// Whether the waiting pages and their descriptions take at most half of the memory.
    pub(crate) fn have_room(&self) -> bool {
        const DESCRIPTION: usize = 600;
        let shared = self.lock();
        shared.used_bytes() + shared.waiting * DESCRIPTION <= shared.most / 2
    }

    /// A store for the pages of one more chunk.
    pub(crate) fn of_chunk(&self) -> ChunkPages {
        self.lock().chunks += 1;
        ChunkPages { pages: self.clone(), places: Vec::new(), blocks: Vec::new(), end: 0 }
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let shared = self.lock();
        let spare = shared.spare.as_ref().map_or(0, Vec::capacity);
        shared.blocks.heap_bytes() + shared.buffers + spare
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.0)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

/// The pages of one column chunk.
pub(crate) struct ChunkPages {
    pages: Pages,
    places: Vec<PagePlace>,
    /// The blocks that the chunk has filled, one after another. `end` is where the next page begins in them.
    blocks: Vec<FilledBlock>,
    end: usize,
}

/// A block with pages that are not all taken yet.
struct FilledBlock {
    /// Bytes of pages that were not taken.
    waiting: usize,
    block: Option<u32>,
}

/// The position of a page.
enum PagePlace {
    /// In memory, in this range of the chunk's blocks.
    Memory(Range<usize>),
    /// In memory, the first bytes of a buffer.
    Buffer {
        bytes: Vec<u8>,
        filled: usize,
    },
    Scratch {
        offset: u64,
        length: usize,
    },
    Taken,
}

/// The parts of a range that are in different blocks: the position of each block, and the bytes in it.
fn by_blocks(range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
    blocks.map(move |at| {
        let start = range.start.max(at * BLOCK) - at * BLOCK;
        (at, start..range.end.min((at + 1) * BLOCK) - at * BLOCK)
    })
}

impl ChunkPages {
    /// Appends a page: in memory if there is room, otherwise in scratch.
    pub(crate) fn append(&mut self, page: &[u8]) -> Result<()> {
        let mut shared = self.pages.lock();
        let place = self.end..self.end + page.len();
        let more = place.end.div_ceil(BLOCK) - self.blocks.len();
        let place = if shared.used_bytes() + more * BLOCK <= shared.most {
            for _ in 0..more {
                self.blocks.push(FilledBlock { waiting: 0, block: Some(shared.blocks.take()) });
            }
            let mut rest = page;
            for (at, part) in by_blocks(place.clone()) {
                let filled = &mut self.blocks[at];
                filled.waiting += part.len();
                let Some(block) = filled.block else { continue };
                let (bytes, after) = rest.split_at(part.len());
                shared.blocks.get_mut(block)[part].copy_from_slice(bytes);
                rest = after;
            }
            self.end = place.end;
            PagePlace::Memory(place)
        } else {
            PagePlace::Scratch { offset: shared.file.append(page)?, length: page.len() }
        };
        shared.waiting += 1;
        drop(shared);
        self.places.push(place);
        Ok(())
    }

    /// Appends the first `filled` bytes of a buffer. If they fill most of the buffer, and there is room in memory, the
    /// buffer itself is taken, and another one put in its place.
    pub(crate) fn append_buffer(&mut self, buffer: &mut Vec<u8>, filled: usize) -> Result<()> {
        let mut shared = self.pages.lock();
        let bytes = buffer.capacity();
        if filled < bytes / 2 || shared.used_bytes() + bytes > shared.most {
            drop(shared);
            return self.append(&buffer[..filled]);
        }
        let other = shared.spare.take().unwrap_or_default();
        let bytes = std::mem::replace(buffer, other);
        shared.buffers += bytes.capacity();
        shared.waiting += 1;
        drop(shared);
        self.places.push(PagePlace::Buffer { bytes, filled });
        Ok(())
    }

    /// The index of the page that is appended next.
    pub(crate) fn next_index(&self) -> usize {
        self.places.len()
    }

    /// Appends a page to `page`. A page can be taken once.
    pub(crate) fn take_page(&mut self, index: usize, page: &mut Vec<u8>) -> Result<()> {
        let place = self.places.get_mut(index);
        let place = place.map(|place| std::mem::replace(place, PagePlace::Taken));
        let mut shared = self.pages.lock();
        match place {
            Some(PagePlace::Memory(place)) => {
                page.reserve_exact(place.len());
                for (at, part) in by_blocks(place) {
                    let filled = &mut self.blocks[at];
                    let Some(block) = filled.block else { continue };
                    page.extend_from_slice(&shared.blocks.get(block)[part.clone()]);
                    filled.waiting -= part.len();
                    // The next page begins in the last block.
                    if filled.waiting == 0 && (at + 1) * BLOCK <= self.end {
                        filled.block = None;
                        shared.blocks.give_back(block);
                    }
                }
            }
            Some(PagePlace::Buffer { bytes, filled }) => {
                page.extend_from_slice(&bytes[..filled]);
                shared.give_back(bytes);
            }
            Some(PagePlace::Scratch { offset, length }) => {
                let start = page.len();
                page.resize(start + length, 0);
                shared.file.read_exact_at(&mut page[start..], offset)?;
            }
            Some(PagePlace::Taken) | None => {
                return Err(Error::Internal(format!("page {index} does not exist")));
            }
        }
        shared.waiting -= 1;
        Ok(())
    }

    /// Writes all pages to `out` in order, and removes them.
    pub(crate) fn drain_to(&mut self, out: &mut impl Write) -> Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let mut page = Vec::new();
        for index in 0..self.places.len() {
            // The store is not locked during a write: other threads can add pages while the sink is slow.
            if let PagePlace::Buffer { bytes, filled } = &self.places[index] {
                out.write_all(&bytes[..*filled]).map_err(Error::io)?;
                self.free_buffer(index);
                continue;
            }
            page.clear();
            self.take_page(index, &mut page)?;
            out.write_all(&page).map_err(Error::io)?;
        }
        self.places.clear();
        self.give_back();
        Ok(())
    }

    /// Frees a page that is in a buffer.
    fn free_buffer(&mut self, index: usize) {
        let place = std::mem::replace(&mut self.places[index], PagePlace::Taken);
        if let PagePlace::Buffer { bytes, .. } = place {
            let mut shared = self.pages.lock();
            shared.give_back(bytes);
            shared.waiting -= 1;
        }
    }

    fn give_back(&mut self) {
        let mut shared = self.pages.lock();
        for filled in self.blocks.drain(..) {
            filled.block.into_iter().for_each(|block| shared.blocks.give_back(block));
        }
        self.end = 0;
    }

    /// Bytes of the blocks in memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.blocks.iter().filter(|filled| filled.block.is_some()).count() * BLOCK
    }
}

impl Drop for ChunkPages {
    fn drop(&mut self) {
        self.give_back();
        (0..self.places.len()).for_each(|index| self.free_buffer(index));
        let waiting = self.places.iter().filter(|place| !matches!(place, PagePlace::Taken)).count();
        let mut shared = self.pages.lock();
        shared.waiting -= waiting;
        shared.chunks -= 1;
        if shared.chunks == 0 {
            shared.file.clear();
        }
    }
}
