//! Encoded pages that wait for their place in the file.
//!
//! # The problem
//!
//! A file is appended to, and its column chunks stand one after another. Pages are often ready before that. A chunk
//! with a dictionary begins with the dictionary page, which is complete only when the last value is seen; the
//! leaves of a nested column are encoded side by side; and several threads encode several columns. A page is
//! compressed already, so it can't be made later from less. All pages of the chunks in work could be as large as
//! the row group.
//!
//! # The idea
//!
//! One store for all chunks in work. The first pages stay in memory, up to one limit for all chunks together, and the
//! rest go to one scratch file, in the order in which they come:
//!
//! ```text
//! thread 1, column 4 ──► memory   │ 4.0 │ 5.0 │ 4.1 │        ≤ Plan::pages, plus what the stage leaves
//! thread 2, column 5 ──► scratch  │ 5.1 │ 4.2 │ 5.2 │ 5.3 │  ──► read back when the column's turn comes
//! ```
//!
//! Each chunk has a [`ChunkPages`], which keeps where each of its pages is; those of the Parquet crate's column
//! writers are filled by [`LeafPages`](crate::leaf_pages::LeafPages). When the last chunk in work is dropped, the file is filled again from its
//! beginning, so scratch does not grow with the number of chunks.
//!
//! # The limits
//!
//! - Every page that waits is described in memory, here and in the metadata of its chunk. [`Pages::have_room`]
//!   counts 600 bytes for it, and a thread whose column is ready waits for its turn when half the memory is taken.
//! - Writing and reading the scratch file hold the lock of the store: one thread at a time. Pages go there only
//!   when memory is full, and then the disk is what they wait for.
//! - Where all chunks in work are alive without a break, the file grows until the row group ends.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use taploom_scratch::{ReadPattern, ScratchFile, ScratchSpace};

use crate::error::{Error, Result};

/// The waiting pages of all column chunks in work, on all threads.
#[derive(Clone)]
pub(crate) struct Pages(Arc<Mutex<Shared>>);

struct Shared {
    /// Limit for the pages in memory, of all chunks together, in bytes.
    most: usize,
    in_memory: usize,
    /// Number of waiting pages, in memory or in scratch.
    waiting: usize,
    /// Number of chunks in work.
    chunks: usize,
    file: ScratchFile,
}

impl Pages {
    pub(crate) fn new(scratch: &ScratchSpace, most: usize) -> Self {
        let file = scratch.file(ReadPattern::Scattered);
        Self(Arc::new(Mutex::new(Shared { most, in_memory: 0, waiting: 0, chunks: 0, file })))
    }

    /// Sets the limit for the pages in memory.
    pub(crate) fn allow(&self, most: usize) {
        self.lock().most = most;
    }

    /// Whether the waiting pages and their descriptions take at most half of the memory.
    pub(crate) fn have_room(&self) -> bool {
        const DESCRIPTION: usize = 600;
        let shared = self.lock();
        shared.in_memory + shared.waiting * DESCRIPTION <= shared.most / 2
    }

    /// A store for the pages of one more chunk.
    pub(crate) fn of_chunk(&self) -> ChunkPages {
        self.lock().chunks += 1;
        ChunkPages { pages: self.clone(), places: Vec::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}

/// Where a page is.
enum PagePlace {
    Memory(Bytes),
    Scratch { offset: u64, length: usize },
    Taken,
}

impl ChunkPages {
    /// Appends a page.
    pub(crate) fn append(&mut self, page: &[u8]) -> Result<()> {
        self.keep(page, || Bytes::copy_from_slice(page))
    }

    /// Keeps a page: as `owned` if there is room in memory, otherwise in scratch.
    fn keep(&mut self, page: &[u8], owned: impl FnOnce() -> Bytes) -> Result<()> {
        let mut shared = self.pages.lock();
        let place = if shared.in_memory + page.len() <= shared.most {
            shared.in_memory += page.len();
            PagePlace::Memory(owned())
        } else {
            PagePlace::Scratch { offset: shared.file.append(page)?, length: page.len() }
        };
        shared.waiting += 1;
        drop(shared);
        self.places.push(place);
        Ok(())
    }

    /// Appends a page, or a part of one, without a copy.
    pub(crate) fn append_bytes(&mut self, page: &Bytes) -> Result<()> {
        self.keep(page, || page.clone())
    }

    /// The index of the page that is appended next.
    pub(crate) fn next_index(&self) -> usize {
        self.places.len()
    }

    /// Returns a page. A page can be taken once.
    pub(crate) fn take_page(&mut self, index: usize) -> Result<Bytes> {
        let place = self.places.get_mut(index);
        match place.map(|place| std::mem::replace(place, PagePlace::Taken)) {
            Some(PagePlace::Memory(bytes)) => {
                let mut shared = self.pages.lock();
                shared.in_memory -= bytes.len();
                shared.waiting -= 1;
                Ok(bytes)
            }
            Some(PagePlace::Scratch { offset, length }) => {
                let mut bytes = vec![0; length];
                let mut shared = self.pages.lock();
                shared.waiting -= 1;
                shared.file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes.into())
            }
            Some(PagePlace::Taken) | None => {
                Err(Error::Internal(format!("there is no page {index}")))
            }
        }
    }

    /// Writes all pages to `out` in order, and forgets them.
    pub(crate) fn drain_to(&mut self, out: &mut impl Write) -> Result<()> {
        for index in 0..self.places.len() {
            let page = self.take_page(index)?;
            out.write_all(&page).map_err(Error::io)?;
        }
        self.places.clear();
        Ok(())
    }
}

impl ChunkPages {
    /// Bytes of the pages in memory.
    pub(crate) fn memory_size(&self) -> usize {
        let in_memory = self.places.iter().map(|place| match place {
            PagePlace::Memory(bytes) => bytes.len(),
            PagePlace::Scratch { .. } | PagePlace::Taken => 0,
        });
        in_memory.sum()
    }
}

impl Drop for ChunkPages {
    fn drop(&mut self) {
        let waiting = self.places.iter().filter(|place| !matches!(place, PagePlace::Taken)).count();
        let mut shared = self.pages.lock();
        shared.in_memory -= self.memory_size();
        shared.waiting -= waiting;
        shared.chunks -= 1;
        if shared.chunks == 0 {
            shared.file.clear();
        }
    }
}
