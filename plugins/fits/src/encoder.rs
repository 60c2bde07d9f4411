//! Collects rows in blocks, because the header, which counts the rows, is written first.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use taploom_format::{
    BlockFormat, BlockRows, CellLosses, Completion, EncodeContext, Losses, Output, Result,
    ResultEncoder, ResultSchema, RowBlocks, Written,
};

use crate::blocks::BlockWriter;
use crate::column_writer::{ColumnWriter, length};
use crate::copy::{Table, copy_heap, copy_rows};
use crate::header::{BLOCK_BYTES, Header};
use crate::layout::Layout;
use crate::options::FitsOptions;
use crate::plan::Plan;

const ALTERATION: &str = "had characters that FITS can't store; replaced by ?";

/// Writes rows to blocks, column after column in each block, and at the end to a binary table.
pub(crate) struct FitsEncoder {
    plan: Arc<Plan>,
    rows: RowBlocks<BinaryTable>,
    /// Column writers that have seen the rows before the last call of `drain`.
    seen: Vec<ColumnWriter>,
    /// Bytes of the table with these rows.
    stored_bytes: u64,
    threads: usize,
    memory_budget: usize,
    blocks: BlockWriter,
    output: Output,
}

/// The columns of the table, and how its batches are cut into blocks.
struct BinaryTable(Arc<Plan>);

/// A block of rows.
struct BinaryBlock {
    /// Column writers. They keep their records from one block to the next.
    columns: Vec<ColumnWriter>,
    bytes: Vec<u8>,
}

impl BlockFormat for BinaryTable {
    type Block = BinaryBlock;

    fn new_block(&self) -> BinaryBlock {
        BinaryBlock { columns: self.0.columns.clone(), bytes: Vec::new() }
    }

    fn rows_of_a_block(&self, batch: &RecordBatch, first: usize) -> usize {
        let fixed = self.0.fixed_bytes;
        let columns = batch.columns().iter().zip(&self.0.columns);
        let varying = columns.filter(|(_, writer)| writer.cell_bytes().is_none());
        let most = self.0.block_bytes.checked_div(fixed).unwrap_or(usize::MAX).max(1);
        let mut rows = most.min(batch.num_rows() - first);
        while rows > 1 {
            let weights = varying
                .clone()
                .map(|(array, writer)| weight(&array.slice(first, rows), writer.value_bytes()));
            if rows * fixed + weights.sum::<usize>() <= self.0.block_bytes {
                break;
            }
            rows /= 2;
        }
        rows
    }

    fn write(&self, rows: &BlockRows, block: &mut BinaryBlock) -> Result<()> {
        let BinaryBlock { columns, bytes } = block;
        bytes.clear();
        bytes.shrink_to(self.0.block_bytes);
        bytes.extend_from_slice(&length(rows.rows.len()));
        for (writer, column) in columns.iter_mut().zip(rows.batch.columns()) {
            let row = rows.rows_before + 1;
            match rows.rows.len() == column.len() {
                true => writer.write(column, row, bytes)?,
                false => {
                    let cells = column.slice(rows.rows.start, rows.rows.len());
                    writer.write(&cells, row, bytes)?;
                }
            }
        }
        Ok(())
    }

    fn heap_bytes(&self, block: &BinaryBlock) -> usize {
        block.bytes.capacity()
    }
}

impl FitsEncoder {
    pub(crate) fn start(
        options: &FitsOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        let plan = context.plan(options, schema, || Plan::new(schema, context))?;
        Ok(Self {
            rows: RowBlocks::new(BinaryTable(Arc::clone(&plan)), context.resources.threads),
            seen: plan.columns.clone(),
            plan,
            stored_bytes: 0,
            threads: context.resources.threads,
            memory_budget: context.resources.memory_budget,
            blocks: BlockWriter::new(&context.resources),
            output,
        })
    }

