//! The rows of the open row group: held in memory while they are few, else transposed to scratch.
//!
//! ```text
//! batches ──► held ──► block ──► scratch file        a block is worth some MiB of rows;
//!                      ┌───────┬───────┬───────┐     a strip is what it has of some
//!             block 0: │strip 0│strip 1│strip 2│     neighbouring columns, a group,
//!             block 1: │strip 0│strip 1│strip 2│     as Arrow IPC messages
//!                      └───────┴───────┴───────┘
//! ```
//!
//! A group is read back from all blocks at a time: wide enough that a read is worth a seek, narrow
//! enough that it fits in memory. A column too large for that is a group of its own, and is read
//! message by message.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::reader::read_record_batch;
use arrow_ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message,
};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use crate::arrays::{in_pieces, largest_cell, plain, row_bytes, unpinned};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::scratch::{Disk, Region};
use crate::table::Table;

/// Before the metadata of an IPC message: a marker and the length.
const PREFIX: usize = 8;

pub(crate) struct Stage {
    plan: Plan,
    held: Vec<RecordBatch>,
    held_bytes: usize,
    groups: Vec<Group>,
    blocks: Vec<Block>,
    region: Region,
    /// Messages on their way to scratch.
    buffer: Vec<u8>,
    ipc: IpcWriteContext,
}

/// Neighbouring columns that go to scratch together.
struct Group {
    columns: Range<usize>,
    schema: SchemaRef,
    /// Bytes of its strips.
    bytes: u64,
}

/// Rows that went to scratch together; the strip of a group ends at its place in `ends`.
struct Block {
    start: u64,
    ends: Vec<u64>,
}

/// A group that is in memory as a whole.
pub(crate) type Loaded = Arc<Vec<RecordBatch>>;

impl Stage {
    pub(crate) fn new(plan: Plan, disk: &Arc<Disk>) -> Self {
        Self {
            plan,
            held: Vec::new(),
            held_bytes: 0,
            groups: Vec::new(),
            blocks: Vec::new(),
            region: Region::new(disk),
            buffer: Vec::new(),
            ipc: IpcWriteContext::default(),
        }
    }

    /// Refuses rows with a cell that can't be rebuilt and encoded within the budget; `first_row` is
    /// the number of the first one in the file, for the message.
    pub(crate) fn check(&self, table: &Table, batch: &RecordBatch, first_row: u64) -> Result<()> {
        for (column, array) in table.columns.iter().zip(batch.columns()) {
            if row_bytes(array) <= self.plan.piece {
                continue;
            }
            let (cell, row) = largest_cell(array);
            if cell > self.plan.piece {
                let name = column.name();
                return Err(Error::Budget {
                    budget: self.plan.budget,
                    why: format!("row {} has {cell} bytes in column {name}", first_row + row as u64),
                    enough: cell.saturating_mul(16),
                });
            }
        }
        Ok(())
    }

    /// Takes rows into the open row group, which will have about `row_group_rows` of them.
    pub(crate) fn push(
        &mut self,
        table: &Table,
        batch: &RecordBatch,
        row_group_rows: u64,
    ) -> Result<()> {
        let own: usize = batch.columns().iter().map(|column| row_bytes(column)).sum();
        if self.held_bytes + own <= self.plan.held {
            let batch = unpinned(batch).map_err(internal)?;
            let bytes = batch.get_array_memory_size();
            if self.held_bytes + bytes <= self.plan.held {
                self.held_bytes += bytes;
                self.held.push(batch);
                return Ok(());
            }
        }
        let mut batches = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        batches.push(batch.clone());
        self.spill(table, &batches, row_group_rows)
    }

    /// Writes a block.
    fn spill(&mut self, table: &Table, batches: &[RecordBatch], row_group_rows: u64) -> Result<()> {
        if self.groups.is_empty() {
            self.groups = groups(table, &self.plan, batches, row_group_rows);
        }
        let start = self.region.len();
        let mut ends = Vec::with_capacity(self.groups.len());
        let mut end = start;
        for group in 0..self.groups.len() {
            let columns = self.groups[group].columns.clone();
            let schema = Arc::clone(&self.groups[group].schema);
            let before = end;
            for batch in batches {
                let arrays = &batch.columns()[columns.clone()];
                let (most, rows) = (self.plan.piece, self.plan.piece_rows);
                in_pieces(arrays, most, rows, &mut |piece: &[ArrayRef]| {
                    end += self.encode(&schema, piece)? as u64;
                    Ok::<(), Error>(())
                })?;
            }
            self.groups[group].bytes += end - before;
            ends.push(end);
        }
        self.flush()?;
        self.blocks.push(Block { start, ends });
        Ok(())
    }

