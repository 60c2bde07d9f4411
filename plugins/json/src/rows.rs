//! Rows as text, between what stands around their cells.

use arrow_array::RecordBatch;
use taploom_encoder::{CanonicalRows, Column, Result, ResultSchema};
use taploom_text::{Block, Blocks};

use crate::column_writer::ColumnWriter;
use crate::options::JsonOptions;

/// Takes batches, gives the text of their rows.
pub(crate) struct Rows {
    canonical: CanonicalRows,
    blocks: Blocks<ColumnWriter>,
    frame: Frame,
    text: Vec<u8>,
}

/// What stands before the cell of each column, and after the last.
pub(crate) struct Frame {
    pub(crate) before: Vec<Vec<u8>>,
    pub(crate) after: &'static [u8],
}

impl Rows {
    pub(crate) fn new(
        canonical: CanonicalRows,
        schema: &ResultSchema,
        options: &JsonOptions,
        frame: Frame,
    ) -> Result<Self> {
        let writer = |column: &Column| {
            let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, options));
            writer.map_err(|error| error.with_column(column.name()))
        };
        let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
        Ok(Self { canonical, blocks: Blocks::new(writers), frame, text: Vec::new() })
    }

    /// Gives the rows of a batch to `write`, some 256 KiB at once.
    pub(crate) fn append(
        &mut self,
        batch: &RecordBatch,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let batch = self.canonical.convert(batch)?;
        let Self { blocks, frame, text, .. } = self;
        blocks.each(&batch, |block| {
            text.clear();
            frame.lay_out(block, text);
            write(text)
        })
    }

    /// Rows taken so far.
    pub(crate) fn count(&self) -> u64 {
        self.canonical.rows()
    }

    /// Cells so far in which `null` stands for another value.
    pub(crate) fn altered_cells(&self) -> u64 {
        self.blocks.columns().iter().map(ColumnWriter::altered_cells).sum()
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.blocks.heap_bytes()
    }
}

impl Frame {
    fn lay_out(&self, block: &Block<'_>, text: &mut Vec<u8>) {
        for row in 0..block.rows {
            for (before, column) in self.before.iter().zip(block.columns) {
                text.extend_from_slice(before);
                text.extend_from_slice(column.cell(row));
            }
            text.extend_from_slice(self.after);
        }
    }
}
