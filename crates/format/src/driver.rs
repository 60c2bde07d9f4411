//! The driver: every call from a program to the encoder of a plug-in goes through it.
//!
//! # The problem
//! A plug-in turns rows into bytes. A service needs more than that from every plug-in: a result that is
//! either complete or visibly broken, correct counts, and an error for everything that went wrong. If
//! each plug-in were responsible for these promises, each could break them, and a conformance suite would
//! have to find out by trial. Encoders with one planted fault each showed how easily that fails: an
//! encoder that forgot its last flush passed, and a service sent none of its 1,489 bytes with the outcome
//! "complete"; an encoder that ignored an error of the sink produced a file in which bytes were missing.
//!
//! # The idea
//! Only the driver holds a plug-in's encoder. [`EncoderPlugin::start`](crate::EncoderPlugin::start)
//! returns an [`Encoder`], and each call to the plug-in goes through it:
//!
//! ```text
//!          program                    driver                      plug-in
//!   write_batch(batch)  ──▶  check, count, convert  ──▶  ResultEncoder::write_batch
//!                                                                  │ bytes
//!          sink  ◀──  count, remember the first error  ◀──  Output ┘
//! ```
//!
//! - **Rows in.** The driver compares each batch with the schema of the result, counts its rows, and
//!   converts them to the canonical types, unless the format asks for the rows as they come. Empty
//!   batches are not passed on.
//! - **Bytes out.** The plug-in's [`Output`] and the driver share one counted sink. The driver remembers
//!   the first error of the sink. After this error the sink takes no more bytes, and the driver returns
//!   the error even if the plug-in reports success or another error.
//! - **The end.** The driver flushes the sink, and compares the bytes that the plug-in reports with the
//!   bytes that the sink took. If a format can't report a failure, the driver cuts the result short
//!   without calling the plug-in. The sink takes no more bytes after a result was dropped, so a trailer
//!   that a destructor writes is not sent.
//! - **Errors.** Each error names the format. After an error, the driver passes on only `finish` with
//!   [`Completion::Failed`], so that a document can report the error. Any other call is an error of the
//!   program ([`ErrorKind::Misuse`]).
//! - **Panics.** A panic becomes an [`ErrorKind::Internal`] error, and the plug-in's encoder is not
//!   called again.
//!
//! # The cost
//! Without the driver, each plug-in would have to convert its rows. In addition, the driver executes a
//! few dozen instructions for each batch and each chunk of output, less than a thousandth of the
//! instructions for encoding.
//!
//! # The limits
//! The driver checks numbers, not contents. It can't detect that a plug-in left out a row, wrote a wrong
//! value, or did not report a loss. The conformance suite of `taploom-testkit` detects these faults. A
//! plug-in that spawns threads has to catch their panics ([`InOrder`](crate::InOrder) does so). If panics
//! abort the process, they can't be caught.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use taploom_model::{
    BatchCheck, CanonicalRows, Completion, Error, ErrorKind, Result, ResultSchema,
};

use crate::encoder::{EncodeContext, EncodeSummary, ResultEncoder, Written};
use crate::format_info::{FailureReport, FormatInfo, RowsGiven};
use crate::sink::Output;

/// Writes one result: it takes batches, and writes bytes to the sink. It is the same type for every
/// format, and is made by [`EncoderSpec::start`](crate::EncoderSpec::start).
///
/// It is synchronous: a slow sink slows down `write_batch`, and in this way back-pressure reaches the
/// source.
///
/// If it is dropped without [`finish`](Self::finish), the output does not look like a complete file.
pub struct Encoder {
    info: &'static FormatInfo,
    schema: ResultSchema,
    intake: Intake,
    rows: u64,
    /// None after the end, and after a panic.
    inner: Option<Box<dyn ResultEncoder>>,
    output: Output,
    /// The first error.
    failure: Option<Error>,
}

/// How a batch is prepared for the plug-in.
enum Intake {
    Convert(Box<CanonicalRows>),
    Check(Box<BatchCheck>),
}

