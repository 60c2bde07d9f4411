//! Encodes rows as blocks of bytes on several threads, for binary formats.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use taploom_model::Result;

use crate::in_order::InOrder;

/// How a binary format makes blocks of rows; see [`RowBlocks`].
pub trait BlockFormat: Send + Sync + 'static {
    /// The bytes of some rows, and other data that belong to them. Its memory is reused.
    type Block: Send + 'static;

    /// An empty block.
    fn new_block(&self) -> Self::Block;

    /// The number of rows of the block that begins with row `first` of `batch`: at least one.
    fn rows_of_a_block(&self, batch: &RecordBatch, first: usize) -> usize;

    /// Writes rows into a block, replacing its contents.
    ///
    /// # Errors
    /// `InvalidValue` naming column and row of a cell that does not fit.
    fn write(&self, rows: &BlockRows, block: &mut Self::Block) -> Result<()>;

    /// Heap that a block holds, in bytes.
    fn heap_bytes(&self, block: &Self::Block) -> usize;
}

/// The rows of a block.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BlockRows {
    /// The batch that they are part of.
    pub batch: Arc<RecordBatch>,
    /// Their positions in the batch.
    pub rows: Range<usize>,
    /// Rows of the result that precede the first of them.
    pub rows_before: u64,
}

/// Cuts batches into blocks of rows, writes the blocks on the given number of threads, and hands them
/// over in order. `Blocks` of `taploom-text` does the same for text formats.
///
/// With one thread each block is written and handed over at once.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::cast::AsArray;
/// use arrow_array::types::Int16Type;
/// use arrow_array::{Int16Array, RecordBatch};
/// use taploom_format::{BlockFormat, BlockRows, Result, RowBlocks};
///
/// /// One column of shorts, big-endian.
/// struct Shorts;
///
/// impl BlockFormat for Shorts {
///     type Block = Vec<u8>;
///     fn new_block(&self) -> Vec<u8> {
///         Vec::new()
///     }
///     fn rows_of_a_block(&self, batch: &RecordBatch, first: usize) -> usize {
///         (batch.num_rows() - first).min(1000)
///     }
///     fn write(&self, rows: &BlockRows, block: &mut Vec<u8>) -> Result<()> {
///         block.clear();
///         let shorts = rows.batch.column(0).as_primitive::<Int16Type>();
///         let shorts = &shorts.values()[rows.rows.clone()];
///         Ok(block.extend(shorts.iter().flat_map(|short| short.to_be_bytes())))
///     }
///     fn heap_bytes(&self, block: &Vec<u8>) -> usize {
///         block.capacity()
///     }
/// }
///
/// let shorts = Arc::new(Int16Array::from_iter_values(0..2500));
/// let batch = RecordBatch::try_from_iter([("n", shorts as _)]).unwrap();
/// let mut written = Vec::new();
/// let mut blocks = RowBlocks::new(Shorts, 2);
/// blocks.write(&batch, |block| Ok(written.extend_from_slice(block)))?;
/// blocks.drain(|block| Ok(written.extend_from_slice(block)))?;
/// assert_eq!(written.len(), 5000);
/// assert!(written.starts_with(&[0, 0, 0, 1, 0, 2]));
/// # Ok::<(), taploom_format::Error>(())
/// ```
pub struct RowBlocks<F: BlockFormat> {
    format: Arc<F>,
    pieces: InOrder<Piece<F::Block>>,
    rows: u64,
}

struct Piece<B> {
    /// `None` once the rows are written.
    rows: Option<BlockRows>,
    block: B,
}

impl<F: BlockFormat> RowBlocks<F> {
    /// Blocks of a format, written on this number of threads, including the caller's.
    pub fn new(format: F, threads: usize) -> Self {
        let format = Arc::new(format);
        let shared = Arc::clone(&format);
        let write = move |piece: &mut Piece<F::Block>| match piece.rows.take() {
            Some(rows) => shared.write(&rows, &mut piece.block),
            None => Ok(()),
        };
        Self { format, pieces: InOrder::new(threads, write), rows: 0 }
    }

    /// The format of the blocks.
    pub fn format(&self) -> &F {
        &self.format
    }

    /// Rows that were taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the rows of a batch, and hands blocks that are ready to `take`.
    ///
    /// # Errors
    /// As [`BlockFormat::write`], and the errors of `take`. Nothing is handed over after an error.
    pub fn write(
        &mut self,
        batch: &RecordBatch,
        mut take: impl FnMut(&mut F::Block) -> Result<()>,
    ) -> Result<()> {
        let batch = Arc::new(batch.clone());
        let mut first = 0;
        while first < batch.num_rows() {
            let end = first + self.format.rows_of_a_block(&batch, first).max(1);
            let rows = BlockRows {
                batch: Arc::clone(&batch),
                rows: first..end.min(batch.num_rows()),
                rows_before: self.rows + first as u64,
            };
            let block = self.pieces.spare().map(|piece| piece.block);
            let block = block.unwrap_or_else(|| self.format.new_block());
            let piece = Piece { rows: Some(rows), block };
            self.pieces.push(piece, |piece| take(&mut piece.block))?;
            first = end;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Waits for all blocks of the batches so far, and hands them over. More batches may follow.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn drain(&mut self, mut take: impl FnMut(&mut F::Block) -> Result<()>) -> Result<()> {
        self.pieces.drain(|piece| take(&mut piece.block))
    }

    /// Removes and returns the blocks that were handed over, with the other data in them.
    pub fn take_blocks(&mut self) -> Vec<F::Block> {
        std::iter::from_fn(|| self.pieces.spare()).map(|piece| piece.block).collect()
    }

    /// Heap held, in bytes. A block on another thread counts as the largest idle block.
    pub fn heap_bytes(&self) -> usize {
        self.pieces.heap_bytes(|piece| self.format.heap_bytes(&piece.block))
    }
}

impl<F: BlockFormat> fmt::Debug for RowBlocks<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowBlocks").field("rows", &self.rows).finish_non_exhaustive()
    }
}
