//! Locates strips in scratch, and reads their pieces.

use arrow_buffer::{Buffer, MutableBuffer};
use taploom_packed::piece_length;
use taploom_scratch::{ReadPattern, ScratchFile, ScratchSpace};

use crate::error::{Error, Result};

/// The position of a strip in scratch.
#[derive(Clone, Copy, Default)]
pub(super) struct StripPlace {
    pub(super) lane: u64,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl StripPlace {
    pub(super) const BYTES: usize = 24;

    pub(super) fn to_bytes(self) -> impl Iterator<Item = u8> {
        [self.lane, self.start, self.end].into_iter().flat_map(u64::to_ne_bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u64::from_ne_bytes(*b));
        Self { lane: number(0), start: number(8), end: number(16) }
    }
}

/// The file and the buffer of one thread that writes strips. The system lets only one thread write to a file
/// at a time.
pub(super) struct ScratchLane {
    /// A part of a strip that is not written yet.
    pub(super) buffer: Vec<u8>,
    pub(super) file: ScratchFile,
}

impl ScratchLane {
    pub(super) fn new(scratch: &ScratchSpace) -> Self {
        Self { buffer: Vec::new(), file: scratch.file(ReadPattern::Scattered) }
    }
}

/// Reads the pieces of a strip one after another.
pub(super) struct PiecesInScratch {
    at: u64,
    end: u64,
    /// Bytes that were read but not returned yet. They begin with a piece.
    chunk: Buffer,
}

impl PiecesInScratch {
    pub(super) fn new(place: StripPlace) -> Self {
        Self { at: place.start, end: place.end, chunk: Buffer::default() }
    }

    /// The next piece; `None` at the end of the strip. Reads `read` bytes at a time, or one piece if that is
    /// larger.
    pub(super) fn next(&mut self, file: &ScratchFile, read: usize) -> Result<Option<Buffer>> {
        let whole = |chunk: &Buffer| piece_length(chunk).filter(|length| *length <= chunk.len());
        let mut want = read;
        while whole(&self.chunk).is_none() {
            // The beginning of the piece is read again, because the whole piece has to be aligned.
            self.at -= self.chunk.len() as u64;
            if self.at == self.end {
                return Ok(None);
            }
            want = piece_length(&self.chunk).unwrap_or(want).max(want);
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            // One read of 300 KiB is faster than two of 256 and 44 KiB.
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