    /// The header of the table; FITS 4.0, section 7.3.
    fn header(&self, columns: &[ColumnWriter], layout: &Layout, completion: &Completion) -> Header {
        let mut header = Header::default();
        header.string("XTENSION", "BINTABLE");
        header.value("BITPIX", 8);
        header.value("NAXIS", 2);
        header.value("NAXIS1", layout.row_bytes);
        header.value("NAXIS2", self.rows.rows());
        header.value("PCOUNT", layout.heap_bytes);
        header.value("GCOUNT", 1);
        header.value("TFIELDS", columns.len());
        header.append(&self.plan.name);
        header.string("QSTATUS", completion.query_status());
        let places = layout.fields.iter().zip(&layout.nulls);
        let cards = self.plan.cards.iter().zip(columns).zip(places).enumerate();
        for (index, ((cards, writer), (place, null))) in cards {
            cards.append_to(&mut header, index + 1, *place, writer, *null);
        }
        header
    }

    /// Waits for all blocks of the rows so far. Afterwards the column writers in `seen` have seen these
    /// rows.
    fn drain(&mut self) -> Result<()> {
        self.rows.drain(|block| self.blocks.append(&block.bytes))?;
        for block in self.rows.take_blocks() {
            for (column, other) in self.seen.iter_mut().zip(&block.columns) {
                column.absorb(other);
            }
        }
        Ok(())
    }
}

impl ResultEncoder for FitsEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows.write(batch, |block| self.blocks.append(&block.bytes))
    }

    fn flush(&mut self) -> Result<()> {
        self.drain()?;
        let layout = Layout::new(&self.seen, self.rows.rows())?;
        self.stored_bytes = layout.row_bytes as u64 * self.rows.rows() + layout.heap_bytes;
        Ok(())
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<Written> {
        self.drain()?;
        let columns = std::mem::take(&mut self.seen);
        let layout = Layout::new(&columns, self.rows.rows())?;
        let header = self.header(&columns, &layout, &completion);
        let cells = columns.iter().map(|column| CellLosses {
            altered: column.found.altered_cells,
            ..CellLosses::default()
        });
        let losses = Losses::of_cells(ALTERATION, cells)
            .with_altered_names(self.plan.altered_names.iter().copied())
            .with_altered_metadata(header.altered);

        let Self { mut output, blocks, threads, memory_budget, .. } = *self;
        let mut blocks = blocks.into_reader();
        let table = Arc::new(Table { columns, layout });
        output.append(&primary_header())?;
        output.append(&header.finish())?;
        let before = output.written();
        copy_rows(&mut blocks, &table, threads, memory_budget, &mut output)?;
        if table.layout.heap_bytes > 0 {
            copy_heap(&mut blocks, &table, &mut output)?;
        }
        let data_bytes = output.written() - before;
        let odd = data_bytes % BLOCK_BYTES as u64;
        let padding = if odd == 0 { 0 } else { BLOCK_BYTES - odd as usize };
        output.append(&vec![0; padding])?;
        Ok(Written::new(data_bytes).with_losses(losses))
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.heap_bytes() + self.blocks.heap_bytes()
    }

    fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }
}

/// A file begins with an image, here without pixels; FITS 4.0, section 3.3.
fn primary_header() -> Vec<u8> {
    let mut header = Header::default();
    header.value("SIMPLE", 'T');
    header.value("BITPIX", 8);
    header.value("NAXIS", 0);
    header.value("EXTEND", 'T');
    header.finish()
}

/// Bytes that the cells of variable length take in a block.
fn weight(array: &ArrayRef, value_bytes: usize) -> usize {
    let lengths = array.len() * size_of::<u32>();
    let span = |offsets: &[i32]| match offsets {
        [first, .., last] => *first as usize..*last as usize,
        _ => 0..0,
    };
    match array.as_list_opt::<i32>() {
        None => lengths + span(array.as_string::<i32>().value_offsets()).len(),
        Some(lists) => match lists.values().as_string_opt::<i32>() {
            None => lengths + span(lists.value_offsets()).len() * value_bytes,
            Some(texts) => {
                let inside = span(lists.value_offsets());
                let offsets = &texts.value_offsets()[inside.start..=inside.end];
                inside.len() * size_of::<u32>() + span(offsets).len()
            }
        },
    }
}
