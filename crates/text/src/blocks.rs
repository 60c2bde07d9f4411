//! Rows as text, in blocks.
//!
//! A table in memory has its columns one after the other, and the text has its rows one after the other. A block is
//! made of groups of rows that fit into the second-level cache: each column appends its cells to all rows of the group,
//! so that the type of a column is examined once for each group, and cells are written once, in their place.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use taploom_format::{
    CellLosses, EncodeContext, Error, ErrorKind, InOrder, Result, Spare, prefetch,
};

use crate::cells::Cells;
use crate::cut::{Group, groups_of_a_block};

/// Writes the cells of one column as text; chosen once, at the start.
pub trait ColumnText: Send + Sync + 'static {
    /// Appends the cells of some rows of `array`, which has the type that the column was
    /// chosen for, by one call of a method of `to`.
    ///
    /// # Errors
    /// A cell that can't be written as text. The error counts rows from 1 within these
    /// rows.
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses>;
}

/// The text around the cells of a row.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The text before the cell of each column.
    pub before: Vec<Vec<u8>>,
    /// The text after the last cell.
    pub after: Vec<u8>,
    /// The text that replaces an empty cell.
    pub empty: &'static str,
}

/// How many columns ahead values are fetched. A column of some tens of rows is written in a few hundred nanoseconds,
/// about as long as values take to arrive from memory.
const COLUMNS_AHEAD: usize = 4;

/// Turns the rows of batches into blocks of text of about 768 KiB, at least one row each, on
/// several threads if allowed, and passes them on in order.
pub struct Blocks<C> {
    pieces: InOrder<Piece>,
    /// Rows of the batches so far.
    rows: u64,
    /// The losses of each column in the blocks that were passed on.
    losses: Vec<CellLosses>,
    of: PhantomData<fn(C)>,
}

struct Layout<C> {
    columns: Vec<C>,
    frame: Frame,
}

/// The columns of a result, and memory of blocks that finished results have left. Results with the same schema share
/// it as part of their [plan](EncodeContext::plan).
pub struct BlockPlan<C> {
    layout: Arc<Layout<C>>,
    spare: Arc<Spare<Piece>>,
}

impl<C: ColumnText> BlockPlan<C> {
    /// Columns with this frame.
    pub fn new(columns: Vec<C>, frame: Frame, context: &EncodeContext) -> Self {
        let spare = Arc::new(context.spare(Piece::heap_bytes));
        Self { layout: Arc::new(Layout { columns, frame }), spare }
    }

    /// The text around the cells of a row.
    pub(crate) fn frame(&self) -> &Frame {
        &self.layout.frame
    }
}

/// Rows of a batch, to be written as a block.
#[derive(Default)]
struct Piece {
    batch: Option<Arc<RecordBatch>>,
    groups: Vec<Group>,
    /// Rows of the result before the batch.
    rows_before: u64,
    /// The rows of one group; its memory is reused for each group.
    cells: Cells,
    block: TextBlock,
    /// The losses of each column.
    losses: Vec<CellLosses>,
}

/// A block of rows as text.
#[derive(Debug, Default)]
pub struct TextBlock {
    /// The rows, one after the other.
    pub text: Vec<u8>,
    /// Offset of the separator before the last row's last cell.
    pub last_cell: usize,
    /// Offset of the text after the last row's last cell.
    pub last_after: usize,
}

impl<C: ColumnText> Blocks<C> {
    /// Writes blocks of these columns with this frame.
    pub fn new(columns: Vec<C>, frame: Frame, threads: usize) -> Self {
        Self::with_layout(Arc::new(Layout { columns, frame }), threads)
    }

    /// Writes blocks of the columns of a plan, in memory that earlier results have left.
    pub fn of(plan: &BlockPlan<C>, threads: usize) -> Self {
        let mut blocks = Self::with_layout(Arc::clone(&plan.layout), threads);
        blocks.pieces = blocks.pieces.with_spare(Arc::clone(&plan.spare));
        blocks
    }

    fn with_layout(layout: Arc<Layout<C>>, threads: usize) -> Self {
        let losses = vec![CellLosses::default(); layout.columns.len()];
        let pieces = InOrder::new(threads, move |piece| layout.write(piece));
        Self { pieces, rows: 0, losses, of: PhantomData }
    }