    /// Appends one IPC message; returns its length.
    fn encode(&mut self, schema: &SchemaRef, piece: &[ArrayRef]) -> Result<usize> {
        let options = IpcWriteOptions::default();
        let rows = piece.first().map_or(0, |array| array.len());
        let mut encoded = || -> Result<_, ArrowError> {
            let arrays = schema.fields().iter().zip(piece);
            let arrays = arrays.map(|(field, array)| plain(array, field.data_type()));
            let batch = RecordBatch::try_new_with_options(
                Arc::clone(schema),
                arrays.collect::<Result<Vec<_>, _>>()?,
                &RecordBatchOptions::new().with_row_count(Some(rows)),
            )?;
            let mut tracker = DictionaryTracker::new(false);
            let generator = IpcDataGenerator::default();
            let (_, message) =
                generator.encode(&batch, &mut tracker, &options, &mut self.ipc)?;
            Ok(message)
        };
        let message = encoded().map_err(internal)?;
        let before = self.buffer.len();
        write_message(&mut self.buffer, message, &options).map_err(internal)?;
        let length = self.buffer.len() - before;
        if self.buffer.len() >= self.plan.read {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.region.append(&self.buffer)?;
            self.buffer.clear();
            self.buffer.shrink_to(self.plan.read * 2);
        }
        Ok(())
    }

    /// The group of a column, where rows went to scratch.
    pub(crate) fn group_of(&self, column: usize) -> Option<usize> {
        self.groups.iter().position(|group| group.columns.contains(&column))
    }

    /// Reads a group into memory, unless it is too large or has one column only.
    pub(crate) fn load(&self, group: usize) -> Result<Option<Loaded>> {
        let Group { columns, bytes, .. } = &self.groups[group];
        // The prediction may have been wrong by as much as the encoded pages leave room for.
        if columns.len() == 1 || *bytes > (self.plan.loaded + self.plan.loaded / 8) as u64 {
            return Ok(None);
        }
        let mut batches = Vec::new();
        for block in 0..self.blocks.len() {
            let mut strip = self.strip(group, block, None);
            while let Some(batch) = strip.next(self)? {
                batches.push(batch);
            }
        }
        Ok(Some(Arc::new(batches)))
    }

    /// Calls `each` with the arrays of a column, in order.
    pub(crate) fn for_each_piece(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&Loaded>,
        last: Option<&RecordBatch>,
        each: &mut impl FnMut(&ArrayRef) -> Result<()>,
    ) -> Result<()> {
        if let Some(group) = self.group_of(column) {
            let first = self.groups[group].columns.start;
            match loaded {
                Some(batches) => {
                    batches.iter().try_for_each(|batch| each(batch.column(column - first)))?;
                }
                None => {
                    for block in 0..self.blocks.len() {
                        let mut strip = self.strip(group, block, Some(column - first));
                        while let Some(batch) = strip.next(self)? {
                            each(batch.column(0))?;
                        }
                    }
                }
            }
        }
        let field = &table.columns[column].field;
        for batch in self.held.iter().chain(last) {
            let array = [Arc::clone(batch.column(column))];
            let (most, rows) = (self.plan.piece, self.plan.piece_rows);
            in_pieces(&array, most, rows, &mut |piece: &[ArrayRef]| {
                let plain = plain(&piece[0], field.data_type());
                each(&plain.map_err(|error| Error::arrow(field.name(), error))?)
            })?;
        }
        Ok(())
    }

    /// Some arrays of a column, for a look at its values.
    pub(crate) fn sample(
        &self,
        table: &Table,
        column: usize,
        loaded: Option<&Loaded>,
        last: Option<&RecordBatch>,
    ) -> Result<Vec<ArrayRef>> {
        const ARRAYS: usize = 8;
        let mut arrays = Vec::new();
        if let Some(group) = self.group_of(column) {
            let first = self.groups[group].columns.start;
            match loaded {
                Some(batches) => {
                    let step = batches.len().div_ceil(ARRAYS).max(1);
                    let some = batches.iter().step_by(step);
                    arrays.extend(some.map(|batch| Arc::clone(batch.column(column - first))));
                }
                None => {
                    let mut strip = self.strip(group, 0, Some(column - first));
                    arrays.extend(strip.next(self)?.map(|batch| Arc::clone(batch.column(0))));
                }
            }
        }
        if arrays.len() < 2 {
            let field = &table.columns[column].field;
            let step = (self.held.len() + 1).div_ceil(ARRAYS).max(1);
            for batch in self.held.iter().chain(last).step_by(step) {
                let array = batch.column(column);
                let array = array.slice(0, array.len().min(self.plan.piece_rows));
                let plain = plain(&array, field.data_type());
                arrays.push(plain.map_err(|error| Error::arrow(field.name(), error))?);
            }
        }
        Ok(arrays)
    }

    fn strip(&self, group: usize, block: usize, column: Option<usize>) -> Strip {
        let Block { start, ends } = &self.blocks[block];
        let start = if group == 0 { *start } else { ends[group - 1] };
        Strip { group, column, at: start, end: ends[group], chunk: Buffer::default() }
    }

    /// Forgets the rows; their scratch is used again.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
        self.groups.clear();
        self.blocks.clear();
        self.region.clear();
    }

    /// Heap held.
    pub(crate) fn heap_bytes(&self) -> usize {
        let ends = self.blocks.len() * self.groups.len() * size_of::<u64>();
        self.held_bytes + self.buffer.capacity() + ends
    }
}

