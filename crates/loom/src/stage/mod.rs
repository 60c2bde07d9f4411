//! Transposes the open row group: rows come in as batches and are read back column by column.
//!
//! # The problem
//!
//! Parquet stores a row group as one chunk per column, and rows arrive in batches. A writer that encodes all
//! columns at once needs an encoder, a page and a dictionary for each of them, and keeps the encoded pages of all
//! columns until the row group is full. A writer that waits needs all rows in memory: 800 MB for 1,000 columns
//! of 8 bytes and 100,000 rows.
//!
//! # The idea
//!
//! The stage transposes on disk, in two directions. Rows are divided into *blocks*, each as large as the memory
//! for held rows. Columns are divided into *groups* of neighbours, so that one group of all blocks fits in
//! memory. The part of a block that belongs to a group is a *strip*: packed [pieces](taploom_packed), one per
//! batch, stored contiguously in a scratch file.
//!
//! ```text
//! batches ──► held, by groups ──► block ──► scratch file
//!             ┌───────┬───────┬───────┐
//!     block 0 │strip 0│strip 1│strip 2│  written in rows of this figure, whenever memory is full
//!     block 1 │strip 0│strip 1│strip 2│
//!        held │strip 0│strip 1│strip 2│  rows that never left memory
//!             └───────┴───────┴───────┘
//!              read in columns of this figure, once the row group is full
//! ```
//!
//! A block is written in one go, one strip after another, and a group is read with one read per block. Every byte
//! is written once and read once. In the example above, with the default budget of 32 MiB, a block has about 900
//! rows, a group 9 columns, and a strip 64 KiB. Instead of 1,000 open encoders, about 12,000 reads of 64 KiB are
//! needed. A row group that fits into the memory for held rows needs no file.
//!
//! Several threads pack the strips of a block. Each thread has a *lane* with a separate scratch file, because the
//! system lets only one thread write to a file at a time. The positions of strips are stored in scratch too,
//! because with many columns and blocks they would fill the memory.
//!
//! # The limits
//!
//! - The sizes in the first batch decide how columns are divided into groups. If later rows are larger, a group
//!   may not fit into memory. Its columns are then read one by one, each with a pass over all strips of the
//!   group, and the columns are divided again for the next row group.
//! - A column that is too large for memory is a separate group, and is read piece by piece.
//! - A cell has to fit into a piece, a sixteenth of the budget: [`Stage::check`] refuses larger ones.
//! - Every batch adds a piece with headers to each strip, so batches of a few rows take more disk.

use arrow_array::RecordBatch;
use taploom_scratch::ScratchSpace;

use self::groups::{
    ColumnGroup, HeldStrip, cut_into_groups, for_each_run, own_bytes, pack_pieces, packed_bytes,
};
pub(crate) use self::loaded::{GroupMemory, LoadedGroup};
use self::strips::ScratchLane;
use crate::arrays::{heaviest_cell, weight};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::table::Table;

mod groups;
mod loaded;
mod read;
mod sample;
mod strips;

/// The largest strip that memory is reserved for before there are rows to fill it.
const MOST_AT_ONCE: usize = 16 << 20;

/// The rows of the open row group.
pub(crate) struct Stage {
    plan: Plan,
    groups: Vec<ColumnGroup>,
    blocks: Vec<SpilledBlock>,
    /// One lane per thread.
    lanes: Vec<ScratchLane>,
    /// Batches of the row group.
    pieces: usize,
    /// Whether a group of an earlier row group was larger than predicted, perhaps because of the headers of
    /// small batches.
    mispredicted: bool,
}

/// Rows that went to scratch together.
struct SpilledBlock {
    /// The offset of the positions of the block's strips in the first lane.
    places: u64,
}

impl Stage {
    pub(crate) fn new(plan: Plan, scratch: &ScratchSpace) -> Self {
        Self {
            plan,
            groups: Vec::new(),
            blocks: Vec::new(),
            lanes: (0..plan.threads).map(|_| ScratchLane::new(scratch)).collect(),
            pieces: 0,
            mispredicted: false,
        }
    }

    /// Refuses a batch with a cell that can't be rebuilt and encoded within the budget. `first_row` is the
    /// index of its first row in the file; messages count rows from 1.
    pub(crate) fn check(&self, table: &Table, batch: &RecordBatch, first_row: u64) -> Result<()> {
        let large = batch.columns().iter().enumerate();
        let large = large.filter(|(_, array)| weight(array) > self.plan.piece);
        let cells = large.map(|(column, array)| (heaviest_cell(array), column));
        match cells.max() {
            Some(((cell, row), column)) if cell > self.plan.piece => {
                let (row, name) = (first_row + row as u64 + 1, table.columns[column].name());
                Err(Error::Budget {
                    budget: self.plan.budget,
                    why: format!("row {row} takes {cell} bytes in column {name}"),
                    enough: cell.saturating_mul(16),
                })
            }
            _ => Ok(()),
        }
    }

