//! The rows of the open row group: packed by columns in memory while they are few, else transposed
//! to scratch.
//!
//! ```text
//! batches ──► held, by groups ──► block ──► scratch file
//!             ┌───────┬───────┬───────┐     a group is some neighbouring columns;
//!     block 0 │strip 0│strip 1│strip 2│     a strip is what a block has of a group,
//!     block 1 │strip 0│strip 1│strip 2│     and consists of packed pieces of batches
//!        held │strip 0│strip 1│strip 2│
//!             └───────┴───────┴───────┘
//! ```
//!
//! A group is read back from all blocks at a time: wide enough that a read is worth a seek, narrow
//! enough that it fits in memory. A column too large for that is a group of its own, and is read
//! piece by piece.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use taploom_scratch::ScratchSpace;

use crate::arrays::{heaviest_cell, in_pieces, plain, row_bytes, weight};
use crate::error::{Error, Result};
use crate::pack::{pack, piece_length, unpack};
use crate::plan::Plan;
use crate::strips::{Lane, Pieces, Place};
use crate::table::Table;
use crate::threads;

/// Memory that is asked for before there are rows to fill it.
const MOST_AT_ONCE: usize = 16 << 20;

pub(crate) struct Stage {
    plan: Plan,
    groups: Vec<Group>,
    blocks: Vec<Block>,
    /// One for each thread.
    lanes: Vec<Lane>,
    /// Batches of the row group.
    pieces: usize,
    /// Groups turned out larger than was thought; it may be the frames of small batches.
    mispredicted: bool,
}

/// Neighbouring columns that are staged together.
struct Group {
    columns: Range<usize>,
    /// Its strip of the rows that no block has.
    held: Strip,
    /// Its share of the memory for held strips, as far as can be told.
    share: usize,
    /// Bytes of its strips in scratch.
    spilled: u64,
    /// Where the last of them is.
    place: Place,
}

/// Pieces in memory: a vector while rows are added, shared while they are encoded; the same memory
/// serves one row group after the other.
enum Strip {
    Open(Vec<u8>),
    Sealed(Buffer),
}

impl Strip {
    fn open(&mut self) -> &mut Vec<u8> {
        if let Self::Sealed(buffer) = self {
            let buffer = std::mem::take(buffer);
            *self = Self::Open(buffer.into_vec().unwrap_or_default());
        }
        match self {
            Self::Open(bytes) => bytes,
            Self::Sealed(_) => unreachable!("it has just been opened"),
        }
    }

    fn seal(&mut self) {
        if let Self::Open(bytes) = self {
            *self = Self::Sealed(Buffer::from(std::mem::take(bytes)));
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Open(bytes) => bytes.capacity(),
            Self::Sealed(buffer) => buffer.capacity(),
        }
    }
}

/// Rows that went to scratch together: where the places of their strips stand.
struct Block {
    places: u64,
}

/// The arrays of a group that is in memory as a whole, by piece and column.
pub(crate) type Loaded = Arc<Vec<Vec<ArrayRef>>>;

impl Stage {
    pub(crate) fn new(plan: Plan, scratch: &ScratchSpace) -> Self {
        Self {
            plan,
            groups: Vec::new(),
            blocks: Vec::new(),
            lanes: (0..plan.threads).map(|_| Lane::new(scratch)).collect(),
            pieces: 0,
            mispredicted: false,
        }
    }

    /// Refuses rows with a cell that can't be rebuilt and encoded within the budget; `first_row` is
    /// the number of the first one in the file, for the message.
    pub(crate) fn check(&self, table: &Table, batch: &RecordBatch, first_row: u64) -> Result<()> {
        let large = batch.columns().iter().enumerate();
        let large = large.filter(|(_, array)| weight(array) > self.plan.piece);
        let cells = large.map(|(column, array)| (heaviest_cell(array), column));
        match cells.max() {
            Some(((cell, row), column)) if cell > self.plan.piece => {
                let (row, name) = (first_row + row as u64, table.columns[column].name());
                Err(Error::Budget {
                    budget: self.plan.budget,
                    why: format!("row {row} takes {cell} bytes in column {name}"),
                    enough: cell.saturating_mul(16),
                })
            }
            _ => Ok(()),
        }
    }

