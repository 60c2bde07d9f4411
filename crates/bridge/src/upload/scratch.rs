//! A result that is kept until it is stored.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;

/// Bytes that are read at a time.
const CHUNK: u64 = 256 << 10;

/// A file without a name: it vanishes with the process, however that ends.
#[derive(Clone)]
pub(crate) struct Scratch {
    file: Arc<File>,
    length: u64,
}

/// The file in the making.
pub(crate) struct ScratchSink {
    file: Arc<File>,
    written: u64,
    budget: u64,
}

impl Scratch {
    /// A sink of at most `budget` bytes.
    pub(crate) fn create(folder: &Path, budget: u64) -> io::Result<(Self, ScratchSink)> {
        let file = Arc::new(tempfile::tempfile_in(folder)?);
        let sink = ScratchSink { file: Arc::clone(&file), written: 0, budget };
        Ok((Self { file, length: 0 }, sink))
    }

    /// The file, when so many bytes have been written to it.
    pub(crate) fn of_length(self, length: u64) -> Self {
        Self { length, ..self }
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// All of it, from the beginning; by position, so that a reader that was broken off does not
    /// matter to the next.
    pub(crate) fn read(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let length = self.length;
        futures::stream::try_unfold((Arc::clone(&self.file), 0), move |(file, offset)| async move {
            if offset == length {
                return Ok(None);
            }
            let wanted = (length - offset).min(CHUNK);
            let read = move || {
                let mut chunk = vec![0; usize::try_from(wanted).unwrap_or(0)];
                file.read_exact_at(&mut chunk, offset)?;
                Ok::<_, io::Error>((Bytes::from(chunk), file))
            };
            let (chunk, file) = tokio::task::spawn_blocking(read).await??;
            Ok(Some((chunk, (file, offset + wanted))))
        })
    }
}

impl Write for ScratchSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written + bytes.len() as u64 > self.budget {
            let message = format!("the result takes more than the {} bytes granted", self.budget);
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, message));
        }
        let written = (&*self.file).write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.file).flush()
    }
}
