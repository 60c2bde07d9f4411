//! The writer: batches in, row groups out.

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
use crate::stage::Stage;
use crate::table::Table;

/// Rows in Arrow that a row group has at most, unless the properties say otherwise.
const ROW_GROUP_BYTES: usize = 1 << 30;

/// Heap that the description of a leaf takes: its name, its types, its place in a group.
const LEAF_HEAP: usize = 400;

/// Writes record batches to a Parquet file, in memory that does not grow.
///
/// It takes the place of `ArrowWriter`, and writes the same bytes where the properties are the same
/// (with [`Dictionaries::AsSet`](crate::Dictionaries::AsSet), and pages that the budget allows). The
/// output is only ever appended to, so that it can be a pipe or the body of an HTTP request; nothing
/// of a row group is written before all its rows are there.
///
/// # Memory
/// At most the budget, beside the batch in hand: not with more rows, not with more row groups, and
/// not with more columns, of which each takes some 1 KiB. What the budget can't hold is an
/// [`Error::Budget`] that says what would.
///
/// # Errors
/// After an error, and when it is dropped before [`close`](Self::close), the file has no footer:
/// readers refuse it. Scratch files have no name and go away by themselves.
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
    table: Table,
    plan: Plan,
    out: TrackedWrite<Sink<W>>,
    stage: Stage,
    pages: Pages,
    footer: Footer,
    /// The part of the given space that this writer uses.
    scratch: ScratchSpace,
    keys: Vec<KeyValue>,
    /// Rows, and their bytes, in the open row group.
    open: (u64, usize),
    rows: u64,
    most: (u64, usize),
    unfinished: bool,
    /// Held for as long as the writer lives.
    _memory: Memory,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Row groups.
    pub row_groups: u64,
    /// Bytes of the column chunks, so of the file without footer, page indexes and bloom filters.
    pub chunk_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes that the scratch files took at most.
    pub scratch_bytes: u64,
}

impl<W: Write + Send> LoomWriter<W> {
    /// Starts a file of columns as in `schema`.
    ///
    /// # Errors
    /// [`Error::Schema`] for types that Parquet does not hold, [`Error::Options`],
    /// [`Error::Budget`].
    pub fn try_new(sink: W, schema: SchemaRef, options: LoomOptions) -> Result<Self> {
        let (table, plan) = Table::new(schema, &options)?;
        // Encoders come and go with every column. glibc gives the top of the heap back to the system
        // each time, and has to fetch it again page by page, which takes a third of the time of narrow
        // tables; unless it has seen that blocks of this size come and go. It is never touched.
        let mut untouched = Vec::<u8>::new();
        let _ = untouched.try_reserve_exact(plan.held.min(16 << 20));
        drop(std::hint::black_box(untouched));
        let LoomOptions { scratch, memory, .. } = options;
        let scratch = scratch.counted();
        let properties = &table.properties;
        let rows = properties.max_row_group_row_count().map_or(u64::MAX, |rows| rows as u64);
        let bytes = properties.max_row_group_bytes().unwrap_or(ROW_GROUP_BYTES);
        let bytes = bytes.min(plan.row_group);
        let mut out = TrackedWrite::new(Sink::new(sink, plan.read));
        out.write_all(b"PAR1").map_err(Error::io)?;
        Ok(Self {
            stage: Stage::new(plan, &scratch),
            pages: Pages::new(&scratch, plan.pages),
            footer: Footer::new(Arc::clone(properties), &scratch, plan.spool),
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

    /// Appends the rows of a batch with the columns of the file: by position and type, whatever their
    /// names.
    ///
    /// # Errors
    /// [`Error::SchemaMismatch`], [`Error::Column`] for values that can't be written,
    /// [`Error::Budget`] for a cell that is too large, [`Error::Scratch`], [`Error::Sink`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.guarded(|writer| {
            writer.table.check(batch)?;
            writer.stage.check(&writer.table, batch, writer.rows + writer.open.0)?;
            let mut rest = batch.clone();
            while rest.num_rows() > 0 {
                rest = writer.take_rows(&rest)?;
            }
            Ok(())
        })
    }

