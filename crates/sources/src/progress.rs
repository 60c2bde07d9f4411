//! Measures how much of the input has been read.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of bytes read from all files of a request, for progress displays.
///
/// Bytes are counted as stored on disk, so for a compressed file as compressed. Files that are not read
/// sequentially, such as Parquet, are not counted; their sources know the number of rows instead.
///
/// ```
/// use std::sync::Arc;
/// use taploom_sources::{ReadProgress, Request};
///
/// let progress = Arc::new(ReadProgress::default());
/// let request = Request::new("stars.csv").with_progress(Arc::clone(&progress));
/// assert_eq!(progress.bytes(), None); // nothing was read so far
/// # drop(request);
/// ```
#[derive(Debug, Default)]
pub struct ReadProgress {
    read: AtomicU64,
    total: AtomicU64,
}

impl ReadProgress {
    /// The number of bytes read, and the size of all files. `None` if nothing was counted or the size is
    /// not known, as for standard input.
    pub fn bytes(&self) -> Option<(u64, u64)> {
        let (read, total) = (self.read.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        (read > 0 && total > 0).then_some((read.min(total), total))
    }

    /// Sets the size of all files.
    pub(crate) fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }
}

/// A reader that counts its bytes.
pub(crate) struct Counted<R> {
    reader: R,
    progress: Option<Arc<ReadProgress>>,
}

impl<R> Counted<R> {
    pub(crate) fn new(reader: R, progress: Option<Arc<ReadProgress>>) -> Self {
        Self { reader, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        if let Some(progress) = &self.progress {
            progress.read.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}
