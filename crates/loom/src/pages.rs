//! Encoded pages that wait for the end of their column chunk: the first ones in memory, the rest in
//! scratch.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::arrow::arrow_writer::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use parquet::errors::{ParquetError, Result};

use crate::scratch::{Disk, Region};

/// Makes the stores of the column chunks that all threads have in hand.
#[derive(Clone)]
pub(crate) struct Pages(Arc<Mutex<Shared>>);

struct Shared {
    /// Bytes that may stay in memory, of all stores together.
    most: usize,
    in_memory: usize,
    stores: usize,
    region: Region,
}

impl Pages {
    pub(crate) fn new(disk: &Arc<Disk>, most: usize) -> Self {
        let region = Region::new(disk);
        Self(Arc::new(Mutex::new(Shared { most, in_memory: 0, stores: 0, region })))
    }

    /// Sets how many bytes may stay in memory from now on.
    pub(crate) fn allow(&self, most: usize) {
        self.lock().most = most;
    }

    /// The store of another chunk.
    pub(crate) fn store(&self) -> Box<dyn PageStore> {
        self.lock().stores += 1;
        Box::new(ChunkPages { pages: self.clone(), parts: Vec::new() })
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
    fn create(&self, _: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        Ok(self.store())
    }
}

/// The pages of one column chunk.
struct ChunkPages {
    pages: Pages,
    parts: Vec<Part>,
}

enum Part {
    Memory(Bytes),
    Scratch { offset: u64, length: usize },
    Taken,
}

impl PageStore for ChunkPages {
    fn put(&mut self, value: Bytes) -> Result<PageKey> {
        let mut shared = self.pages.lock();
        let part = if shared.in_memory + value.len() <= shared.most {
            shared.in_memory += value.len();
            Part::Memory(value)
        } else {
            let offset = shared.region.append(&value).map_err(crate::Error::into_parquet)?;
            Part::Scratch { offset, length: value.len() }
        };
        drop(shared);
        self.parts.push(part);
        Ok(PageKey::new(self.parts.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        let part = usize::try_from(key.get()).ok().and_then(|key| self.parts.get_mut(key));
        let part = part.map(|part| std::mem::replace(part, Part::Taken));
        match part {
            Some(Part::Memory(bytes)) => {
                self.pages.lock().in_memory -= bytes.len();
                Ok(bytes)
            }
            Some(Part::Scratch { offset, length }) => {
                let mut bytes = vec![0; length];
                let read = self.pages.lock().region.read(&mut bytes, offset);
                read.map_err(crate::Error::into_parquet)?;
                Ok(bytes.into())
            }
            Some(Part::Taken) | None => {
                Err(ParquetError::General(format!("there is no page {}", key.get())))
            }
        }
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
        let mut shared = self.pages.lock();
        shared.in_memory -= self.memory_size();
        shared.stores -= 1;
        if shared.stores == 0 {
            shared.region.clear();
        }
    }
}