    /// Takes as many rows as the open row group still has room for; returns the others.
    fn take_rows(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let (open_rows, open_bytes) = self.open;
        let (most_rows, most_bytes) = self.most;
        let room = usize::try_from(most_rows - open_rows).unwrap_or(usize::MAX);
        let candidates = batch.slice(0, room.min(batch.num_rows()));
        let (taken, bytes) = rows_within(&candidates, most_bytes.saturating_sub(open_bytes));
        let full =
            taken == room || open_bytes + bytes >= most_bytes || taken < candidates.num_rows();
        self.open = (open_rows + taken as u64, open_bytes + bytes);
        let rows = candidates.slice(0, taken);
        if full {
            self.end_row_group(Some(&rows))?;
        } else {
            let by_bytes = most_bytes as f64 * self.open.0 as f64 / self.open.1.max(1) as f64;
            let expected = most_rows.min(by_bytes as u64).max(self.open.0);
            self.stage.push(&self.table, &rows, expected)?;
        }
        Ok(batch.slice(taken, batch.num_rows() - taken))
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
        // What was never read back, or is not held, leaves its memory to the pages.
        let spare = if self.stage.has_spilled() {
            self.plan.held.saturating_sub(self.stage.heap_bytes())
        } else {
            self.plan.loaded
        };
        self.pages.allow(self.plan.pages + spare);
        row_group.write(&mut self.out, &mut self.footer)?;
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

    /// Adds a key to the footer; possible until the file is closed. Keys stay in memory until then,
    /// beside the budget.
    pub fn append_key_value_metadata(&mut self, key: KeyValue) {
        self.keys.push(key);
    }

    /// Writes what remains, the footer, and flushes the sink.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`Error::FooterTooLarge`].
    pub fn close(mut self) -> Result<Written> {
        self.finish()
    }

    /// The same as [`close`](Self::close), and leaves the sink where it is.
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

    /// Lets nothing follow an error.
    fn guarded<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !self.unfinished {
            return Err(Error::Unfinished);
        }
        // Nor a panic, of the sink for instance.
        self.unfinished = false;
        let outcome = act(self);
        self.unfinished = outcome.is_ok();
        outcome
    }

    /// The sink. What is written to it here, the footer does not know of.
    pub fn inner_mut(&mut self) -> &mut W {
        &mut self.out.inner_mut().inner
    }

    /// Heap held now: rows that wait for their row group, metadata that waits for the end.
    pub fn buffered_bytes(&self) -> usize {
        let keys = self
            .keys
            .iter()
            .map(|key| key.key.capacity() + key.value.as_ref().map_or(0, String::capacity));
        let table = self.plan.leaves * LEAF_HEAP;
        self.stage.heap_bytes()
            + self.footer.heap_bytes()
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

/// How many rows from the first on take at most so many bytes, one at least; and their bytes.
fn rows_within(batch: &RecordBatch, most: usize) -> (usize, usize) {
    let bytes = |rows: usize| -> usize {
        batch.columns().iter().map(|column| row_bytes(&column.slice(0, rows))).sum()
    };
    let all = bytes(batch.num_rows());
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

/// The sink, whose errors find their way through the Parquet crate, and which is asked to write larger
/// pieces than the 8 KiB that come from there. A `BufWriter` would write what it holds when it is dropped,
/// after an error too.
struct Sink<W> {
    inner: W,
    /// What was not written yet.
    gathered: Vec<u8>,
    most: usize,
    /// Nothing follows an error: what is buffered above would else make a whole file of it.
    failed: bool,
}

impl<W: Write> Sink<W> {
    /// Gathers so many bytes at most.
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

impl<W: Write> Write for Sink<W> {
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