    /// Takes rows into the open row group, which will have about `row_group_rows` of them.
    pub(crate) fn push(
        &mut self,
        table: &Table,
        batch: &RecordBatch,
        row_group_rows: u64,
    ) -> Result<()> {
        if self.groups.is_empty() {
            let size = if self.mispredicted { packed_bytes } else { own_bytes };
            self.groups = groups(table, &self.plan, batch, row_group_rows, size);
        }
        self.pieces += 1;
        if self.grown(batch) > self.plan.held {
            return self.spill(table, batch);
        }
        let plan = self.plan;
        for_each_group(&mut self.groups, &mut self.lanes, batch, |group, _, _| {
            let held = group.held.open();
            if held.capacity() == 0 {
                held.reserve_exact(group.share.min(MOST_AT_ONCE));
            }
            pack_pieces(table, &group.columns, batch, &plan, held, &mut |_| Ok(()))
        })
    }

    /// Bytes that the strips would take in memory with the rows of a batch: where columns are now large
    /// and now small, more than their contents.
    fn grown(&self, batch: &RecordBatch) -> usize {
        let strips = self.groups.iter().map(|group| {
            let arrays = &batch.columns()[group.columns.clone()];
            let bytes: usize = arrays.iter().map(packed_bytes).sum();
            let Strip::Open(held) = &group.held else { return bytes };
            if held.len() + bytes <= held.capacity().max(group.share) {
                return held.capacity().max(group.share);
            }
            held.len() + bytes.max(held.capacity() / 4)
        });
        strips.sum()
    }

    /// Gives back what strips have grown beyond their share.
    fn free_surplus(&mut self) {
        for group in &mut self.groups {
            let share = group.share;
            let held = group.held.open();
            if held.is_empty() && held.capacity() > share {
                held.shrink_to(share);
            }
        }
    }

