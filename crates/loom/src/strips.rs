//! Strips in scratch: where they are, how they get there, and how they are read back.

use arrow_buffer::{Buffer, MutableBuffer};
use taploom_scratch::{ReadPattern, ScratchFile, ScratchSpace};

use crate::error::{Error, Result};
use crate::pack::piece_length;

/// Where a strip is in scratch.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) lane: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Place {
    pub(crate) const BYTES: usize = 24;

    pub(crate) fn to_bytes(self) -> impl Iterator<Item = u8> {
        [self.lane, self.start, self.end].into_iter().flat_map(u64::to_ne_bytes)
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u64::from_ne_bytes(*b));
        Self { lane: number(0), start: number(8), end: number(16) }
    }
}

/// What a thread has to itself while it writes strips: a file of its own, for the system lets one thread
/// write to a file at a time.
pub(crate) struct Lane {
    /// A strip on its way to scratch.
    pub(crate) buffer: Vec<u8>,
    pub(crate) file: ScratchFile,
}

impl Lane {
    pub(crate) fn new(scratch: &ScratchSpace) -> Self {
        Self { buffer: Vec::new(), file: scratch.file(ReadPattern::Scattered) }
    }
}

/// Reads the pieces of a strip in scratch.
pub(crate) struct Pieces {
    at: u64,
    end: u64,
    /// What has been read and not given out; begins with a piece.
    chunk: Buffer,
}

impl Pieces {
    pub(crate) fn of(place: Place) -> Self {
        Self { at: place.start, end: place.end, chunk: Buffer::default() }
    }

    /// The next piece; so many bytes are read at a time, or a piece.
    pub(crate) fn next(&mut self, file: &ScratchFile, read: usize) -> Result<Option<Buffer>> {
        let whole = |chunk: &Buffer| piece_length(chunk).filter(|length| *length <= chunk.len());
        let mut want = read;
        while whole(&self.chunk).is_none() {
            // The beginning of a piece that was read before is read once more: it must be aligned.
            self.at -= self.chunk.len() as u64;
            if self.at == self.end {
                return Ok(None);
            }
            want = piece_length(&self.chunk).unwrap_or(want).max(want);
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            // Not 300 KiB as 256 and 44.
            let length = if left < want + want / 2 { left } else { want };
            let mut bytes = MutableBuffer::from_len_zeroed(length);
            file.read_exact_at(&mut bytes, self.at)?;
            self.chunk = Buffer::from(bytes);
            self.at += length as u64;
            if length == left && whole(&self.chunk).is_none() {
                let why = "a piece in scratch is cut short";
                return Err(Error::Internal(why.to_owned()));
            }
        }
        let length = whole(&self.chunk).unwrap_or(0);
        let piece = self.chunk.slice_with_length(0, length);
        self.chunk.advance(length);
        Ok(Some(piece))
    }
}
