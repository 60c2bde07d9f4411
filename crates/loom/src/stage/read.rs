//! Reads the staged rows of a row group back, by groups of columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;
use taploom_packed::{Piece, PieceReader, piece_length};
use taploom_scratch::ScratchFile;

use super::groups::{ColumnGroup, HeldStrip};
use super::loaded::{GroupMemory, LoadedGroup};
use super::strips::{PiecesInScratch, StripPlace};
use super::{SpilledBlock, Stage};
use crate::arrays::{in_pieces, plain};
use crate::error::{Error, Result};
use crate::table::Table;

impl Stage {
    /// The group that a column belongs to; `None` if no rows were staged.
    pub(crate) fn group_of(&self, column: usize) -> Option<usize> {
        let group = self.groups.partition_point(|group| group.columns.end <= column);
        (group < self.groups.len()).then_some(group)
    }

    /// The number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Reads a whole group into memory. `None` for a group that is too large, and for one with a single
    /// column, whose pieces are read one after another.
    pub(crate) fn load(
        &self,
        group: usize,
        memory: &GroupMemory,
    ) -> Result<Option<Arc<LoadedGroup>>> {
        let read = |group: &ColumnGroup| group.columns.len() > 1 && !self.too_large(group);
        if !read(&self.groups[group]) {
            return Ok(None);
        }
        let ColumnGroup { columns, held, spilled, .. } = &self.groups[group];
        // Memory for the largest group is enough for all of them.
        let most = self.groups.iter().filter(|group| read(group)).map(|group| group.spilled).max();
        let mut bytes = memory.take(most.unwrap_or_default() as usize);
        let mut rest = &mut bytes[..*spilled as usize];
        for block in &self.blocks {
            let place = self.place_of(block, group)?;
            let strip = rest.split_off_mut(..(place.end - place.start) as usize);
            let strip = strip.ok_or_else(|| Error::Internal("a strip has grown".to_owned()))?;
            self.file_of(place)?.read_exact_at(strip, place.start)?;
        }
        let bytes = Buffer::from(bytes);
        let mut pieces = Vec::with_capacity(self.pieces);
        let held =
            if let HeldStrip::Sealed(held) = held { held.clone() } else { Buffer::default() };
        for mut rest in [bytes.slice_with_length(0, *spilled as usize), held] {
            while let Some(length) = piece_length(&rest) {
                let piece = Piece::new(rest.slice_with_length(0, length), columns.len());
                pieces.push(piece.map_err(|error| unreadable(&error))?);
                rest.advance(length);
            }
        }
        Ok(Some(Arc::new(memory.group(columns.clone(), pieces, bytes))))
    }

    /// The position of a group's strip in a block.
    fn place_of(&self, block: &SpilledBlock, group: usize) -> Result<StripPlace> {
        let mut place = [0; StripPlace::BYTES];
        let at = block.places + (group * StripPlace::BYTES) as u64;
        self.lanes[0].file.read_exact_at(&mut place, at)?;
        Ok(StripPlace::from_bytes(&place))
    }

    fn file_of(&self, place: StripPlace) -> Result<&ScratchFile> {
        let lane = self.lanes.get(place.lane as usize).map(|lane| &lane.file);
        lane.ok_or_else(|| {
            Error::Internal(format!("a strip is said to be in scratch file {}", place.lane))
        })
    }

    /// Whether a group is more than an eighth larger than [`cut_into_groups`](super::groups) allows.
    pub(super) fn too_large(&self, group: &ColumnGroup) -> bool {
        // Heap of an array in addition to its bytes. It matters if batches are small.
        const ARRAY: usize = 200;
        let arrays = self.pieces * group.columns.len() * ARRAY;
        let most = self.plan.loaded + self.plan.loaded / 8;
        group.columns.len() > 1 && group.spilled + arrays as u64 > most as u64
    }

    /// Calls `each` with the arrays of a column, in the order of the rows. `loaded` are its staged arrays, if its
    /// group was read as a whole; `last` holds rows that were not staged.
    pub(crate) fn for_each_piece(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&[ArrayRef]>,
        last: Option<&RecordBatch>,
        each: &mut impl FnMut(&ArrayRef) -> Result<()>,
    ) -> Result<()> {
        if let Some(group) = self.group_of(column) {
            let index = column - self.groups[group].columns.start;
            match loaded {
                Some(pieces) => pieces.iter().try_for_each(&mut *each)?,
                None => self.for_each_staged(table, group, |one| one == index, &mut |arrays| {
                    arrays.iter().try_for_each(&mut *each)?;
                    Ok(true)
                })?,
            }
        }
        let Some(last) = last else { return Ok(()) };
        let field = &table.columns[column].field;
        let array = [Arc::clone(last.column(column))];
        in_pieces(&array, self.plan.piece, &mut |piece: &[ArrayRef]| {
            let plain = plain(&piece[0], field.data_type());
            each(&plain.map_err(|error| Error::arrow(field.name(), error))?)
        })
    }

    /// Calls `each` with the staged pieces of a group until it returns `false`. A piece has the arrays of
    /// the `wanted` columns, numbered within the group.
    pub(super) fn for_each_staged(
        &self,
        table: &Table,
        group: usize,
        wanted: impl Fn(usize) -> bool + Copy,
        each: &mut impl FnMut(Vec<ArrayRef>) -> Result<bool>,
    ) -> Result<()> {
        let ColumnGroup { columns, held, .. } = &self.groups[group];
        let unpack = |piece: &Buffer| {
            let mut packed = PieceReader::new(piece).map_err(|error| unreadable(&error))?;
            let mut arrays = Vec::new();
            for (index, column) in table.columns[columns.clone()].iter().enumerate() {
                if wanted(index) {
                    let array = packed.next(column.field.data_type());
                    arrays.push(array.map_err(|error| Error::arrow(column.name(), error))?);
                } else {
                    packed.skip().map_err(|error| unreadable(&error))?;
                }
            }
            Ok::<_, Error>(arrays)
        };
        for block in &self.blocks {
            let place = self.place_of(block, group)?;
            let file = self.file_of(place)?;
            let mut pieces = PiecesInScratch::new(place);
            while let Some(piece) = pieces.next(file, self.plan.read)? {
                if !each(unpack(&piece)?)? {
                    return Ok(());
                }
            }
        }
        let HeldStrip::Sealed(buffer) = held else { return Ok(()) };
        let mut rest = buffer.clone();
        while let Some(length) = piece_length(&rest) {
            let piece = rest.slice_with_length(0, length);
            rest.advance(length);
            if !each(unpack(&piece)?)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

pub(super) fn unreadable(error: &ArrowError) -> Error {
    Error::Internal(format!("scratch does not hold what was written: {error}"))
}
