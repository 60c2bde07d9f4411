//! A page store for `ArrowWriter` that keeps encoded pages in one temporary file, instead of in memory.
//!
//! All columns share the file: a file per column, as in the example of the Parquet crate, would take a
//! thousand descriptors for a thousand columns. The space is reused once all pages have been taken back,
//! which happens at the end of a row group.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::arrow::arrow_writer::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use parquet::errors::Result;

/// Makes the stores of all columns, on one unlinked file.
#[derive(Debug)]
pub struct PageFile {
    file: Arc<File>,
    used: Arc<Mutex<Used>>,
}

/// How much of the file is in use.
#[derive(Debug, Default)]
struct Used {
    end: u64,
    pages: usize,
}

impl PageFile {
    /// Creates the file in the system's folder for temporary files.
    ///
    /// # Errors
    /// If the file can't be created.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { file: Arc::new(tempfile::tempfile()?), used: Arc::default() })
    }
}

impl PageStoreFactory for PageFile {
    fn create(&self, _: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        let (file, used) = (Arc::clone(&self.file), Arc::clone(&self.used));
        Ok(Box::new(ColumnPages { file, used, places: Vec::new() }))
    }
}

/// The pages of a column chunk: where each begins in the file, and its length.
struct ColumnPages {
    file: Arc<File>,
    used: Arc<Mutex<Used>>,
    places: Vec<(u64, usize)>,
}

impl PageStore for ColumnPages {
    fn put(&mut self, value: bytes::Bytes) -> Result<PageKey> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.write_all_at(&value, used.end)?;
        self.places.push((used.end, value.len()));
        used.end += value.len() as u64;
        used.pages += 1;
        Ok(PageKey::new(self.places.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<bytes::Bytes> {
        let place = usize::try_from(key.get()).ok().and_then(|index| self.places.get(index));
        let &(start, length) = place
            .ok_or_else(|| parquet::errors::ParquetError::General("no such page".to_owned()))?;
        let mut value = vec![0; length];
        self.file.read_exact_at(&mut value, start)?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.pages -= 1;
        if used.pages == 0 {
            used.end = 0;
        }
        Ok(value.into())
    }
}
