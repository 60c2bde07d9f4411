//! Output that is compressed because of its name: `stars.csv.gz`, `stars.vot.zst`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::write::GzEncoder;
use taploom::ByteSink;

/// A compression that an output name can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// The compression that the end of a name asks for, and the name without that end.
    pub(crate) fn of(path: &Path) -> (Option<Self>, PathBuf) {
        let found = path.extension().and_then(|extension| match extension.to_str()? {
            gz if gz.eq_ignore_ascii_case("gz") => Some(Self::Gzip),
            zst if zst.eq_ignore_ascii_case("zst") => Some(Self::Zstd),
            _ => None,
        });
        (found, if found.is_some() { path.with_extension("") } else { path.to_owned() })
    }

    /// The end of the names of files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A sink whose bytes go compressed into another one. Clones are the same sink, so that whoever keeps one can
/// [`finish`](Self::finish) when the encoder has given its own away.
#[derive(Clone)]
pub(crate) struct CompressedSink(Arc<Mutex<Compressor>>);

enum Compressor {
    Gzip(GzEncoder<Counting>),
    Zstd(zstd::stream::write::Encoder<'static, Counting>),
}

impl CompressedSink {
    /// gzip of level 6 and zstd of level 3, the defaults of their programs. The same bytes give the same file.
    pub(crate) fn new(compression: Compression, sink: ByteSink) -> io::Result<Self> {
        let counting = Counting { sink, written: 0 };
        let compressor = match compression {
            Compression::Gzip => {
                Compressor::Gzip(GzEncoder::new(counting, flate2::Compression::default()))
            }
            Compression::Zstd => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                let mut encoder = zstd::stream::write::Encoder::new(counting, level)?;
                // As the program zstd does: whoever reads the file can tell that it is whole.
                encoder.include_checksum(true)?;
                Compressor::Zstd(encoder)
            }
        };
        Ok(Self(Arc::new(Mutex::new(compressor))))
    }

    /// Writes the end of the compressed data; returns the number of compressed bytes.
    pub(crate) fn finish(&self) -> io::Result<u64> {
        self.with(|compressor| match compressor {
            Compressor::Gzip(encoder) => {
                encoder.try_finish()?;
                encoder.get_mut().flush()?;
                Ok(encoder.get_ref().written)
            }
            Compressor::Zstd(encoder) => {
                encoder.do_finish()?;
                encoder.get_mut().flush()?;
                Ok(encoder.get_ref().written)
            }
        })
    }

    /// The compressed bytes that have left so far.
    pub(crate) fn written(&self) -> u64 {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Compressor::Gzip(encoder) => encoder.get_ref().written,
            Compressor::Zstd(encoder) => encoder.get_ref().written,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Compressor) -> io::Result<T>) -> io::Result<T> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for CompressedSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|compressor| match compressor {
            Compressor::Gzip(encoder) => encoder.write(bytes),
            Compressor::Zstd(encoder) => encoder.write(bytes),
        })
    }

    /// Does nothing: bytes leave when a block of them is full, and at the end. Flushing the compressor would make
    /// the file larger.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the bytes that a sink takes.
struct Counting {
    sink: ByteSink,
    written: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
