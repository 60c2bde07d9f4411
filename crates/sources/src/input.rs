//! The decompressed bytes of a file or of standard input.
//!
//! A source that reads sequentially gets a stream. A source that has to seek gets a file: the input itself
//! if it is an uncompressed regular file, otherwise a temporary file with its bytes. Compression is
//! detected by the first bytes, not by the name.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use taploom_model::{Error, ErrorKind, Resources, Result};
use taploom_scratch::ReadPattern;

use self::compression::Compression;
pub(crate) use self::used::Used;
use self::used::{Kept, SharedStream};
use crate::error::{damaged, invalid};
use crate::plugin::FILE_BEGINNING;
use crate::progress::{Counted, ReadProgress};

mod compression;
#[cfg(feature = "compression")]
mod gzip;
mod used;
#[cfg(feature = "compression")]
mod zstd;

/// The location that means standard input.
pub(crate) const STDIN: &str = "-";
/// Size of a read from a file in bytes.
const READ_BYTES: usize = 64 << 10;
/// Size of a copy to a temporary file at a time, in bytes.
const COPY_BYTES: usize = 256 << 10;

/// The bytes of one input. None of them are consumed yet.
pub(crate) struct Input {
    name: String,
    /// The first bytes after decompression.
    beginning: Vec<u8>,
    bytes: Bytes,
    compression: Option<Compression>,
    resources: Resources,
    used: Used,
}

enum Bytes {
    /// A regular file, open at its beginning.
    File(File, Option<Arc<ReadProgress>>),
    /// The bytes after `beginning`.
    Stream(Box<dyn Read + Send>),
}

impl Input {
    /// Opens a file, or standard input for `-`, and reads its beginning.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if it can't be opened or is compressed in a way that is not known;
    /// [`ErrorKind::Source`] if its first bytes can't be read.
    pub(crate) fn open(
        location: &str,
        resources: &Resources,
        progress: Option<Arc<ReadProgress>>,
    ) -> Result<Self> {
        let name = shown_name(location);
        let unreadable = |error: io::Error| {
            damaged(format!("source {name}: can't read the file")).with_source(error)
        };
        let mut file = match location {
            STDIN => stdin().map_err(|error| {
                invalid(format!("source {name}: can't read the file")).with_source(error)
            })?,
            path => open_file(path)?,
        };
        // If another program has read from standard input, only the rest is wanted.
        let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file())
            && file.stream_position().is_ok_and(|position| position == 0);
        let beginning = beginning_of(&mut file).map_err(unreadable)?;
        if is_regular && Compression::of(&beginning).is_none() {
            file.rewind().map_err(unreadable)?;
            return Ok(Self {
                name: name.to_owned(),
                beginning,
                bytes: Bytes::File(file, progress),
                compression: None,
                resources: resources.clone(),
                used: Used::default(),
            });
        }
        let raw = Counted::new(io::Cursor::new(beginning).chain(file), progress);
        Self::of_stream(name, raw, resources)
    }

    /// Reads the beginning of a stream, and decompresses it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of_stream(
        name: &str,
        stream: impl Read + Send + 'static,
        resources: &Resources,
    ) -> Result<Self> {
        let unreadable = |error: io::Error| {
            damaged(format!("source {name}: can't read the file")).with_source(error)
        };
        let mut stream: Box<dyn Read + Send> = Box::new(stream);
        let mut beginning = beginning_of(&mut stream).map_err(unreadable)?;
        let compression = Compression::of(&beginning);
        if let Some(found) = compression {
            let whole = io::Cursor::new(beginning).chain(stream);
            let whole = BufReader::with_capacity(READ_BYTES, whole);
            stream = found.decoder(name, whole, resources)?;
            beginning = beginning_of(&mut stream).map_err(unreadable)?;
            if let Some(inner) = Compression::of(&beginning) {
                return Err(invalid(format!(
                    "source {name}: {} within {}; decompress it once before it is read",
                    inner.name(),
                    found.name()
                )));
            }
        }
        Ok(Self {
            name: name.to_owned(),
            beginning,
            bytes: Bytes::Stream(stream),
            compression,
            resources: resources.clone(),
            used: Used::default(),
        })
    }

    /// The first bytes, up to [`FILE_BEGINNING`].
    pub(crate) fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    /// The name of the compression, if the input is compressed.
    pub(crate) fn compression(&self) -> Option<&'static str> {
        self.compression.map(Compression::name)
    }

    /// Whether this is an uncompressed file with a name.
    pub(crate) fn is_plain_file(&self) -> bool {
        matches!(self.bytes, Bytes::File(..))
    }

    /// The resources that have to live as long as the source that uses the input.
    pub(crate) fn used(&self) -> Used {
        self.used.clone()
    }

    /// All bytes, as a stream.
    pub(crate) fn into_reader(self) -> Box<dyn Read + Send> {
        match self.bytes {
            Bytes::File(file, progress) => Box::new(Counted::new(file, progress)),
            Bytes::Stream(rest) => {
                let bytes: Box<dyn Read + Send> =
                    Box::new(io::Cursor::new(self.beginning).chain(rest));
                if self.compression.is_none() {
                    return bytes;
                }
                let shared = SharedStream::new(bytes);
                self.used.keep(Kept::Stream(self.name, shared.clone()));
                Box::new(shared)
            }
        }
    }

    /// All bytes, as a file of the operating system that is open at its beginning.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] if the bytes can't be read; [`ErrorKind::Resources`] if a temporary file can't be
    /// made or is not allowed to hold them.
    pub(crate) fn into_file(self) -> Result<File> {
        let stream = match self.bytes {
            Bytes::File(file, _) => return Ok(file),
            Bytes::Stream(rest) => rest,
        };
        let mut bytes = io::Cursor::new(self.beginning).chain(stream);
        let name = &self.name;
        let about = format!("source {name}: it has to be copied to a temporary file");
        let mut copy = self.resources.scratch.file(ReadPattern::InOrder);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = read_full(&mut bytes, &mut buffer).map_err(|error| {
                damaged(format!("source {name}: can't read the file")).with_source(error)
            })?;
            if read == 0 {
                break;
            }
            let kept = copy.append(&buffer[..read]);
            kept.map_err(|error| Error::from(error).with_context(&about))?;
        }
        let file = copy.system_file().map_err(|error| Error::from(error).with_context(&about))?;
        let file = file.ok_or_else(|| {
            let place = self.resources.scratch.place();
            let message = format!("{about}, and {place} has no files of the operating system");
            Error::new(ErrorKind::Resources, message)
        })?;
        self.used.keep(Kept::Copy(copy.reader()));
        Ok(file)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The name of a location in messages.
pub(crate) fn shown_name(location: &str) -> &str {
    if location == STDIN { "standard input" } else { location }
}

/// Opens a file.
pub(crate) fn open_file(name: &str) -> Result<File> {
    File::open(Path::new(name))
        .map_err(|error| invalid(format!("source {name}: can't read the file")).with_source(error))
}

fn stdin() -> io::Result<File> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let message = "it is a terminal; redirect a file to it, or pipe the output of a program";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(File::from(stdin.as_fd().try_clone_to_owned()?))
}

fn beginning_of(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut beginning = vec![0; FILE_BEGINNING];
    let read = read_full(from, &mut beginning)?;
    beginning.truncate(read);
    Ok(beginning)
}

/// Fills `bytes` unless the input ends earlier. A pipe returns pieces of any size.
pub(crate) fn read_full(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