    /// Adds rows to the open row group, which will have about `row_group_rows` rows.
    pub(crate) fn push(
        &mut self,
        table: &Table,
        batch: &RecordBatch,
        row_group_rows: u64,
    ) -> Result<()> {
        if self.groups.is_empty() {
            let size = if self.mispredicted { packed_bytes } else { own_bytes };
            self.groups = cut_into_groups(table, &self.plan, batch, row_group_rows, size);
        }
        self.pieces += 1;
        if self.is_block(batch) || self.grown(batch) > self.plan.held {
            return self.spill(table, batch);
        }
        let plan = self.plan;
        for_each_run(&mut self.groups, &mut self.lanes, batch, |groups, _, _| {
            groups.iter_mut().try_for_each(|group| {
                let held = group.held.open();
                if held.capacity() == 0 {
                    held.reserve_exact(group.share.min(MOST_AT_ONCE));
                }
                pack_pieces(table, &group.columns, batch, &plan, held, &mut |_| Ok(()))
            })
        })
    }

    /// Whether a batch is written as a block of its own, although there is memory to hold it. This saves a copy, if
    /// the row group needs scratch anyway, and if its strips are large enough to be read.
    fn is_block(&self, batch: &RecordBatch) -> bool {
        /// Smaller reads take more time per byte.
        const STRIP: usize = 32 << 10;
        let bytes: usize = batch.columns().iter().map(own_bytes).sum();
        self.has_spilled()
            && self.groups.iter().all(|group| group.held.len() == 0)
            && bytes / self.groups.len() >= STRIP
    }

    /// Bytes that the held strips would take with the rows of a batch. If the cells of a column vary in
    /// size, this is more than the actual contents of the strips.
    fn grown(&self, batch: &RecordBatch) -> usize {
        let strips = self.groups.iter().map(|group| {
            let arrays = &batch.columns()[group.columns.clone()];
            let bytes: usize = arrays.iter().map(packed_bytes).sum();
            let HeldStrip::Open(held) = &group.held else { return bytes };
            if held.len() + bytes <= held.capacity().max(group.share) {
                return held.capacity().max(group.share);
            }
            held.len() + bytes.max(held.capacity() / 4)
        });
        strips.sum()
    }

    /// Frees the memory that empty strips have beyond their share.
    fn free_surplus(&mut self) {
        for group in &mut self.groups {
            let share = group.share;
            let held = group.held.open();
            if held.is_empty() && held.capacity() > share {
                held.shrink_to(share);
            }
        }
    }

    /// Writes a block: the held strips, followed by the rows of a batch.
    fn spill(&mut self, table: &Table, batch: &RecordBatch) -> Result<()> {
        let plan = self.plan;
        for_each_run(&mut self.groups, &mut self.lanes, batch, |groups, index, lane| {
            lane.write_strips(table, &plan, index, groups, batch)
        })?;
        for lane in &mut self.lanes {
            lane.buffer.shrink_to(plan.read * 2);
        }
        let places: Vec<_> = self.groups.iter().flat_map(|group| group.place.to_bytes()).collect();
        self.blocks.push(SpilledBlock { places: self.lanes[0].file.append(&places)? });
        self.free_surplus();
        if self.is_block(batch) {
            // The next batches will not be held either. Pages that wait can use the memory.
            self.groups.iter_mut().for_each(|group| group.held = HeldStrip::default());
        }
        Ok(())
    }

    /// Ends the row group: its rows can be read from now on.
    pub(crate) fn seal(&mut self) {
        self.groups.iter_mut().for_each(|group| group.held.seal());
    }

    /// Whether rows of this row group went to scratch.
    pub(crate) fn has_spilled(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Removes the rows. The next row group reuses their memory and their files.
    pub(crate) fn clear(&mut self) {
        if self.groups.iter().any(|group| self.too_large(group)) {
            // The first batch was not typical. The first batch of the next row group may be.
            self.mispredicted = true;
            self.groups.clear();
        }
        for group in &mut self.groups {
            group.held.open().clear();
            group.spilled = 0;
        }
        self.free_surplus();
        self.pieces = 0;
        self.blocks.clear();
        self.lanes.iter_mut().for_each(|lane| lane.file.clear());
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let held: usize = self.groups.iter().map(|group| group.held.capacity()).sum();
        held + self.lanes.iter().map(|lane| lane.buffer.capacity()).sum::<usize>()
    }
}