impl Intake {
    fn new(rows: RowsGiven, schema: &ResultSchema) -> Result<Self> {
        Ok(match rows {
            RowsGiven::Canonical => Self::Convert(Box::new(CanonicalRows::new(schema)?)),
            RowsGiven::AsTheyCome => Self::Check(Box::new(BatchCheck::new(schema)?)),
        })
    }

    fn for_another(&self) -> Self {
        match self {
            Self::Convert(rows) => Self::Convert(Box::new(rows.for_another())),
            Self::Check(check) => Self::Check(Box::new(check.for_another())),
        }
    }
}

/// What the driver works out before the first row of a result.
struct Plan {
    /// The schema of the first result. Later ones get it in place of their own, which is equal: then it takes no time
    /// to compare it with those of other plans.
    schema: ResultSchema,
    intake: Intake,
}

impl Encoder {
    /// Starts a plug-in's encoder on an output.
    pub(crate) fn start(
        info: &'static FormatInfo,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
        start: impl FnOnce(&ResultSchema, Output) -> Result<Box<dyn ResultEncoder>>,
    ) -> Result<Self> {
        let make = || Ok(Plan { schema: schema.clone(), intake: Intake::new(info.rows, schema)? });
        let plan = context.plan(&info.rows, schema, make);
        let plan = plan.map_err(|error| error.with_format(info.id))?;
        let for_plugin = output.share();
        let mut encoder = Self {
            info,
            schema: plan.schema.clone(),
            intake: plan.intake.for_another(),
            rows: 0,
            inner: None,
            output,
            failure: None,
        };
        let started = caught(|| start(&plan.schema, for_plugin));
        encoder.inner = Some(encoder.judge(started)?);
        Ok(encoder)
    }

