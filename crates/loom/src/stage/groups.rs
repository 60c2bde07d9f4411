//! Groups of neighbouring columns: which columns a group has, and how its rows are packed.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use taploom_packed::PieceWriter;

use super::strips::{ScratchLane, StripPlace};
use crate::arrays::{in_pieces, plain, row_bytes, weight};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::table::Table;
use crate::threads;

/// Neighbouring columns that are staged together.
pub(super) struct ColumnGroup {
    pub(super) columns: Range<usize>,
    /// The strip of the rows that are not in a block yet.
    pub(super) held: HeldStrip,
    /// The group's predicted share of the memory for held strips, in bytes.
    pub(super) share: usize,
    /// Bytes of the group's strips in scratch.
    pub(super) spilled: u64,
    /// The position of the group's strip in the last block.
    pub(super) place: StripPlace,
}

/// A strip in memory: a vector while rows are added, and a shared buffer while they are encoded. The
/// memory is reused for the next row group.
pub(super) enum HeldStrip {
    Open(Vec<u8>),
    Sealed(Buffer),
}

impl Default for HeldStrip {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl HeldStrip {
    /// The bytes, for appending.
    pub(super) fn open(&mut self) -> &mut Vec<u8> {
        if let Self::Sealed(buffer) = self {
            let buffer = std::mem::take(buffer);
            *self = Self::Open(buffer.into_vec().unwrap_or_default());
        }
        match self {
            Self::Open(bytes) => bytes,
            Self::Sealed(_) => unreachable!("the strip was opened above"),
        }
    }

    /// Ends appending, so that arrays can share the bytes.
    pub(super) fn seal(&mut self) {
        if let Self::Open(bytes) = self {
            *self = Self::Sealed(Buffer::from(std::mem::take(bytes)));
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Open(bytes) => bytes.len(),
            Self::Sealed(buffer) => buffer.len(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Open(bytes) => bytes.capacity(),
            Self::Sealed(buffer) => buffer.capacity(),
        }
    }
}

/// Cuts the columns into groups, predicting their sizes from the first batch.
///
/// A group ends when its strips of all blocks would not fit into [`Plan::loaded`], or when one strip is
/// as large as [`Plan::read`], because larger reads are not faster. `size` returns the size of an array
/// in bytes.
pub(super) fn cut_into_groups(
    table: &Table,
    plan: &Plan,
    batch: &RecordBatch,
    row_group_rows: u64,
    size: fn(&ArrayRef) -> usize,
) -> Vec<ColumnGroup> {
    let rows = batch.num_rows().max(1) as f64;
    let sizes: Vec<usize> = batch.columns().iter().map(size).collect();
    let all: usize = sizes.iter().sum();
    // A block has all batches that fit in memory, and at least one.
    let batches_of_block = (plan.held / all.max(1)).max(1) as f64;
    let blocks = (row_group_rows as f64 / rows / batches_of_block).max(1.0);
    let in_block = |bytes: usize| (bytes as f64 * batches_of_block) as usize;
    let mut groups = Vec::new();
    let (mut first, mut open) = (0, 0);
    let mut close = |columns: Range<usize>, bytes: usize| {
        let share = (plan.held as f64 * bytes as f64 / all.max(1) as f64) as usize;
        groups.push(ColumnGroup {
            columns,
            held: HeldStrip::default(),
            share,
            spilled: 0,
            place: StripPlace::default(),
        });
    };
    for (column, bytes) in sizes.into_iter().enumerate() {
        let too_many = in_block(open + bytes) as f64 * blocks > plan.loaded as f64;
        if column > first && (too_many || in_block(open) >= plan.read) {
            close(first..column, open);
            (first, open) = (column, 0);
        }
        open += bytes;
    }
    close(first..table.columns.len(), open);
    groups
}

/// Calls `each` for runs of neighbouring groups until all groups had their turn, on one thread per lane. A thread that
/// has finished a run takes the next one.
pub(super) fn for_each_run(
    groups: &mut [ColumnGroup],
    lanes: &mut [ScratchLane],
    batch: &RecordBatch,
    each: impl Fn(&mut [ColumnGroup], usize, &mut ScratchLane) -> Result<()> + Sync,
) -> Result<()> {
    // Starting a thread takes as long as packing a few hundred KiB. The system writes a MiB at a time faster than
    // smaller pieces.
    const WORTH_A_THREAD: usize = 1 << 20;
    let bytes: usize = batch.columns().iter().map(own_bytes).sum();
    let threads = lanes.len().min(groups.len()).min(bytes / WORTH_A_THREAD).max(1);
    // Several runs per thread, so that threads end at about the same time.
    let runs = if threads == 1 { bytes / WORTH_A_THREAD } else { threads * 4 };
    let of_a_run = groups.len().div_ceil(runs.max(1));
    let runs = Mutex::new(groups.chunks_mut(of_a_run.max(1)));
    let next = || runs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = |index: usize, lane: &mut ScratchLane| {
        while let Some(run) = next() {
            each(run, index, lane)?;
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

/// Whether the arrays of a batch can be written without a copy, as one piece.
pub(super) fn are_written_as_they_are(
    table: &Table,
    columns: &Range<usize>,
    arrays: &[ArrayRef],
    plan: &Plan,
) -> bool {
    let are_plain = table.columns[columns.clone()].iter().zip(arrays).all(|(column, array)| {
        array.data_type() == column.field.data_type() && !array.data_type().is_nested()
    });
    are_plain
        && arrays.iter().map(|array| weight(array)).sum::<usize>() <= most_of_a_piece(columns, plan)
}

/// The largest weight of a piece. Encoding takes one column of a piece at a time; reading takes the whole piece.
fn most_of_a_piece(columns: &Range<usize>, plan: &Plan) -> usize {
    if columns.len() == 1 { plan.piece } else { plan.piece.max(plan.loaded / 2) }
}

/// Packs the rows of a batch into the strip of a group, in pieces, and calls `after` after each piece.
pub(super) fn pack_pieces(
    table: &Table,
    columns: &Range<usize>,
    batch: &RecordBatch,
    plan: &Plan,
    strip: &mut Vec<u8>,
    after: &mut impl FnMut(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    let arrays = &batch.columns()[columns.clone()];
    in_pieces(arrays, most_of_a_piece(columns, plan), &mut |piece: &[ArrayRef]| {
        let bytes: usize = piece.iter().map(packed_bytes).sum();
        if strip.capacity() - strip.len() < bytes {
            // Doubling could exceed the budget.
            strip.reserve_exact(bytes.max(strip.capacity() / 4));
        }
        let mut packed = PieceWriter::new(strip);
        for (column, array) in table.columns[columns.clone()].iter().zip(piece) {
            let array = plain(array, column.field.data_type());
            let done = array.and_then(|array| packed.add(&array));
            done.map_err(|error| Error::arrow(column.name(), error))?;
        }
        packed.finish();
        after(strip)
    })
}

/// Bytes of a packed array, with headers and padding.
pub(super) fn packed_bytes(array: &ArrayRef) -> usize {
    // A nested array is an IPC message, with some hundred bytes for each of its parts.
    let frame = match array.data_type() {
        data_type if data_type.is_primitive() || *data_type == DataType::Boolean => 64,
        data_type if data_type.is_nested() => 1024,
        _ => 96,
    };
    row_bytes(array) + frame
}

/// Bytes of a packed array without headers and padding. In batches of a few rows, headers take most of
/// the bytes and do not reflect the size of the columns.
pub(super) fn own_bytes(array: &ArrayRef) -> usize {
    row_bytes(array)
}
