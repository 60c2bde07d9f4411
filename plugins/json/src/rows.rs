//! Rows as text, with the punctuation around their cells.

use arrow_array::RecordBatch;
use taploom_format::{Column, EncodeContext, Losses, Result, ResultSchema, Written};
use taploom_text::{BlockPlan, Blocks, Frame};

use crate::column_writer::ColumnWriter;
use crate::options::JsonOptions;

/// The only loss of JSON, with `nonfinite=null`.
const ALTERATION: &str = "had NaN or infinities, which JSON can't store; written as null";

/// Turns batches into the text of their rows.
pub(crate) struct Rows {
    blocks: Blocks<ColumnWriter>,
}

/// Chooses how each column is written.
pub(crate) fn plan(
    schema: &ResultSchema,
    options: &JsonOptions,
    frame: Frame,
    context: &EncodeContext,
) -> Result<BlockPlan<ColumnWriter>> {
    let writer = |column: &Column| {
        let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, options));
        writer.map_err(|error| error.with_column(column.name()))
    };
    let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
    Ok(BlockPlan::new(writers, frame, context))
}

impl Rows {
    pub(crate) fn new(plan: &BlockPlan<ColumnWriter>, threads: usize) -> Self {
        Self { blocks: Blocks::of(plan, threads) }
    }

    /// Passes blocks of rows of about 768 KiB to `write`: rows of this batch and of earlier
    /// ones.
    pub(crate) fn append(
        &mut self,
        batch: &RecordBatch,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.blocks.write(batch, |block| write(&block.text))
    }

    /// Passes the rows of all batches so far to `write`.
    pub(crate) fn drain(&mut self, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.blocks.drain(|block| write(&block.text))
    }

    /// The report on the written rows: this number of bytes, and the losses.
    pub(crate) fn written(&self, data_bytes: u64) -> Written {
        let losses = Losses::of_cells(ALTERATION, self.blocks.losses().iter().copied());
        Written::new(data_bytes).with_losses(losses)
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.blocks.heap_bytes()
    }
}
