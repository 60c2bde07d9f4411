//! Rows as text, between what stands around their cells.

use arrow_array::RecordBatch;
use taploom_format::{CanonicalRows, Column, EncodeSummary, Result, ResultSchema};
use taploom_text::{Blocks, Frame};

use crate::column_writer::ColumnWriter;
use crate::options::JsonOptions;

/// Takes batches, gives the text of their rows.
pub(crate) struct Rows {
    canonical: CanonicalRows,
    blocks: Blocks<ColumnWriter>,
}

impl Rows {
    pub(crate) fn new(
        canonical: CanonicalRows,
        schema: &ResultSchema,
        options: &JsonOptions,
        frame: Frame,
        threads: usize,
    ) -> Result<Self> {
        let writer = |column: &Column| {
            let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, options));
            writer.map_err(|error| error.with_column(column.name()))
        };
        let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
        Ok(Self { canonical, blocks: Blocks::new(writers, frame, threads) })
    }

    /// Gives rows, of a batch and of those before, to `write`, some 768 KiB at once.
    pub(crate) fn append(
        &mut self,
        batch: &RecordBatch,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let batch = self.canonical.convert(batch)?;
        self.blocks.write(batch, |block| write(&block.text))
    }

    /// Gives what rows are left.
    pub(crate) fn finish(&mut self, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.blocks.finish(|block| write(&block.text))
    }

    /// What was written, but for bytes.
    pub(crate) fn summary(&self) -> EncodeSummary {
        let mut summary = EncodeSummary::default();
        summary.rows = self.blocks.written();
        summary.altered_cells = self.blocks.losses().altered;
        summary
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.blocks.heap_bytes()
    }
}
