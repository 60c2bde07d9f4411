//! Encodes rows block by block, on the granted number of threads.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use taploom_format::{
    CellLosses, Completion, EncodeContext, Envelope, InOrder, Losses, Output, Result,
    ResultEncoder, Written,
};

use crate::cells;
use crate::faults::state::Left;
use crate::faults::{Fault, endings, memory, rows, sinks, state, summary, threads};
use crate::format::{Layout, internal};

/// Rows of a block, which one thread encodes.
pub(crate) const BLOCK_ROWS: usize = 1_000;

/// Bytes that are gathered before they are written.
const GATHERED: usize = 96 << 10;

/// A block of rows, and its bytes.
#[derive(Default)]
pub(crate) struct Piece {
    pub(crate) rows: Option<RecordBatch>,
    pub(crate) first_row: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) losses: Vec<CellLosses>,
}

pub(crate) struct PlantedEncoder {
    pub(crate) layout: Arc<Layout>,
    pub(crate) output: Output,
    pub(crate) blocks: InOrder<Piece>,
    pub(crate) gathered: Gathered,
    pub(crate) rows: u64,
    pub(crate) batches: u64,
    pub(crate) last_batch: usize,
    pub(crate) header_bytes: u64,
    pub(crate) threads: usize,
    pub(crate) scratch_dir: PathBuf,
    pub(crate) envelope: Option<Envelope>,
    /// State that some faults need.
    pub(crate) kept: Vec<RecordBatch>,
    pub(crate) left: Arc<Left>,
    pub(crate) withheld: Option<Vec<u8>>,
    pub(crate) failed: bool,
    pub(crate) finished: bool,
}

/// Bytes that wait to be written, and counts of the written ones.
pub(crate) struct Gathered {
    pub(crate) bytes: Vec<u8>,
    pub(crate) data_bytes: u64,
    pub(crate) losses: Vec<CellLosses>,
}

impl PlantedEncoder {
    pub(crate) fn start(
        layout: Arc<Layout>,
        header: &[u8],
        left: Arc<Left>,
        context: &EncodeContext,
        mut output: Output,
    ) -> Result<Self> {
        let columns = layout.columns.len();
        let work = {
            let layout = Arc::clone(&layout);
            move |piece: &mut Piece| {
                piece.bytes.clear();
                piece.losses = vec![CellLosses::default(); layout.columns.len()];
                let Some(batch) = piece.rows.take() else { return Ok(()) };
                cells::append_rows(&layout, &batch, piece)
            }
        };
        let withheld = match layout.fault {
            Fault::HeaderOnlyWithRows => Some(header.to_vec()),
            _ => {
                sinks::write(layout.fault, &mut output, header)?;
                None
            }
        };
        memory::started(layout.fault, context)?;
        Ok(Self {
            blocks: InOrder::new(context.resources.threads, work),
            gathered: Gathered {
                bytes: state::first_buffer(&left),
                data_bytes: 0,
                losses: vec![CellLosses::default(); columns],
            },
            output,
            rows: 0,
            batches: 0,
            last_batch: 0,
            header_bytes: header.len() as u64,
            threads: context.resources.threads,
            scratch_dir: context.resources.scratch.place().into(),
            envelope: context.envelope.clone(),
            kept: Vec::new(),
            left,
            withheld,
            failed: false,
            finished: false,
            layout,
        })
    }

    /// Encodes rows, and writes the output once enough is gathered.
    fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        let (gathered, output) = (&mut self.gathered, &mut self.output);
        let fault = self.layout.fault;
        for first in (0..batch.num_rows()).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(batch.num_rows() - first);
            let block = rows::block(fault, batch.slice(first, count));
            let piece = Piece {
                rows: Some(block),
                first_row: rows::first_row(fault, self.rows, first),
                ..self.blocks.spare().unwrap_or_default()
            };
            self.blocks.push(piece, |piece| gathered.take(fault, piece, output))?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        let (gathered, output) = (&mut self.gathered, &mut self.output);
        let fault = self.layout.fault;
        self.blocks.drain(|piece| gathered.take(fault, piece, output))
    }
}

impl Gathered {
    fn take(&mut self, fault: Fault, piece: &mut Piece, output: &mut Output) -> Result<()> {
        for (all, more) in self.losses.iter_mut().zip(&piece.losses) {
            *all += *more;
        }
        self.bytes.extend_from_slice(&piece.bytes);
        if self.bytes.len() >= GATHERED && !memory::holds_all(fault) {
            self.write(fault, output)?;
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, fault: Fault, output: &mut Output) -> Result<()> {
        self.data_bytes += self.bytes.len() as u64;
        sinks::write(fault, output, &self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

impl ResultEncoder for PlantedEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.batches += 1;
        self.last_batch = batch.num_rows();
        memory::keep(self, batch);
        state::before_batch(self, batch);
        if let Some(header) = self.withheld.take() {
            self.output.append(&header)?;
        }
        let given = rows::taken(self, batch);
        let result = given.iter().try_for_each(|batch| self.encode(batch));
        self.failed |= result.is_err();
        match result {
            Err(_) if threads::hides_errors(self.layout.fault, self.threads) => {}
            other => other?,
        }
        state::after_batch(self);
        endings::after_batch(self)
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<Written> {
        self.finished = true;
        endings::before_finish(&mut self, &completion)?;
        match self.drain() {
            Err(_) if threads::hides_errors(self.layout.fault, self.threads) => {}
            drained => drained?,
        }
        rows::before_trailer(&mut self);
        state::before_trailer(&mut self);
        threads::before_trailer(&mut self)?;
        let (gathered, output) = (&mut self.gathered, &mut self.output);
        gathered.write(self.layout.fault, output)?;
        let said = endings::said(&self, &completion);
        let mut trailer = vec![b'E'];
        trailer.extend_from_slice(&self.rows.to_le_bytes());
        let text = serde_json::to_vec(&said).map_err(internal)?;
        trailer.extend_from_slice(&(text.len() as u32).to_le_bytes());
        trailer.extend_from_slice(&text);
        sinks::write(self.layout.fault, &mut self.output, &trailer)?;
        memory::finished(&mut self, &completion);
        let data_bytes = summary::data_bytes(&self, trailer.len() as u64);
        let losses = summary::losses(self.layout.fault, &self.gathered.losses);
        let losses = Losses::of_cells("had characters that can't be stored; replaced by ?", losses);
        Ok(Written::new(data_bytes).with_losses(losses))
    }

    fn buffered_bytes(&self) -> usize {
        memory::said(self, self.gathered.bytes.capacity() + self.blocks.heap_bytes(heap_of))
    }
}

/// Heap of a block and its bytes.
fn heap_of(piece: &Piece) -> usize {
    let rows = piece.rows.as_ref().map_or(0, RecordBatch::get_array_memory_size);
    rows + piece.bytes.capacity()
}

impl Drop for PlantedEncoder {
    fn drop(&mut self) {
        memory::dropped(self);
        sinks::dropped(self);
    }
}
