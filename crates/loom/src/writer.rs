//! The writer: it takes batches and writes row groups.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::TrackedWrite;
use taploom_scratch::ScratchSpace;

use crate::arrays::row_bytes;
use crate::encode::RowGroup;
use crate::error::{Error, Result};
use crate::footer::Footer;
use crate::options::{LoomOptions, Memory};
use crate::pages::Pages;
use crate::plan::Plan;
use crate::prepared::PreparedFile;
use crate::stage::Stage;
use crate::table::Table;

/// The largest row group in bytes of Arrow, unless the properties set another limit.
const ROW_GROUP_BYTES: usize = 1 << 30;

/// Heap that the description of a leaf takes: its name, its types, its place in a group.
const LEAF_HEAP: usize = 400;

/// Writes record batches to a Parquet file, in memory that does not grow.
///
/// It can replace `ArrowWriter`. With the same properties it writes the same bytes, given
/// [`Encodings::AsSet`](crate::Encodings::AsSet), [`FloatOrder::Total`](crate::FloatOrder::Total), no checksums
/// and pages that the budget allows. The writer only appends to the output, so the output can be a pipe or the
/// body of an HTTP request. A row group is written when its last row has arrived.
///
/// # Memory
/// The writer holds at most its budget, in addition to the batch that it is given. The memory does not grow with
/// the number of rows or row groups; each column takes about 1 KiB of the budget. If the budget can't hold a table
/// or a cell, the error is [`Error::Budget`], which tells a budget that would be enough.
///
/// # Errors
/// After an error, and if the writer is dropped before [`close`](Self::close), the file has no footer and readers
/// refuse it. Scratch files have no name and vanish with the process.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, RecordBatch};
/// use taploom_loom::{LoomOptions, LoomWriter};
///
/// let ra: ArrayRef = Arc::new(Float64Array::from(vec![83.822, 201.365]));
/// let batch = RecordBatch::try_from_iter([("ra", ra)])?;
///
/// let mut file = Vec::new();
/// let mut writer = LoomWriter::try_new(&mut file, batch.schema(), LoomOptions::new())?;
/// writer.write(&batch)?;
/// let written = writer.close()?;
/// assert_eq!(written.rows, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LoomWriter<W: Write + Send> {
    table: Arc<Table>,
    plan: Plan,
    out: TrackedWrite<BufferedSink<W>>,
    stage: Stage,
    pages: Pages,
    footer: Footer,
    /// The part of the given space that this writer uses.
    scratch: ScratchSpace,
    keys: Vec<KeyValue>,
    /// Rows and bytes of the open row group.
    open: (u64, usize),
    rows: u64,
    /// The limits of rows and bytes of a row group.
    most: (u64, usize),
    unfinished: bool,
    /// A reservation is kept while the writer lives.
    _memory: Memory,
}

/// A report on the written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Row groups.
    pub row_groups: u64,
    /// Bytes of the column chunks: the file without its footer, page indexes and bloom filters.
    pub chunk_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// The most bytes that the scratch files took at any time.
    pub scratch_bytes: u64,
}

impl<W: Write + Send> LoomWriter<W> {
    /// Starts a file with the columns of `schema`.
    ///
    /// # Errors
    /// [`Error::Schema`] for types that Parquet can't hold, [`Error::Options`],
    /// [`Error::Budget`].
    pub fn try_new(sink: W, schema: SchemaRef, options: LoomOptions) -> Result<Self> {
        let (table, plan) = Table::new(schema, &options)?;
        Self::start(sink, Arc::new(table), plan, &options.scratch, options.memory)
    }

    /// Starts a file whose columns and options are prepared, with scratch files in this space.
    ///
    /// # Errors
    /// [`Error::Sink`].
    pub fn prepared(sink: W, file: &PreparedFile, scratch: &ScratchSpace) -> Result<Self> {
        let memory = Memory::Budget(file.plan.budget);
        Self::start(sink, Arc::clone(&file.table), file.plan, scratch, memory)
    }