    /// The names and abilities of the format.
    pub fn info(&self) -> &'static FormatInfo {
        self.info
    }

    /// Rows that were taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that the sink has taken so far.
    pub fn bytes(&self) -> u64 {
        self.output.written()
    }

    /// Appends the rows of `batch`, which has the schema of the result.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] if the batch differs from the schema, [`ErrorKind::InvalidValue`]
    /// for a cell that does not fit, [`ErrorKind::Sink`] or [`ErrorKind::Cancelled`] for the output,
    /// and [`ErrorKind::Misuse`] after an error.
    pub fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check_unbroken()?;
        let converted = match &mut self.intake {
            Intake::Convert(rows) => rows.convert(batch).map(Some),
            Intake::Check(check) => check.admit(batch).map(|()| None),
        };
        let written = converted.and_then(|converted| match converted.as_ref().unwrap_or(batch) {
            empty if empty.num_rows() == 0 => Ok(()),
            rows => self.call(|inner| inner.write_batch(rows)),
        });
        self.judge(written)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Writes as much as possible to the sink: the header, and the rows that the format can write
    /// before it knows the following rows. It does not change the bytes of the result.
    ///
    /// Call it when no more rows will arrive for a while. It has no effect for a format that writes
    /// only at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] or [`ErrorKind::Cancelled`] for the output, the error of a cell that was
    /// being encoded, and [`ErrorKind::Misuse`] after an error.
    pub fn flush(&mut self) -> Result<()> {
        self.drain()?;
        let flushed = self.output.flush_sink();
        self.judge(flushed)
    }

    /// Encodes the rows that were taken so far, also those on other threads, without flushing the sink. So an error of
    /// their cells is known before [`finish`](Self::finish), while the document can still record it.
    ///
    /// # Errors
    /// As [`write_batch`](Self::write_batch).
    pub fn drain(&mut self) -> Result<()> {
        self.check_unbroken()?;
        let drained = self.call(|inner| inner.flush());
        self.judge(drained)
    }

    /// Writes what remains and the trailer, which says how the result ended, and flushes the sink.
    ///
    /// # Errors
    /// As [`write_batch`](Self::write_batch). After an error only [`Completion::Failed`] may
    /// follow; if the sink has failed or the plug-in has panicked, this call returns the first
    /// error. [`ErrorKind::Failed`] for [`Completion::Failed`] in a format that can't report
    /// failures: then nothing more is written, so that readers notice the incomplete file.
    /// [`ErrorKind::Internal`] if the plug-in reports other numbers of bytes than the sink took.
    pub fn finish(mut self, completion: Completion) -> Result<EncodeSummary> {
        let is_whole = !matches!(completion, Completion::Failed { .. });
        if is_whole {
            self.check_unbroken()?;
        }
        // A trailer can't repair output in which bytes are missing, and an encoder that panicked
        // can't write one.
        if let Some(failure) = &self.failure
            && (self.inner.is_none() || self.output.failure().is_some())
        {
            return Err(failure.clone());
        }
        match completion {
            Completion::Failed { message } if self.info.failure == FailureReport::CutShort => {
                self.output.close();
                Err(Error::new(ErrorKind::Failed, message).with_format(self.info.id))
            }
            completion => {
                let inner = self.inner.take().ok_or_else(ended);
                let finished = inner.and_then(|inner| caught(|| inner.finish(completion)));
                let written = self.judge(finished)?;
                let flushed = self.output.flush_sink();
                self.judge(flushed)?;
                let summary = self.summary(written, is_whole);
                self.judge(summary)
            }
        }
    }

    /// Heap held now, in bytes, for rows that were taken and not written yet, and for the buffers
    /// that they pass through.
    pub fn buffered_bytes(&self) -> usize {
        self.inner.as_ref().map_or(0, |inner| inner.buffered_bytes())
    }

    /// Bytes that the result takes for rows that are in temporary files until [`finish`](Self::finish),
    /// as of the last [`flush`](Self::flush). 0 for a format that does not keep all rows until the end.
    pub fn stored_bytes(&self) -> u64 {
        self.inner.as_ref().map_or(0, |inner| inner.stored_bytes())
    }

    /// Compares the numbers that the plug-in reports with the bytes that the sink took.
    fn summary(&self, written: Written, is_whole: bool) -> Result<EncodeSummary> {
        let Written { data_bytes, losses } = written;
        let total_bytes = self.output.written();
        if data_bytes > total_bytes {
            let message = format!(
                "the format reports {data_bytes} bytes of rows, and the sink took {total_bytes} in all"
            );
            return Err(Error::new(ErrorKind::Internal, message));
        }
        if data_bytes == 0 && self.rows > 0 && is_whole {
            let message = format!("the format reports no bytes for {} rows", self.rows);
            return Err(Error::new(ErrorKind::Internal, message));
        }
        let losses = losses.named(&self.schema)?;
        Ok(EncodeSummary {
            rows: self.rows,
            data_bytes,
            total_bytes,
            truncated_cells: losses.truncated_cells(),
            altered_cells: losses.altered(),
            losses,
        })
    }

    /// Calls the plug-in.
    fn call<T>(&mut self, action: impl FnOnce(&mut dyn ResultEncoder) -> Result<T>) -> Result<T> {
        let Some(inner) = self.inner.as_deref_mut() else { return Err(ended()) };
        let called = catch_unwind(AssertUnwindSafe(|| action(inner)));
        called.unwrap_or_else(|panic| {
            // Its state is unknown after a panic, and its destructor may panic as well.
            self.output.close();
            let inner = self.inner.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(inner)));
            Err(panicked(&*panic))
        })
    }

    /// The outcome of a call, or the error of the sink if there is one. An error ends the result.
    fn judge<T>(&mut self, outcome: Result<T>) -> Result<T> {
        let outcome = match self.output.failure() {
            Some(failure) => Err(failure),
            None => outcome,
        };
        outcome.map_err(|error| {
            let error = error.with_format(self.info.id);
            self.failure.get_or_insert_with(|| error.clone());
            error
        })
    }

    fn check_unbroken(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(failure) => Err(Error::new(
                ErrorKind::Misuse,
                "this result has failed; only finish with Completion::Failed may follow",
            )
            .with_format(self.info.id)
            .with_source(failure.clone())),
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // Bytes that a destructor writes are not part of the result.
        self.output.close();
        let inner = self.inner.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(inner)));
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("format", &self.info.id)
            .field("rows", &self.rows)
            .field("output", &self.output)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

fn caught<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "no message".to_owned());
    Error::new(ErrorKind::Internal, format!("the encoder panicked: {text}"))
}

fn ended() -> Error {
    Error::new(ErrorKind::Internal, "the encoder of the format has ended")
}
