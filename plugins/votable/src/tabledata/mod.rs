//! TABLEDATA; VOTable 1.4, section 5.1.

mod column;
mod lists;
mod text;

use arrow_array::RecordBatch;
use taploom_format::{CellLosses, Column, EncodeContext, Output, Result};
use taploom_text::{BlockPlan, Blocks, Frame};

use crate::encoder::RowWriter;

pub(crate) use self::column::TextColumn;

/// Writes rows as XML, block by block.
pub(crate) struct TableDataRows {
    blocks: Blocks<TextColumn>,
}

/// Chooses how each column is written.
pub(crate) fn plan(columns: &[Column], context: &EncodeContext) -> Result<BlockPlan<TextColumn>> {
    let before = (0..columns.len()).map(|index| match index {
        0 => b"<TR><TD>".to_vec(),
        _ => b"</TD><TD>".to_vec(),
    });
    let after = b"</TD></TR>\n".to_vec();
    let frame = Frame { before: before.collect(), after, ..Frame::default() };
    let columns = columns.iter().map(TextColumn::new).collect::<Result<_>>()?;
    Ok(BlockPlan::new(columns, frame, context))
}

impl TableDataRows {
    pub(crate) fn new(plan: &BlockPlan<TextColumn>, threads: usize) -> Self {
        Self { blocks: Blocks::of(plan, threads) }
    }
}

impl RowWriter for TableDataRows {
    fn tags(&self) -> (&'static str, &'static str) {
        ("<DATA><TABLEDATA>\n", "</TABLEDATA></DATA>\n")
    }

    fn write(&mut self, batch: &RecordBatch, output: &mut Output) -> Result<()> {
        self.blocks.write(batch, |block| output.append(&block.text))
    }

    fn drain(&mut self, output: &mut Output) -> Result<()> {
        self.blocks.drain(|block| output.append(&block.text))
    }

    fn finish(&mut self, _output: &mut Output) -> Result<()> {
        Ok(())
    }

    fn losses(&self) -> &[CellLosses] {
        self.blocks.losses()
    }

    fn heap_bytes(&self) -> usize {
        self.blocks.heap_bytes()
    }
}
