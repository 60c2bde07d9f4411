//! Writes strips to scratch, locates them, and reads their pieces.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_buffer::{Buffer, MutableBuffer};
use taploom_packed::{PieceSlices, piece_length};
use taploom_scratch::{ReadPattern, ScratchFile, ScratchSpace};

use super::groups::{ColumnGroup, are_written_as_they_are, pack_pieces};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::table::Table;

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

    /// Writes the strips of neighbouring groups: what they hold, followed by the rows of a batch. `index` is the
    /// number of this lane.
    pub(super) fn write_strips(
        &mut self,
        table: &Table,
        plan: &Plan,
        index: usize,
        groups: &mut [ColumnGroup],
        batch: &RecordBatch,
    ) -> Result<()> {
        let mut slices = PieceSlices::default();
        for group in groups.iter_mut() {
            let ColumnGroup { columns, held, spilled, place, .. } = group;
            let arrays = &batch.columns()[columns.clone()];
            let start = self.file.len() + slices.len() as u64;
            slices.add_packed(held.open());
            if are_written_as_they_are(table, columns, arrays, plan) {
                slices.begin_piece();
                for (column, array) in table.columns[columns.clone()].iter().zip(arrays) {
                    slices.add(array).map_err(|error| Error::arrow(column.name(), error))?;
                }
                slices.finish_piece();
            } else {
                self.write(&mut slices)?;
                self.pack(table, plan, columns, batch)?;
            }
            let end = self.file.len() + slices.len() as u64;
            *place = StripPlace { lane: index as u64, start, end };
            *spilled += end - start;
            if slices.copied_bytes() >= plan.read {
                self.write(&mut slices)?;
            }
        }
        self.write(&mut slices)?;
        drop(slices);
        groups.iter_mut().for_each(|group| group.held.open().clear());
        Ok(())
    }

    /// Writes all slices, and removes them.
    fn write(&mut self, slices: &mut PieceSlices<'_>) -> Result<()> {
        if !slices.is_empty() {
            self.file.append_slices(&mut slices.slices())?;
            slices.clear();
        }
        Ok(())
    }

    /// Packs arrays in the lane's buffer, and writes them. A held strip would grow and keep that memory.
    fn pack(
        &mut self,
        table: &Table,
        plan: &Plan,
        columns: &Range<usize>,
        batch: &RecordBatch,
    ) -> Result<()> {
        let Self { buffer, file } = self;
        pack_pieces(table, columns, batch, plan, buffer, &mut |strip| {
            if strip.len() >= plan.piece {
                file.append(strip)?;
                strip.clear();
            }
            Ok(())
        })?;
        if !buffer.is_empty() {
            file.append(buffer)?;
            buffer.clear();
        }
        Ok(())
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
