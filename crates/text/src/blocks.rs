//! Rows as text, in blocks. In each block, first the cells of every column are written as text,
//! so that the type of a column is examined once per block; then the rows are assembled from
//! them.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use taploom_format::{CellLosses, InOrder, Result};

use crate::cells::Cells;
use crate::cut::rows_of_a_block;
use crate::short::{Line, ROOM};

/// Writes the cells of one column as text; chosen once, at the start.
pub trait ColumnText: Send + Sync + 'static {
    /// Appends the cells of some rows of `array`, which has the type that the column was
    /// chosen for.
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
    pub empty: Vec<u8>,
}

/// Columns per group. The cells of a group of columns in a block stay in the first-level cache
/// until its rows are assembled.
const GROUP: usize = 64;

/// Turns the rows of batches into blocks of text of about 768 KiB, at least one row each, on
/// several threads if allowed, and passes them on in order.
pub struct Blocks<C> {
    layout: Arc<Layout<C>>,
    pieces: InOrder<Piece>,
    /// Rows of the batches so far.
    rows: u64,
    /// The losses of each column in the blocks that were passed on.
    losses: Vec<CellLosses>,
}

struct Layout<C> {
    columns: Vec<C>,
    frame: Frame,
}

/// Rows of a batch, to be written as a block.
#[derive(Default)]
struct Piece {
    batch: Option<Arc<RecordBatch>>,
    rows: Range<usize>,
    /// Rows of the result before the batch.
    rows_before: u64,
    /// The cells of one group of columns; its memory is reused for each group.
    cells: Vec<Cells>,
    /// The text of each group, if there are several groups.
    parts: Vec<Part>,
    block: TextBlock,
    /// The losses of each column.
    losses: Vec<CellLosses>,
}

/// The text of a group of columns for the rows of a block.
#[derive(Default)]
struct Part {
    block: TextBlock,
    /// The end of each row in the text.
    ends: Vec<usize>,
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
        let losses = vec![CellLosses::default(); columns.len()];
        let layout = Arc::new(Layout { columns, frame });
        let shared = Arc::clone(&layout);
        Self {
            layout,
            pieces: InOrder::new(threads, move |piece| shared.write(piece)),
            rows: 0,
            losses,
        }
    }

    /// The text around the cells of a row.
    pub(crate) fn frame(&self) -> &Frame {
        &self.layout.frame
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
            piece.rows = first..first + rows_of_a_block(&batch, first);
            piece.rows_before = self.rows;
            piece.batch = Some(Arc::clone(&batch));
            first = piece.rows.end;
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
        let cells = self.cells.iter().map(Cells::heap_bytes);
        let parts = self.parts.iter().map(Part::heap_bytes);
        self.block.text.capacity() + cells.sum::<usize>() + parts.sum::<usize>()
    }
}

impl Part {
    fn heap_bytes(&self) -> usize {
        self.block.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

impl<C: ColumnText> Layout<C> {
    fn write(&self, piece: &mut Piece) -> Result<()> {
        let Some(batch) = piece.batch.take() else { return Ok(()) };
        let rows = piece.rows.len();
        piece.losses.clear();
        if self.columns.len() <= GROUP {
            self.fill(piece, &batch, 0)?;
            let Piece { cells, block, .. } = piece;
            self.frame.lay_out(0, cells, rows, &self.frame.after, block, |_| {});
            return Ok(());
        }
        piece.parts.resize_with(self.columns.len().div_ceil(GROUP), Part::default);
        for group in 0..piece.parts.len() {
            let first = group * GROUP;
            self.fill(piece, &batch, first)?;
            let Piece { cells, parts, .. } = piece;
            let Part { block, ends } = &mut parts[group];
            ends.clear();
            self.frame.lay_out(first, cells, rows, b"", block, |end| ends.push(end));
        }
        self.frame.join(&piece.parts, rows, &mut piece.block);
        Ok(())
    }

    /// Writes the cells of a group of columns, beginning with column `first`.
    fn fill(&self, piece: &mut Piece, batch: &RecordBatch, first: usize) -> Result<()> {
        let columns = &self.columns[first..self.columns.len().min(first + GROUP)];
        piece.cells.resize_with(columns.len(), Cells::default);
        let arrays = batch.columns()[first..].iter().zip(&mut piece.cells);
        for (column, (array, cells)) in columns.iter().zip(arrays) {
            cells.clear();
            let appended = column.append(array, piece.rows.clone(), cells);
            piece.losses.push(appended.map_err(|error| match error.row() {
                Some(row) => {
                    let before = piece.rows_before + piece.rows.start as u64;
                    error.with_row(before + row)
                }
                None => error,
            })?);
            cells.close();
        }
        Ok(())
    }
}

impl Frame {
    /// Writes one row.
    pub(crate) fn record<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> TextBlock {
        let cells: Vec<Cells> = values.map(Cells::of_one).collect();
        let mut block = TextBlock::default();
        self.lay_out(0, &cells, 1, &self.after, &mut block, |_| {});
        block
    }

    /// Assembles the rows of a group of columns, beginning with column `first`, puts `end` after
    /// each row, and passes the offset of its end to `ended`.
    fn lay_out(
        &self,
        first: usize,
        columns: &[Cells],
        rows: usize,
        end: &[u8],
        block: &mut TextBlock,
        mut ended: impl FnMut(usize),
    ) {
        let TextBlock { text, last_cell, last_after } = block;
        let empty_is_nothing = self.empty.is_empty();
        let mut at = 0;
        for row in 0..rows {
            for (before, cells) in self.before[first..].iter().zip(columns) {
                *last_cell = at;
                let (length, cell) = cells.cell(row);
                let mut line = Line::new(text, at);
                match (&before[..], cell.first_chunk()) {
                    (&[byte], Some(beginning))
                        if line.left() > ROOM
                            && length <= ROOM
                            && (length > 0 || empty_is_nothing) =>
                    {
                        line.put_behind(byte, beginning, length);
                        at = line.at;
                    }
                    _ => {
                        let cell = if length == 0 { &self.empty } else { &cell[..length] };
                        at = put_long(text, at, [before, cell]);
                    }
                }
            }
            *last_after = at;
            at = put_long(text, at, [end, b""]);
            ended(at);
        }
        text.truncate(at);
    }

    /// Assembles the rows from the text of all groups.
    fn join(&self, parts: &[Part], rows: usize, block: &mut TextBlock) {
        let TextBlock { text, last_cell, last_after } = block;
        text.clear();
        for row in 0..rows {
            for Part { block, ends } in parts {
                let start = row.checked_sub(1).map_or(0, |row| ends[row]);
                text.extend_from_slice(&block.text[start..ends[row]]);
            }
            *last_after = text.len();
            text.extend_from_slice(&self.after);
        }
        let last = parts.last().map_or(0, |part| part.block.text.len() - part.block.last_cell);
        *last_cell = *last_after - last;
    }
}

/// Copies texts to an offset; the buffer has room for a short text after them. Returns the end.
fn put_long(text: &mut Vec<u8>, at: usize, texts: [&[u8]; 2]) -> usize {
    let end = at + texts[0].len() + texts[1].len();
    let room = end + 1 + ROOM;
    if text.len() < room {
        text.resize(room.max(text.len() + text.len() / 4), 0);
    }
    let mut line = Line::new(text, at);
    texts.into_iter().for_each(|text| line.put_long(text));
    end
}
