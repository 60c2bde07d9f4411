//! Compresses the output if its name asks for it: `stars.csv.gz`, `stars.vot.zst`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::write::GzEncoder;
use taploom::{ByteSink, Error, ErrorKind, Result};

/// A compression, chosen by the end of the output's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// The compression that the name asks for, and the name without its extension.
    pub(crate) fn of(path: &Path) -> (Option<Self>, PathBuf) {
        let found = path.extension().and_then(|extension| match extension.to_str()? {
            gz if gz.eq_ignore_ascii_case("gz") => Some(Self::Gzip),
            zst if zst.eq_ignore_ascii_case("zst") => Some(Self::Zstd),
            _ => None,
        });
        (found, if found.is_some() { path.with_extension("") } else { path.to_owned() })
    }

    /// The extension of compressed files.
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

/// Refuses a name that asks for a compression which is not written: the file would not be what its name says.
pub(crate) fn check_name(path: &Path) -> Result<()> {
    const OTHERS: [(&str, &str); 7] = [
        ("bz2", "bzip2"),
        ("xz", "xz"),
        ("lzma", "xz --format=lzma"),
        ("lz4", "lz4"),
        ("br", "brotli -c"),
        ("zip", "zip"),
        ("z", "compress -c"),
    ];
    let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else {
        return Ok(());
    };
    match OTHERS.iter().find(|(other, _)| extension.eq_ignore_ascii_case(other)) {
        None => Ok(()),
        Some((other, program)) => {
            let path = path.display();
            Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "can't write {path}: .{other} is not among the compressions, which are .gz and .zst; or pipe the \
                     output: taploom encode ... | {program} > {path}"
                ),
            ))
        }
    }
}

/// A sink that compresses its bytes into another sink. Clones are the same sink, so that the caller can
/// keep one and [`finish`](Self::finish) it after the encoder has dropped its own.
#[derive(Clone)]
pub(crate) struct CompressedSink(Arc<Mutex<Compressor>>);

enum Compressor {
    Gzip(GzEncoder<Counting>),
    Zstd(zstd::stream::write::Encoder<'static, Counting>),
}

impl CompressedSink {
    /// Compresses with gzip level 6 or zstd level 3, the defaults of these programs. The same bytes always
    /// give the same file.
    pub(crate) fn new(compression: Compression, sink: ByteSink) -> io::Result<Self> {
        let counting = Counting { sink, written: 0 };
        let compressor = match compression {
            Compression::Gzip => {
                Compressor::Gzip(GzEncoder::new(counting, flate2::Compression::default()))
            }
            Compression::Zstd => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                let mut encoder = zstd::stream::write::Encoder::new(counting, level)?;
                // The program zstd does the same. With the checksum, readers detect a damaged file.
                encoder.include_checksum(true)?;
                Compressor::Zstd(encoder)
            }
        };
        Ok(Self(Arc::new(Mutex::new(compressor))))
    }

    /// Writes the end of the compressed data, and returns the number of compressed bytes.
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

    /// Number of compressed bytes written so far.
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

    /// Does nothing. Bytes are written when a block is full, and at the end; flushing the compressor would
    /// make the file larger.
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
