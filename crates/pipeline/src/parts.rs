//! Divides the rows of a source among several files.

use std::num::NonZeroU64;

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, EncodeSummary, EncoderSpec, Ending, Error, ErrorKind, Result, ResultSchema, RowSource,
};

use crate::run::{Encoded, RowWriter, StartedResult, write_all};

/// When a file counts as full, so that the next row begins another one. Without limits there is one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartLimits {
    /// Maximum number of rows per file. All files but the last have exactly this number, unless `bytes`
    /// ends them earlier.
    pub rows: Option<NonZeroU64>,
    /// Size in bytes at which a file is full. A file may become larger: see [`run_parts`].
    pub bytes: Option<NonZeroU64>,
}

impl PartLimits {
    /// Sets the maximum number of rows per file.
    #[must_use]
    pub fn with_rows(self, rows: impl Into<Option<NonZeroU64>>) -> Self {
        Self { rows: rows.into(), ..self }
    }

    /// Sets the size at which a file is full.
    #[must_use]
    pub fn with_bytes(self, bytes: impl Into<Option<NonZeroU64>>) -> Self {
        Self { bytes: bytes.into(), ..self }
    }
}

/// Creates the files that [`run_parts`] writes, one after the other.
pub trait Parts: Send {
    /// Begins the next file, and returns the sink for its bytes.
    ///
    /// # Errors
    /// Any error that prevents the file from being written. No other method is called afterwards.
    fn begin(&mut self) -> Result<ByteSink>;

    /// The current size of the open file, of which the encoder has written `encoded` bytes. The default is
    /// `encoded`; a compressed file is smaller.
    fn size(&self, encoded: u64) -> u64 {
        encoded
    }

    /// Ends the open file. It is complete, and all its bytes are in the sink.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    fn end(&mut self, part: &EncodeSummary) -> Result<()>;
}

/// Writes all rows of a source into files, in the format of `spec`. Each file is complete, with header,
/// metadata and trailer. At least one file is written, even without rows.
///
/// **By rows** (`limits.rows`), a batch is cut at the exact row. **By bytes** (`limits.bytes`), a file ends
/// after the batch with which it reaches the size, measured at its sink. A format that buffers rows writes
/// them when the file ends, so the file may become larger: for VOParquet by at most the rest of a row
/// group, because its files end with whole row groups ([`EncoderSpec::seam_rows`]). Text formats, VOTable
/// and FITS exceed the size by less than a batch. FITS writes all rows at the end; until then they count
/// with the size that they take without compression.
///
/// An overflow is marked in the last file. `progress` is called after every batch with the number of rows
/// and of files written so far. Dropping the future has the same effect as with [`run`](crate::run()).
///
/// # Errors
/// As [`run`](crate::run()), and the errors of `parts`. Row numbers in errors count from the first row of
/// the first file. The files before the one that failed are complete; the caller decides whether to keep
/// them.
///
/// ```
/// use std::num::NonZeroU64;
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_format::{ByteSink, EncodeSummary, EncoderRegistry, Result, ResultSchema};
/// use taploom_pipeline::{BatchSource, PartLimits, Parts, run_parts};
///
/// struct Counted(Vec<u64>);
///
/// impl Parts for Counted {
///     fn begin(&mut self) -> Result<ByteSink> {
///         Ok(Box::new(std::io::sink()))
///     }
///
///     fn end(&mut self, part: &EncodeSummary) -> Result<()> {
///         self.0.push(part.rows);
///         Ok(())
///     }
/// }
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = BatchSource::new(schema, vec![Ok(batch)].into_iter());
///
/// let registry = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN])?;
/// let spec = registry.request("csv")?;
/// let limits = PartLimits::default().with_rows(NonZeroU64::new(2));
/// let mut files = Counted(Vec::new());
/// let mut progress = |_, _| ();
/// let written = run_parts(&mut source, &spec, limits, &mut files, &mut progress);
/// assert_eq!(futures::executor::block_on(written)?.summary.rows, 5);
/// assert_eq!(files.0, [2, 2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn run_parts(
    source: &mut dyn RowSource,
    spec: &EncoderSpec,
    limits: PartLimits,
    parts: &mut dyn Parts,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Encoded> {
    let seam = if limits.bytes.is_some() { spec.seam_rows()? } else { None };
    let mut writer = Writer {
        spec,
        schema: source.schema().clone(),
        limits,
        seam,
        parts,
        open: None,
        begun: 0,
        flushed_rows: 0,
        bytes_per_row: 0.0,
        total: EncodeSummary::default(),
        progress,
    };
    writer.begin()?;
    write_all(source, writer).await
}

