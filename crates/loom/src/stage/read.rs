//! Reads the staged rows of a row group back, by groups of columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;
use taploom_packed::{PieceReader, piece_length};

use super::groups::{ColumnGroup, HeldStrip};
use super::strips::{PiecesInScratch, ScratchLane, StripPlace};
use super::{LoadedGroup, SpilledBlock, Stage};
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
    pub(crate) fn load(&self, table: &Table, group: usize) -> Result<Option<LoadedGroup>> {
        if self.groups[group].columns.len() == 1 || self.too_large(&self.groups[group]) {
            return Ok(None);
        }
        let mut pieces = Vec::new();
        self.for_each_staged(table, group, |_| true, &mut |arrays| {
            pieces.push(arrays);
            Ok(true)
        })?;
        Ok(Some(Arc::new(pieces)))
    }

    /// Whether a group is more than an eighth larger than [`cut_into_groups`](super::groups) allows.
    pub(super) fn too_large(&self, group: &ColumnGroup) -> bool {
        // Heap of an array in addition to its bytes. It matters if batches are small.
        const ARRAY: usize = 200;
        let arrays = self.pieces * group.columns.len() * ARRAY;
        let most = self.plan.loaded + self.plan.loaded / 8;
        group.columns.len() > 1 && group.spilled + arrays as u64 > most as u64
    }

    /// Calls `each` with the arrays of a column, in the order of the rows. `last` holds rows that were not
    /// staged.
    pub(crate) fn for_each_piece(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&LoadedGroup>,
        last: Option<&RecordBatch>,
        each: &mut impl FnMut(&ArrayRef) -> Result<()>,
    ) -> Result<()> {
        if let Some(group) = self.group_of(column) {
            let index = column - self.groups[group].columns.start;
            match loaded {
                Some(pieces) => pieces.iter().try_for_each(|piece| each(&piece[index]))?,
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
        for SpilledBlock { places } in &self.blocks {
            let mut place = [0; StripPlace::BYTES];
            self.lanes[0]
                .file
                .read_exact_at(&mut place, places + (group * StripPlace::BYTES) as u64)?;
            let place = StripPlace::from_bytes(&place);
            let Some(ScratchLane { file, .. }) = self.lanes.get(place.lane as usize) else {
                let why = format!("a strip is said to be in scratch file {}", place.lane);
                return Err(Error::Internal(why));
            };
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

fn unreadable(error: &ArrowError) -> Error {
    Error::Internal(format!("scratch does not hold what was written: {error}"))
}