    /// Writes a block: what is held, and the rows of a batch.
    fn spill(&mut self, table: &Table, batch: &RecordBatch) -> Result<()> {
        let plan = self.plan;
        for_each_group(&mut self.groups, &mut self.lanes, batch, |group, index, lane| {
            let start = lane.file.len();
            let held = group.held.open();
            if !held.is_empty() {
                lane.file.append(held)?;
                held.clear();
            }
            // Not behind what is held: it would grow by the batch, and keep that memory.
            let Lane { buffer, file } = lane;
            pack_pieces(table, &group.columns, batch, &plan, buffer, &mut |strip| {
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
            group.place = Place { lane: index as u64, start, end: file.len() };
            group.spilled += file.len() - start;
            Ok(())
        })?;
        for lane in &mut self.lanes {
            lane.buffer.shrink_to(plan.read * 2);
        }
        let places: Vec<_> = self.groups.iter().flat_map(|group| group.place.to_bytes()).collect();
        self.blocks.push(Block { places: self.lanes[0].file.append(&places)? });
        self.free_surplus();
        Ok(())
    }

    /// No more rows for this row group: what is held can be read.
    pub(crate) fn seal(&mut self) {
        self.groups.iter_mut().for_each(|group| group.held.seal());
    }

    /// The group of a column, where rows were staged.
    pub(crate) fn group_of(&self, column: usize) -> Option<usize> {
        let group = self.groups.partition_point(|group| group.columns.end <= column);
        (group < self.groups.len()).then_some(group)
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Reads a group into memory, unless it is too large or has one column only.
    pub(crate) fn load(&self, table: &Table, group: usize) -> Result<Option<Loaded>> {
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

    /// Whether rows of this row group went to scratch.
    pub(crate) fn has_spilled(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Whether a group has become larger than was predicted, by more than a little.
    fn too_large(&self, group: &Group) -> bool {
        // An array takes more than its bytes; of small batches there are many.
        const ARRAY: usize = 200;
        let arrays = self.pieces * group.columns.len() * ARRAY;
        let most = self.plan.loaded + self.plan.loaded / 8;
        group.columns.len() > 1 && group.spilled + arrays as u64 > most as u64
    }

    /// Calls `each` with the arrays of a column, in order.
    pub(crate) fn for_each_piece(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&Loaded>,
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

    /// The first rows of a column, for a look at its values: the same ones, whatever batches they came
    /// in.
    pub(crate) fn sample(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&Loaded>,
        last: Option<&RecordBatch>,
    ) -> Result<Vec<ArrayRef>> {
        let mut sample = Sample { arrays: Vec::new(), rows: 8192, bytes: self.plan.read };
        if let Some(group) = self.group_of(column) {
            let index = column - self.groups[group].columns.start;
            match loaded {
                Some(pieces) => drop(pieces.iter().all(|piece| sample.add(&piece[index]))),
                None => self.for_each_staged(table, group, |one| one == index, &mut |arrays| {
                    Ok(arrays.iter().all(|array| sample.add(array)))
                })?,
            }
        }
        if let Some(last) = last.filter(|_| sample.rows > 0 && sample.bytes > 0) {
            let field = &table.columns[column].field;
            let array = last.column(column);
            let row = weight(array).div_ceil(array.len().max(1)).max(1);
            // No more than will be rebuilt at a time.
            let rows = array.len().min(sample.rows).min((self.plan.piece / row).max(1));
            let plain = plain(&array.slice(0, rows), field.data_type());
            sample.add(&plain.map_err(|error| Error::arrow(field.name(), error))?);
        }
        Ok(sample.arrays)
    }

    /// Calls `each` with the staged pieces of a group, of the columns wanted, until it answers
    /// `false`.
    fn for_each_staged(
        &self,
        table: &Table,
        group: usize,
        wanted: impl Fn(usize) -> bool + Copy,
        each: &mut impl FnMut(Vec<ArrayRef>) -> Result<bool>,
    ) -> Result<()> {
        let Group { columns, held, .. } = &self.groups[group];
        let types = || {
            let columns = table.columns[columns.clone()].iter();
            columns.map(|column| (column.name(), column.field.data_type()))
        };
        for Block { places } in &self.blocks {
            let mut place = [0; Place::BYTES];
            self.lanes[0].file.read_exact_at(&mut place, places + (group * Place::BYTES) as u64)?;
            let place = Place::from_bytes(&place);
            let Some(Lane { file, .. }) = self.lanes.get(place.lane as usize) else {
                let why = format!("a strip is said to be in scratch file {}", place.lane);
                return Err(Error::Internal(why));
            };
            let mut pieces = Pieces::of(place);
            while let Some(piece) = pieces.next(file, self.plan.read)? {
                if !each(unpack(&piece, types(), wanted)?)? {
                    return Ok(());
                }
            }
        }
        let Strip::Sealed(buffer) = held else { return Ok(()) };
        let mut rest = buffer.clone();
        while let Some(length) = piece_length(&rest) {
            let piece = rest.slice_with_length(0, length);
            rest.advance(length);
            if !each(unpack(&piece, types(), wanted)?)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets the rows; their memory and their scratch are used again.
    pub(crate) fn clear(&mut self) {
        if self.groups.iter().any(|group| self.too_large(group)) {
            // The first batch was not like the others; the next one may be.
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

    /// Heap held.
    pub(crate) fn heap_bytes(&self) -> usize {
        let held: usize = self.groups.iter().map(|group| group.held.capacity()).sum();
        held + self.lanes.iter().map(|lane| lane.buffer.capacity()).sum::<usize>()
    }
}

/// Rows that are looked at, and how many more may be.
struct Sample {
    arrays: Vec<ArrayRef>,
    rows: usize,
    bytes: usize,
}

impl Sample {
    /// Adds as many rows as there is room for; `false` when there is none left.
    fn add(&mut self, array: &ArrayRef) -> bool {
        let mut rows = array.len().min(self.rows);
        if row_bytes(&array.slice(0, rows)) > self.bytes {
            let row = |row: &usize| row_bytes(&array.slice(*row, 1));
            let mut left = self.bytes;
            let fits = (0..rows).take_while(|at| match left.checked_sub(row(at)) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            });
            rows = fits.count();
            self.rows = rows;
        }
        let array = array.slice(0, rows);
        self.bytes -= row_bytes(&array).min(self.bytes);
        self.rows -= rows;
        self.arrays.push(array);
        self.rows > 0
    }
}

/// Lets a thread for each lane take the groups in turn.
fn for_each_group(
    groups: &mut [Group],
    lanes: &mut [Lane],
    batch: &RecordBatch,
    each: impl Fn(&mut Group, usize, &mut Lane) -> Result<()> + Sync,
) -> Result<()> {
    // To start a thread takes as long as to pack some hundred KiB.
    const WORTH_A_THREAD: usize = 1 << 20;
    let bytes: usize = batch.columns().iter().map(own_bytes).sum();
    let threads = lanes.len().min(groups.len()).min(bytes / WORTH_A_THREAD).max(1);
    let groups = Mutex::new(groups.iter_mut());
    let next = || groups.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = |index: usize, lane: &mut Lane| {
        while let Some(group) = next() {
            each(group, index, lane)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let work = &work;
        let mut lanes = lanes[..threads].iter_mut().enumerate();
        let own = lanes.next();
        let others =
            lanes.filter_map(|(index, lane)| threads::start(scope, move || work(index, lane)));
        let others: Vec<_> = others.collect();
        let outcome = own.map_or(Ok(()), |(index, lane)| work(index, lane));
        others.into_iter().fold(outcome, |outcome, other| {
            outcome.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    })
}

/// Packs the rows of a batch into the strip of a group, in pieces; `after` is called after each.
fn pack_pieces(
    table: &Table,
    columns: &Range<usize>,
    batch: &RecordBatch,
    plan: &Plan,
    strip: &mut Vec<u8>,
    after: &mut impl FnMut(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    let arrays = &batch.columns()[columns.clone()];
    // What is encoded at a time is one column of a piece; what is read at a time, all of it.
    let most = if columns.len() == 1 { plan.piece } else { plan.piece.max(plan.loaded / 2) };
    in_pieces(arrays, most, &mut |piece: &[ArrayRef]| {
        let bytes: usize = piece.iter().map(packed_bytes).sum();
        if strip.capacity() - strip.len() < bytes {
            // Doubling would take more than was granted.
            strip.reserve_exact(bytes.max(strip.capacity() / 4));
        }
        let columns = table.columns[columns.clone()].iter().zip(piece);
        let columns = columns.map(|(c, array)| (c.name(), c.field.data_type(), array));
        pack(columns, strip)?;
        after(strip)
    })
}

/// Bytes of an array when it is packed, headers and padding included.
fn packed_bytes(array: &ArrayRef) -> usize {
    // Nested arrays take a message of some hundred bytes for each of their parts.
    let frame = match array.data_type() {
        data_type if data_type.is_primitive() || *data_type == DataType::Boolean => 64,
        data_type if data_type.is_nested() => 1024,
        _ => 96,
    };
    row_bytes(array) + frame
}

/// Bytes of an array without the frame, which a batch of few rows has more of than others.
fn own_bytes(array: &ArrayRef) -> usize {
    row_bytes(array)
}

/// Cuts the columns into groups, judging by the first batch.
fn groups(
    table: &Table,
    plan: &Plan,
    batch: &RecordBatch,
    row_group_rows: u64,
    size: fn(&ArrayRef) -> usize,
) -> Vec<Group> {
    let rows = batch.num_rows().max(1) as f64;
    let sizes: Vec<usize> = batch.columns().iter().map(size).collect();
    let all: usize = sizes.iter().sum();
    // As many batches as can be held, or else one, make a block.
    let batches_of_block = (plan.held / all.max(1)).max(1) as f64;
    let blocks = (row_group_rows as f64 / rows / batches_of_block).max(1.0);
    let in_block = |bytes: usize| (bytes as f64 * batches_of_block) as usize;
    let mut groups = Vec::new();
    let (mut first, mut open) = (0, 0);
    let mut close = |columns: Range<usize>, bytes: usize| {
        let share = (plan.held as f64 * bytes as f64 / all.max(1) as f64) as usize;
        groups.push(Group {
            columns,
            held: Strip::Open(Vec::new()),
            share,
            spilled: 0,
            place: Place::default(),
        });
    };
    for (column, bytes) in sizes.into_iter().enumerate() {
        let too_many = in_block(open + bytes) as f64 * blocks > plan.loaded as f64;
        // Reads that are large enough do not become better.
        if column > first && (too_many || in_block(open) >= plan.read) {
            close(first..column, open);
            (first, open) = (column, 0);
        }
        open += bytes;
    }
    close(first..table.columns.len(), open);
    groups
}