    fn start(
        sink: W,
        table: Arc<Table>,
        plan: Plan,
        scratch: &ScratchSpace,
        memory: Memory,
    ) -> Result<Self> {
        // Every column allocates and frees an encoder. Each time, glibc would return the top of the heap to the
        // system and fetch it again page by page, which takes a third of the time of narrow tables. glibc keeps
        // twice the size of the largest block that was freed, so this code frees a block once. A larger block
        // would also move pages of a MiB and their compressors to the heap, where they leave holes. The block is
        // never touched.
        const KEPT: usize = 1 << 20;
        let mut untouched = Vec::<u8>::new();
        let _ = untouched.try_reserve_exact(plan.held.min(KEPT));
        drop(std::hint::black_box(untouched));
        let float_order = table.float_order;
        let scratch = scratch.counted();
        let properties = &table.properties;
        let rows = properties.max_row_group_row_count().map_or(u64::MAX, |rows| rows as u64);
        let bytes = properties.max_row_group_bytes().unwrap_or(ROW_GROUP_BYTES);
        let bytes = bytes.min(plan.row_group);
        let mut out = TrackedWrite::new(BufferedSink::new(sink, plan.read));
        out.write_all(b"PAR1").map_err(Error::io)?;
        Ok(Self {
            stage: Stage::new(plan, &scratch),
            pages: Pages::new(&scratch, plan.pages),
            footer: Footer::new(Arc::clone(properties), float_order, &scratch, plan.spool),
            keys: properties.key_value_metadata().cloned().unwrap_or_default(),
            open: (0, 0),
            rows: 0,
            most: (rows, bytes),
            unfinished: true,
            _memory: memory,
            table,
            plan,
            out,
            scratch,
        })
    }

    /// Appends the rows of a batch. Its columns have to have the types of the file's columns, in the same order;
    /// their names do not matter.
    ///
    /// # Errors
    /// [`Error::SchemaMismatch`], [`Error::Column`] for values that can't be written,
    /// [`Error::Budget`] for a cell that is too large, [`Error::Scratch`], [`Error::Sink`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.guarded(|writer| {
            writer.table.check(batch)?;
            writer.stage.check(&writer.table, batch, writer.rows + writer.open.0)?;
            let mut taken = 0;
            while taken < batch.num_rows() {
                taken += writer.take_rows(&part(batch, taken, batch.num_rows() - taken))?;
            }
            Ok(())
        })
    }

    /// Takes as many rows as the open row group has room for, and returns their number.
    fn take_rows(&mut self, batch: &RecordBatch) -> Result<usize> {
        let (open_rows, open_bytes) = self.open;
        let (most_rows, most_bytes) = self.most;
        let room = usize::try_from(most_rows - open_rows).unwrap_or(usize::MAX);
        let candidates = part(batch, 0, room.min(batch.num_rows()));
        let (taken, bytes) = rows_within(&candidates, most_bytes.saturating_sub(open_bytes));
        let full =
            taken == room || open_bytes + bytes >= most_bytes || taken < candidates.num_rows();
        self.open = (open_rows + taken as u64, open_bytes + bytes);
        let rows = part(&candidates, 0, taken);
        if full {
            self.end_row_group(Some(&rows))?;
        } else {
            let by_bytes = most_bytes as f64 * self.open.0 as f64 / self.open.1.max(1) as f64;
            let expected = most_rows.min(by_bytes as u64).max(self.open.0);
            self.stage.push(&self.table, &rows, expected)?;
        }
        Ok(taken)
    }

    fn end_row_group(&mut self, last: Option<&RecordBatch>) -> Result<()> {
        let (rows, _) = std::mem::take(&mut self.open);
        self.rows += rows;
        self.stage.seal();
        let row_group = RowGroup {
            table: &self.table,
            stage: &self.stage,
            last,
            rows,
            pages: &self.pages,
            threads: self.plan.threads,
        };
        // Pages may use the memory that held rows, or groups that are read back, do not need.
        let spare = if self.stage.has_spilled() {
            self.plan.held.saturating_sub(self.stage.heap_bytes())
        } else {
            self.plan.loaded
        };
        self.pages.allow(self.plan.pages + spare);
        row_group.write(&mut self.out, &mut self.footer)?;
        self.pages.free_surplus();
        self.stage.clear();
        Ok(())
    }

    /// Ends the open row group here, if it has rows.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> Result<()> {
        self.guarded(Self::flush_rows)
    }

    fn flush_rows(&mut self) -> Result<()> {
        if self.open.0 > 0 { self.end_row_group(None) } else { Ok(()) }
    }

    /// Adds a key to the footer, at any time until the file is closed. Keys stay in memory until then and do not
    /// count in the budget.
    pub fn append_key_value_metadata(&mut self, key: KeyValue) {
        self.keys.push(key);
    }

    /// Writes the remaining rows and the footer, and flushes the sink.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`Error::FooterTooLarge`].
    pub fn close(mut self) -> Result<Written> {
        self.finish()
    }

    /// As [`close`](Self::close), but keeps the writer and its sink.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub fn finish(&mut self) -> Result<Written> {
        let written = self.guarded(|writer| {
            writer.flush_rows()?;
            let keys = std::mem::take(&mut writer.keys);
            writer.footer.finish(&writer.table.root, &keys, &mut writer.out)?;
            Ok(Written {
                rows: writer.rows,
                row_groups: writer.footer.row_groups(),
                chunk_bytes: writer.footer.chunk_bytes(),
                file_bytes: writer.out.bytes_written() as u64,
                scratch_bytes: writer.scratch.peak(),
            })
        })?;
        self.unfinished = false;
        Ok(written)
    }

    /// Refuses every call after an error.
    fn guarded<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !self.unfinished {
            return Err(Error::Unfinished);
        }
        // And after a panic, for example of the sink.
        self.unfinished = false;
        let outcome = act(self);
        self.unfinished = outcome.is_ok();
        outcome
    }

    /// The sink. Bytes that are written to it directly make the offsets in the footer wrong.
    pub fn inner_mut(&mut self) -> &mut W {
        &mut self.out.inner_mut().inner
    }

    /// Heap in use, in bytes: rows of the open row group, and metadata that wait for the end.
    pub fn buffered_bytes(&self) -> usize {
        let keys = self
            .keys
            .iter()
            .map(|key| key.key.capacity() + key.value.as_ref().map_or(0, String::capacity));
        let table = self.plan.leaves * LEAF_HEAP;
        self.stage.heap_bytes()
            + self.footer.heap_bytes()
            + self.pages.heap_bytes()
            + keys.sum::<usize>()
            + table
            + self.out.inner().gathered.capacity()
    }

    /// Rows in the open row group.
    pub fn in_progress_rows(&self) -> u64 {
        self.open.0
    }

    /// Bytes written to the sink.
    pub fn bytes_written(&self) -> u64 {
        self.out.bytes_written() as u64
    }
}

