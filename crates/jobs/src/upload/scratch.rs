//! A result that is kept until it is stored.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::Stream;

/// Bytes that are read at a time.
const CHUNK: u64 = 256 << 10;

/// Disk that results take until they are stored, in bytes. Copies count together.
#[derive(Debug, Clone, Default)]
pub struct SpooledBytes(Arc<AtomicU64>);

impl SpooledBytes {
    /// The bytes that are in use now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file without a name: it vanishes with the process, however that ends.
pub(crate) struct Scratch(Arc<Spool>);

/// The file in the making.
pub(crate) struct ScratchSink {
    spool: Arc<Spool>,
    budget: u64,
}

struct Spool {
    file: File,
    length: AtomicU64,
    /// Bytes of all such files.
    in_use: SpooledBytes,
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.in_use.0.fetch_sub(self.length.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Scratch {
    /// A sink of at most `budget` bytes; what is written counts in `in_use` as long as the file is
    /// there.
    pub(crate) fn create(
        folder: &Path,
        budget: u64,
        in_use: &SpooledBytes,
    ) -> io::Result<(Self, ScratchSink)> {
        let file = tempfile::tempfile_in(folder)?;
        let spool = Arc::new(Spool { file, length: AtomicU64::new(0), in_use: in_use.clone() });
        Ok((Self(Arc::clone(&spool)), ScratchSink { spool, budget }))
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.length.load(Ordering::Relaxed)
    }

    /// All of it, from the beginning; by position, so that a reader that was broken off does not
    /// matter to the next.
    pub(crate) fn read(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let length = self.len();
        futures::stream::try_unfold((Arc::clone(&self.0), 0), move |(spool, offset)| async move {
            if offset == length {
                return Ok(None);
            }
            let wanted = (length - offset).min(CHUNK);
            let read = move || {
                let mut chunk = vec![0; usize::try_from(wanted).unwrap_or(0)];
                spool.file.read_exact_at(&mut chunk, offset)?;
                Ok::<_, io::Error>((Bytes::from(chunk), spool))
            };
            let (chunk, spool) = tokio::task::spawn_blocking(read).await??;
            Ok(Some((chunk, (spool, offset + wanted))))
        })
    }
}

impl Write for ScratchSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Spool { file, length, in_use } = &*self.spool;
        if length.load(Ordering::Relaxed) + bytes.len() as u64 > self.budget {
            let message = format!("the result takes more than the {} bytes granted", self.budget);
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, message));
        }
        let written = (&*file).write(bytes)?;
        length.fetch_add(written as u64, Ordering::Relaxed);
        in_use.0.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