    /// Takes the rows of a batch, and passes blocks of this and earlier batches to `take`.
    ///
    /// # Errors
    /// An error of a cell or of `take`. Nothing is passed on after an error.
    pub fn write(
        &mut self,
        batch: &RecordBatch,
        mut take: impl FnMut(&TextBlock) -> Result<()>,
    ) -> Result<()> {
        let batch = Arc::new(batch.clone());
        let mut first = 0;
        while first < batch.num_rows() {
            let mut piece = self.pieces.spare().unwrap_or_default();
            groups_of_a_block(&batch, first, &mut piece.groups);
            piece.rows_before = self.rows;
            piece.batch = Some(Arc::clone(&batch));
            first = piece.groups.last().map_or(batch.num_rows(), |group| group.rows.end);
            let Self { pieces, losses, .. } = self;
            pieces.push(piece, |piece| hand_over(piece, losses, &mut take))?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Waits for all blocks of the batches so far, and passes them on. More batches may
    /// follow.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn drain(&mut self, mut take: impl FnMut(&TextBlock) -> Result<()>) -> Result<()> {
        let Self { pieces, losses, .. } = self;
        pieces.drain(|piece| hand_over(piece, losses, &mut take))
    }

    /// The losses of each column in the blocks that were passed on.
    pub fn losses(&self) -> &[CellLosses] {
        &self.losses
    }

    /// Heap held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.pieces.heap_bytes(Piece::heap_bytes)
    }
}

fn hand_over(
    piece: &Piece,
    losses: &mut [CellLosses],
    take: &mut impl FnMut(&TextBlock) -> Result<()>,
) -> Result<()> {
    take(&piece.block)?;
    losses.iter_mut().zip(&piece.losses).for_each(|(all, of_piece)| *all += *of_piece);
    Ok(())
}

impl Piece {
    fn heap_bytes(&self) -> usize {
        let groups = self.groups.capacity() * size_of::<Group>();
        self.block.text.capacity() + self.cells.heap_bytes() + groups
    }
}

impl<C: ColumnText> Layout<C> {
    fn write(&self, piece: &mut Piece) -> Result<()> {
        let Some(batch) = piece.batch.take() else { return Ok(()) };
        piece.losses.clear();
        piece.losses.resize(self.columns.len(), CellLosses::default());
        piece.block.text.clear();
        let Piece { groups, cells, block, losses, .. } = piece;
        for group in groups {
            let before = piece.rows_before + group.rows.start as u64;
            let written = self.write_group(&batch, group, cells, block, losses);
            written.map_err(|error| match error.row() {
                Some(row) => error.with_row(before + row),
                None => error,
            })?;
        }
        Ok(())
    }

    /// Appends rows to a block.
    fn write_group(
        &self,
        batch: &RecordBatch,
        group: &Group,
        cells: &mut Cells,
        block: &mut TextBlock,
        losses: &mut [CellLosses],
    ) -> Result<()> {
        let rows = &group.rows;
        cells.start_rows(rows.len(), group.widest, self.frame.empty);
        let mut before_last = 0;
        let arrays = batch.columns();
        arrays.iter().take(COLUMNS_AHEAD).for_each(|array| prefetch(array, rows.clone()));
        let columns = self.columns.iter().zip(&self.frame.before).zip(arrays).zip(losses);
        for (index, (((column, before), array), losses)) in columns.enumerate() {
            if let Some(array) = arrays.get(index + COLUMNS_AHEAD) {
                prefetch(array, rows.clone());
            }
            before_last = cells.last_row().len();
            cells.start_column(before);
            *losses += column.append(array, rows.clone(), cells)?;
            if cells.written() != rows.len() {
                let message = format!(
                    "a column has to write {} cells, one for each row, and wrote {}",
                    rows.len(),
                    cells.written()
                );
                return Err(Error::new(ErrorKind::Misuse, message));
            }
        }
        block.append(cells, before_last, &self.frame.after);
        Ok(())
    }
}

impl TextBlock {
    /// Appends the rows of a group. The last cell of the last row begins `before_last` bytes after the row's start.
    fn append(&mut self, cells: &Cells, before_last: usize, after: &[u8]) {
        let Self { text, last_cell, last_after } = self;
        for row in cells.rows().iter() {
            *last_cell = text.len() + before_last;
            text.extend_from_slice(row);
            *last_after = text.len();
            text.extend_from_slice(after);
        }
    }
}

impl Frame {
    /// Writes one row.
    pub(crate) fn record<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> TextBlock {
        let mut cells = Cells::default();
        let mut before_last = 0;
        cells.start_rows(1, 0, self.empty);
        for (before, value) in self.before.iter().zip(values) {
            before_last = cells.last_row().len();
            cells.start_column(before);
            cells.push(value);
        }
        let mut block = TextBlock::default();
        block.append(&cells, before_last, &self.after);
        block
    }
}
