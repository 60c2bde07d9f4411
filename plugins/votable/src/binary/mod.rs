//! BINARY2 and BINARY; VOTable 1.4, 5.3 and 5.4.

mod base64_stream;
mod column;
mod elements;
mod lists;
mod row_block;
mod scalars;
mod texts;

use arrow_array::ArrayRef;
use taploom_encoder::{Column, Output, Result};

use crate::encoder::{RowWriter, Written};
use crate::nulls::NullValue;
use crate::options::{Serialization, VotableOptions};

use self::base64_stream::Base64Stream;
use self::column::{BinaryColumn, Rules};
use self::row_block::RowBlock;

/// Rows as bytes, block by block, handed on as base64.
pub(crate) struct BinaryRows {
    rules: Rules,
    columns: Vec<BinaryColumn>,
    block: RowBlock,
    base64: Base64Stream,
    rows: u64,
}

impl BinaryRows {
    pub(crate) fn new(
        columns: &[Column],
        nulls: &[NullValue],
        options: &VotableOptions,
    ) -> Result<Self> {
        let flags = options.serialization == Serialization::Binary2;
        let rules = Rules { flags, count: options.array_count };
        let (columns, least_width) = BinaryColumn::lay_out(columns, nulls, rules)?;
        Ok(Self {
            rules,
            columns,
            block: RowBlock::new(least_width),
            base64: Base64Stream::new(options.line_length as usize),
            rows: 0,
        })
    }
}

impl RowWriter for BinaryRows {
    fn tags(&self) -> (&'static str, &'static str) {
        match self.rules.flags {
            true => ("<DATA><BINARY2><STREAM encoding=\"base64\">", "</STREAM></BINARY2></DATA>\n"),
            false => ("<DATA><BINARY><STREAM encoding=\"base64\">", "</STREAM></BINARY></DATA>\n"),
        }
    }

    fn write(&mut self, arrays: &[ArrayRef], output: &mut Output) -> Result<()> {
        let rows = arrays.first().map_or(0, |array| array.len());
        let mut row = 0;
        while row < rows {
            let filled = self
                .block
                .fill(&mut self.columns, arrays, row)
                .map_err(|misfit| misfit.into_error(self.rows))?;
            row += filled;
            self.rows += filled as u64;
            self.base64.write(&mut self.block.bytes, output)?;
        }
        Ok(())
    }

    fn finish(&mut self, output: &mut Output) -> Result<()> {
        self.base64.finish(&self.block.bytes, output)
    }

    fn written(&self) -> Written {
        let truncated_cells = self.columns.iter().map(BinaryColumn::truncated_cells).sum();
        Written { rows: self.rows, truncated_cells, altered_cells: 0 }
    }

    fn heap_bytes(&self) -> usize {
        self.block.heap_bytes() + self.base64.heap_bytes()
    }
}
