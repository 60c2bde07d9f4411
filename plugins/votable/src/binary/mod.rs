//! BINARY2 and BINARY; VOTable 1.4, sections 5.3 and 5.4.

mod base64_text;
mod base64_wide;
mod bits;
mod column;
mod elements;
mod lists;
mod row_block;
mod strips;
#[cfg(test)]
mod tests;
mod texts;
mod words;

use std::sync::Arc;

use arrow_array::RecordBatch;
use fearless_simd::Level;
use taploom_format::{CellLosses, Column, EncodeContext, InOrder, Output, Result, Spare};

use crate::encoder::RowWriter;
use crate::nulls::NullValue;
use crate::options::{Serialization, VotableOptions};

use self::base64_text::{Base64, Joiner, PieceText, Position};
use self::column::{BinaryColumn, Rules};
use self::row_block::{Cut, RowBlock};

/// Writes rows as bytes, block by block, encoded as base64.
///
/// The caller's thread divides the rows of a batch into blocks by their widths, and writes the
/// text of the blocks in order. Blocks are filled and encoded on several threads, if allowed.
pub(crate) struct BinaryRows {
    layout: Arc<Layout>,
    cut: Cut,
    /// The position after the last block that was cut.
    rows: u64,
    at: Position,
    blocks: InOrder<Block>,
    done: Done,
}

/// The parts that are the same for all blocks.
struct Layout {
    rules: Rules,
    columns: Vec<BinaryColumn>,
    /// Bytes of a row whose variable cells are all empty.
    least_width: usize,
    level: Level,
    base64: Base64,
}

/// What is the same for all results of a schema, and blocks that finished results have left.
pub(crate) struct BinaryPlan {
    layout: Arc<Layout>,
    spare: Arc<Spare<Block>>,
}

/// Rows of a batch, to be written as a block.
#[derive(Default)]
struct Block {
    batch: Option<Arc<RecordBatch>>,
    /// The position of the rows in the batch.
    first: usize,
    /// Rows of the result before the batch.
    rows_before: u64,
    at: Position,
    bytes: RowBlock,
    text: PieceText,
    /// Cells of each column that lost characters.
    truncated: Vec<u64>,
}

/// Writes the blocks to the output.
struct Done {
    joiner: Joiner,
    losses: Vec<CellLosses>,
}

impl BinaryPlan {
    /// Chooses how each column is written.
    pub(crate) fn new(
        columns: &[Column],
        nulls: &[NullValue],
        options: &VotableOptions,
        context: &EncodeContext,
    ) -> Result<Self> {
        let flags = options.serialization == Serialization::Binary2;
        let rules = Rules { flags, count: options.array_count };
        let (columns, least_width) = BinaryColumn::lay_out(columns, nulls, rules)?;
        let base64 = Base64::new(options.line_length as usize);
        let layout = Layout { rules, columns, least_width, level: Level::new(), base64 };
        Ok(Self { layout: Arc::new(layout), spare: Arc::new(context.spare(Block::heap_bytes)) })
    }
}

impl BinaryRows {
    pub(crate) fn new(plan: &BinaryPlan, threads: usize) -> Self {
        let layout = Arc::clone(&plan.layout);
        let losses = vec![CellLosses::default(); layout.columns.len()];
        let shared = Arc::clone(&layout);
        let blocks = InOrder::new(threads, move |block| shared.encode(block));
        Self {
            cut: Cut::new(layout.least_width),
            rows: 0,
            at: Position::default(),
            blocks: blocks.with_spare(Arc::clone(&plan.spare)),
            done: Done { joiner: Joiner::default(), losses },
            layout,
        }
    }
}

impl RowWriter for BinaryRows {
    fn tags(&self) -> (&'static str, &'static str) {
        match self.layout.rules.flags {
            true => ("<DATA><BINARY2><STREAM encoding=\"base64\">", "</STREAM></BINARY2></DATA>\n"),
            false => ("<DATA><BINARY><STREAM encoding=\"base64\">", "</STREAM></BINARY></DATA>\n"),
        }
    }

    fn write(&mut self, batch: &RecordBatch, output: &mut Output) -> Result<()> {
        let batch = Arc::new(batch.clone());
        let mut first = 0;
        while first < batch.num_rows() {
            let mut block = self.blocks.spare().unwrap_or_default();
            self.cut.next(&self.layout.columns, batch.columns(), first, &mut block.bytes);
            block.batch = Some(Arc::clone(&batch));
            (block.first, block.rows_before, block.at) = (first, self.rows, self.at);
            let rows = block.bytes.rows();
            first += rows;
            self.rows += rows as u64;
            self.at = self.at.after(block.bytes.bytes().len());
            self.blocks.push(block, |block| self.done.append(&self.layout, block, output))?;
        }
        Ok(())
    }

    fn drain(&mut self, output: &mut Output) -> Result<()> {
        self.blocks.drain(|block| self.done.append(&self.layout, block, output))
    }

    fn finish(&mut self, output: &mut Output) -> Result<()> {
        self.done.joiner.finish(&self.layout.base64, output)
    }

    fn losses(&self) -> &[CellLosses] {
        &self.done.losses
    }

    fn heap_bytes(&self) -> usize {
        self.cut.heap_bytes() + self.blocks.heap_bytes(Block::heap_bytes)
    }
}

impl Layout {
    fn encode(&self, block: &mut Block) -> Result<()> {
        let Block { batch, first, rows_before, at, bytes, text, truncated } = block;
        if let Some(batch) = batch.take() {
            let (columns, arrays) = (&self.columns, batch.columns());
            let filled = bytes.fill(columns, arrays, *first, self.rules, self.level, truncated);
            filled.map_err(|misfit| misfit.into_error(*rows_before))?;
            self.base64.encode(*at, bytes.bytes(), text)?;
        }
        Ok(())
    }
}

impl Block {
    fn heap_bytes(&self) -> usize {
        self.bytes.heap_bytes() + self.text.heap_bytes()
    }
}

impl Done {
    fn append(&mut self, layout: &Layout, block: &mut Block, output: &mut Output) -> Result<()> {
        self.joiner.append(&layout.base64, block.bytes.bytes(), &mut block.text, output)?;
        for (losses, truncated) in self.losses.iter_mut().zip(&block.truncated) {
            losses.truncated += truncated;
        }
        Ok(())
    }
}