impl<W: Write + Send> std::fmt::Debug for LoomWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoomWriter")
            .field("columns", &self.table.columns.len())
            .field("rows", &self.rows)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// Some rows of a batch. The arrays are sliced only if rows are left out: slices of a thousand columns take time.
fn part(batch: &RecordBatch, first: usize, count: usize) -> RecordBatch {
    if count == batch.num_rows() { batch.clone() } else { batch.slice(first, count) }
}

/// The longest prefix of `batch` within `most` bytes (at least one row), and its size.
fn rows_within(batch: &RecordBatch, most: usize) -> (usize, usize) {
    let all = batch.columns().iter().map(|column| row_bytes(column)).sum();
    let bytes = |rows: usize| -> usize {
        batch.columns().iter().map(|column| row_bytes(&column.slice(0, rows))).sum()
    };
    if all <= most {
        return (batch.num_rows(), all);
    }
    let (mut fits, mut too_many) = (0, batch.num_rows());
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if bytes(middle) <= most { fits = middle } else { too_many = middle }
    }
    let rows = fits.max(1);
    (rows, bytes(rows))
}

/// Buffers the sink, with more than the 8 KiB of the Parquet crate. Errors of the sink can be recovered after they
/// went through that crate. A `BufWriter` would write its buffer when it is dropped, even after an error.
struct BufferedSink<W> {
    inner: W,
    /// Bytes that are not written yet.
    gathered: Vec<u8>,
    most: usize,
    /// Whether an error has occurred. After an error nothing is written, because buffers above this
    /// one could still complete the file.
    failed: bool,
}

impl<W: Write> BufferedSink<W> {
    /// Buffers at most `most` bytes.
    fn new(inner: W, most: usize) -> Self {
        Self { inner, gathered: Vec::with_capacity(most), most, failed: false }
    }

    fn through(&mut self, write: impl FnOnce(&mut W, &[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.failed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = write(&mut self.inner, &self.gathered);
        self.gathered.clear();
        written.map_err(|error| {
            self.failed = true;
            io::Error::new(error.kind(), Error::Sink(error))
        })
    }
}

impl<W: Write> Write for BufferedSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.gathered.len() + bytes.len() > self.most {
            self.through(W::write_all)?;
        }
        if bytes.len() < self.most {
            self.gathered.extend_from_slice(bytes);
        } else {
            self.through(|sink, _| sink.write_all(bytes))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.through(|sink, gathered| {
            sink.write_all(gathered)?;
            sink.flush()
        })
    }
}