/// The file that is being written, and totals of the files before it.
struct Writer<'a> {
    spec: &'a EncoderSpec,
    schema: ResultSchema,
    limits: PartLimits,
    seam: Option<NonZeroU64>,
    parts: &'a mut dyn Parts,
    open: Option<StartedResult>,
    begun: u64,
    /// Rows of the open file at the last flush of its encoder.
    flushed_rows: u64,
    /// The size of a row, measured at the last flush of any file.
    bytes_per_row: f64,
    total: EncodeSummary,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

impl RowWriter for Writer<'_> {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut rest = Some(batch).filter(|batch| batch.num_rows() > 0);
        while let Some(batch) = rest.take() {
            // A new file is begun only when a row for it exists.
            if self.is_full()? {
                self.end(Ending::default())?;
                self.begin()?;
            }
            let (taken, count) = (self.room(batch.num_rows()), batch.num_rows());
            // Passes on a batch that is not divided without slicing it, which would slice every column.
            let rows = if taken < count {
                rest = Some(batch.slice(taken, count - taken));
                batch.slice(0, taken)
            } else {
                batch
            };
            if let Some(open) = &mut self.open {
                open.write(&rows).map_err(|error| counted(error, self.total.rows))?;
            }
        }
        let rows = self.total.rows + self.open.as_ref().map_or(0, |open| open.rows);
        (self.progress)(rows, self.begun);
        Ok(())
    }

    fn finish(mut self, ending: Ending) -> Result<Encoded> {
        let last = self.end(ending)?;
        Ok(Encoded { summary: self.total, ..last })
    }

    fn fail(self, failure: Error) -> Error {
        match self.open {
            Some(open) => open.fail(failure),
            None => failure,
        }
    }
}

impl Writer<'_> {
    fn begin(&mut self) -> Result<()> {
        let sink = self.parts.begin()?;
        self.open = Some(StartedResult::start(self.spec, &self.schema, sink)?);
        self.begun += 1;
        self.flushed_rows = 0;
        Ok(())
    }

    /// Whether the open file takes no more rows.
    fn is_full(&mut self) -> Result<bool> {
        let Some(open) = self.open.as_mut().filter(|open| open.rows > 0) else { return Ok(false) };
        if self.limits.rows.is_some_and(|rows| open.rows >= rows.get()) {
            return Ok(true);
        }
        let Some(limit) = self.limits.bytes.map(NonZeroU64::get) else { return Ok(false) };
        let mut size = size_of_part(self.parts, open);
        let held = (open.rows - self.flushed_rows) as f64 * self.bytes_per_row;
        if size < limit && (self.bytes_per_row == 0.0 || size as f64 + held >= limit as f64) {
            // The rows that the encoder holds might fill the file, so the exact size is needed now.
            open.flush().map_err(|error| counted(error, self.total.rows))?;
            self.flushed_rows = open.rows;
            size = size_of_part(self.parts, open);
            self.bytes_per_row = size as f64 / open.rows as f64;
        }
        Ok(size >= limit)
    }

    /// How many of the next `rows` rows the open file has room for.
    fn room(&self, rows: usize) -> usize {
        let written = self.open.as_ref().map_or(0, |open| open.rows);
        let by_rows = self.limits.rows.map(|limit| limit.get() - written % limit.get());
        let by_seam = self.seam.map(|seam| seam.get() - written % seam.get());
        let room = by_rows.into_iter().chain(by_seam).min();
        room.map_or(rows, |room| usize::try_from(room).unwrap_or(rows).min(rows))
    }

    /// Ends the open file.
    fn end(&mut self, ending: Ending) -> Result<Encoded> {
        let none = || Error::new(ErrorKind::Internal, "no file is open that could end");
        let open = self.open.take().ok_or_else(none)?;
        let written = open.finish(ending).map_err(|error| counted(error, self.total.rows))?;
        self.parts.end(&written.summary)?;
        self.total.join(&written.summary);
        Ok(written)
    }
}

/// The size of the open file, with the rows that its encoder keeps in temporary files.
fn size_of_part(parts: &dyn Parts, open: &StartedResult) -> u64 {
    parts.size(open.bytes()) + open.stored_bytes()
}

/// The error of an encoder, which counts rows from the beginning of its file, with its row counted from the first of
/// all rows.
fn counted(error: Error, rows_before: u64) -> Error {
    match error.row() {
        Some(row) => error.with_row(rows_before + row),
        None => error,
    }
}