/// Reads the messages of one strip.
struct Strip {
    group: usize,
    /// The one column that is wanted.
    column: Option<usize>,
    at: u64,
    end: u64,
    /// What has been read and not decoded; begins with a message.
    chunk: Buffer,
}

impl Strip {
    fn next(&mut self, stage: &Stage) -> Result<Option<RecordBatch>> {
        if self.chunk.is_empty() && self.at == self.end {
            return Ok(None);
        }
        let have = Message::parse(&self.chunk)?;
        let message = match have {
            Some(message) => message,
            None => self.read(stage)?,
        };
        let schema = Arc::clone(&stage.groups[self.group].schema);
        let projection = self.column.map(|column| [column]);
        let batch = message.decode(&self.chunk, schema, projection.as_ref().map(|one| &one[..]));
        self.chunk.advance(message.length);
        batch.map(Some)
    }

    /// Reads on, so that the chunk begins with a whole message.
    fn read(&mut self, stage: &Stage) -> Result<Message> {
        // The beginning of a message that was read before is read once more: it must be aligned.
        self.at -= self.chunk.len() as u64;
        let mut want = stage.plan.read;
        loop {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            let mut bytes = MutableBuffer::from_len_zeroed(want.min(left));
            stage.region.read(&mut bytes, self.at)?;
            let chunk = Buffer::from(bytes);
            if let Some(message) = Message::parse(&chunk)? {
                self.at += chunk.len() as u64;
                self.chunk = chunk;
                return Ok(message);
            }
            want = Message::length(&chunk)?.unwrap_or(want * 2);
            if want > left {
                return Err(Error::Internal("a message in scratch is cut short".to_owned()));
            }
        }
    }
}

/// An IPC message at the beginning of some bytes.
struct Message {
    metadata: usize,
    length: usize,
}

impl Message {
    /// Its parts; `None` where the bytes end before it does.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(metadata) = Self::metadata(bytes) else { return Ok(None) };
        let length = Self::length(bytes)?.filter(|length| *length <= bytes.len());
        Ok(length.map(|length| Self { metadata, length }))
    }

    fn metadata(bytes: &[u8]) -> Option<usize> {
        let length = bytes.get(4..PREFIX)?.first_chunk()?;
        Some(u32::from_le_bytes(*length) as usize)
    }

    /// Bytes of the whole message, where its metadata is there.
    fn length(bytes: &[u8]) -> Result<Option<usize>> {
        let Some(metadata) = Self::metadata(bytes) else { return Ok(None) };
        let Some(header) = bytes.get(PREFIX..PREFIX + metadata) else { return Ok(None) };
        let message = arrow_ipc::root_as_message(header).map_err(damaged)?;
        let body = usize::try_from(message.bodyLength()).map_err(damaged)?;
        Ok(Some(PREFIX + metadata + body))
    }

    fn decode(
        &self,
        bytes: &Buffer,
        schema: SchemaRef,
        projection: Option<&[usize]>,
    ) -> Result<RecordBatch> {
        let message = arrow_ipc::root_as_message(&bytes[PREFIX..PREFIX + self.metadata]);
        let message = message.map_err(damaged)?;
        let batch = message.header_as_record_batch().ok_or_else(|| damaged("no record batch"))?;
        let body = PREFIX + self.metadata;
        let body = bytes.slice_with_length(body, self.length - body);
        let none = HashMap::new();
        read_record_batch(&body, batch, schema, &none, projection, &message.version())
            .map_err(internal)
    }
}

/// Cuts the columns into groups, judging by the first block.
fn groups(
    table: &Table,
    plan: &Plan,
    batches: &[RecordBatch],
    row_group_rows: u64,
) -> Vec<Group> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let blocks = row_group_rows as f64 / rows.max(1) as f64;
    let mut groups = Vec::new();
    let mut first = 0;
    let mut open = 0;
    for column in 0..table.columns.len() {
        let bytes: usize = batches.iter().map(|batch| row_bytes(batch.column(column))).sum();
        let too_many = (open + bytes) as f64 * blocks.max(1.0) > plan.loaded as f64;
        // Reads that are large enough do not become better.
        if column > first && (too_many || open >= plan.read) {
            groups.push(first..column);
            (first, open) = (column, 0);
        }
        open += bytes;
    }
    groups.push(first..table.columns.len());
    let group = |columns: Range<usize>| {
        let fields = table.columns[columns.clone()].iter();
        // A null where the column allows none is an error of the column's, and comes with its name.
        let fields = fields.map(|column| column.field.as_ref().clone().with_nullable(true));
        Group { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns, bytes: 0 }
    };
    groups.into_iter().map(group).collect()
}

/// Arrow's own kernels and formats fail on sound arrays only by a defect.
fn internal(error: ArrowError) -> Error {
    Error::internal(error.into())
}

fn damaged(why: impl std::fmt::Display) -> Error {
    Error::Internal(format!("scratch does not hold what was written: {why}"))
}
