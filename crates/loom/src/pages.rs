//! Encoded pages that wait for the end of their column chunk: the first ones in memory, the rest in
//! scratch.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::arrow::arrow_writer::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};

use taploom_scratch::{ReadPattern, ScratchFile, ScratchSpace};

use crate::error::{Error, Result};

/// Makes the stores of the column chunks that all threads have in hand.
#[derive(Clone)]
pub(crate) struct Pages(Arc<Mutex<Shared>>);

struct Shared {
    /// Bytes that may stay in memory, of all stores together.
    most: usize,
    in_memory: usize,
    /// Pages that wait, in memory or in scratch.
    waiting: usize,
    stores: usize,
    file: ScratchFile,
}

impl Pages {
    pub(crate) fn new(scratch: &ScratchSpace, most: usize) -> Self {
        let file = scratch.file(ReadPattern::Scattered);
        Self(Arc::new(Mutex::new(Shared { most, in_memory: 0, waiting: 0, stores: 0, file })))
    }

    /// Sets how many bytes may stay in memory from now on.
    pub(crate) fn allow(&self, most: usize) {
        self.lock().most = most;
    }

    /// Whether those that wait, and what is said of them in the metadata of their chunks, take no more
    /// than half of the memory.
    pub(crate) fn have_room(&self) -> bool {
        const DESCRIPTION: usize = 600;
        let shared = self.lock();
        shared.in_memory + shared.waiting * DESCRIPTION <= shared.most / 2
    }

    /// Those of another chunk.
    pub(crate) fn of_chunk(&self) -> ChunkPages {
        self.lock().stores += 1;
        ChunkPages { pages: self.clone(), parts: Vec::new() }
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

impl PageStoreFactory for Pages {
    fn create(&self, _: &PageStoreArgs<'_>) -> parquet::errors::Result<Box<dyn PageStore>> {
        Ok(Box::new(self.of_chunk()))
    }
}

/// The pages of one column chunk.
pub(crate) struct ChunkPages {
    pages: Pages,
    parts: Vec<Part>,
}

enum Part {
    Memory(Bytes),
    Scratch { offset: u64, length: usize },
    Taken,
}

impl ChunkPages {
    /// Appends a page.
    pub(crate) fn append(&mut self, page: &[u8]) -> Result<()> {
        self.keep(page, || Bytes::copy_from_slice(page))
    }

    /// Keeps a page: in memory, where there is room for it as `owned`.
    fn keep(&mut self, page: &[u8], owned: impl FnOnce() -> Bytes) -> Result<()> {
        let mut shared = self.pages.lock();
        let part = if shared.in_memory + page.len() <= shared.most {
            shared.in_memory += page.len();
            Part::Memory(owned())
        } else {
            Part::Scratch { offset: shared.file.append(page)?, length: page.len() }
        };
        shared.waiting += 1;
        drop(shared);
        self.parts.push(part);
        Ok(())
    }

    /// Gives back a page, once.
    fn take_part(&mut self, index: usize) -> Result<Bytes> {
        let part = self.parts.get_mut(index);
        match part.map(|part| std::mem::replace(part, Part::Taken)) {
            Some(Part::Memory(bytes)) => {
                let mut shared = self.pages.lock();
                shared.in_memory -= bytes.len();
                shared.waiting -= 1;
                Ok(bytes)
            }
            Some(Part::Scratch { offset, length }) => {
                let mut bytes = vec![0; length];
                let mut shared = self.pages.lock();
                shared.waiting -= 1;
                shared.file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes.into())
            }
            Some(Part::Taken) | None => Err(Error::Internal(format!("there is no page {index}"))),
        }
    }

    /// Writes all pages that were appended, and forgets them.
    pub(crate) fn drain_to(&mut self, out: &mut impl Write) -> Result<()> {
        for index in 0..self.parts.len() {
            let page = self.take_part(index)?;
            out.write_all(&page).map_err(Error::io)?;
        }
        self.parts.clear();
        Ok(())
    }
}

impl PageStore for ChunkPages {
    fn put(&mut self, value: Bytes) -> parquet::errors::Result<PageKey> {
        let kept = self.keep(&value, || value.clone());
        kept.map_err(Error::into_parquet)?;
        Ok(PageKey::new(self.parts.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> parquet::errors::Result<Bytes> {
        let index = usize::try_from(key.get()).unwrap_or(usize::MAX);
        self.take_part(index).map_err(Error::into_parquet)
    }

    fn memory_size(&self) -> usize {
        let in_memory = self.parts.iter().map(|part| match part {
            Part::Memory(bytes) => bytes.len(),
            Part::Scratch { .. } | Part::Taken => 0,
        });
        in_memory.sum()
    }
}

impl Drop for ChunkPages {
    fn drop(&mut self) {
        let waiting = self.parts.iter().filter(|part| !matches!(part, Part::Taken)).count();
        let mut shared = self.pages.lock();
        shared.in_memory -= self.memory_size();
        shared.waiting -= waiting;
        shared.stores -= 1;
        if shared.stores == 0 {
            shared.file.clear();
        }
    }
}
