//! The driver: what stands between a program and the encoder of a plug-in.
//!
//! # The problem
//! A plug-in turns rows into bytes. A service needs more than that from each of them: a result that is
//! either whole or visibly broken, counts that are true, and an error for everything that went wrong.
//! When each plug-in keeps these promises by itself, each can break them, and a conformance suite has to
//! find out by trial. Encoders with one planted fault each showed how easily that fails: an encoder that
//! forgot its last flush passed, and a service sent none of its 1,489 bytes with the outcome
//! "complete"; an encoder that passed over an error of the sink produced a file with a hole.
//!
//! # The idea
//! Nobody but the driver holds a plug-in's encoder. [`EncoderPlugin::start`](crate::EncoderPlugin::start)
//! gives an [`Encoder`], and each call to the plug-in goes through it:
//!
//! ```text
//!          program                    driver                      plug-in
//!   write_batch(batch)  ──▶  check, count, convert  ──▶  ResultEncoder::write_batch
//!                                                                  │ bytes
//!          sink  ◀──  count, remember the first error  ◀──  Output ┘
//! ```
//!
//! - **Rows in.** The driver compares each batch with the schema of the result, counts its rows, and
//!   converts them to the canonical types, unless the format asks for the rows as they come.
//!   An empty batch ends there.
//! - **Bytes out.** The plug-in's [`Output`] and the driver share one counted sink. The first
//!   error of the sink is remembered. After it the sink takes nothing more, and the driver returns it
//!   even if the plug-in reports success or another error.
//! - **The end.** The driver flushes the sink, and compares what the plug-in says of its bytes with
//!   what the sink took. Where a format has no place for the report of a failure, the driver
//!   cuts the result short without asking the plug-in. A result that is dropped takes no more bytes,
//!   so that a trailer written by a destructor reaches nobody.
//! - **Errors.** Each error names the format. After an error the only call that a plug-in may see is
//!   `finish` with [`Completion::Failed`], so that a document can report it. Any other call is
//!   [`ErrorKind::Misuse`] by the program.
//! - **Panics.** A panic becomes an [`ErrorKind::Internal`] error, and the plug-in's encoder is not
//!   called again.
//!
//! # The cost
//! The conversion was made before by each plug-in. What the driver adds is a few dozen instructions for
//! each batch and each chunk of output, which is less than a thousandth of what encoding them takes.
//!
//! # The limits
//! The driver sees numbers, not contents. It can't tell that a plug-in left out a row, wrote a wrong
//! value, or reports no loss where it lost one. That is what the conformance suite of
//! `taploom-testkit` is for. A plug-in that spawns threads of its own catches their panics itself
//! ([`InOrder`](crate::InOrder) does). Where panics abort the process there is nothing to catch.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use taploom_model::{
    BatchCheck, CanonicalRows, Completion, Error, ErrorKind, Result, ResultSchema,
};

use crate::encoder::{EncodeSummary, ResultEncoder, Written};
use crate::format_info::{FailureReport, FormatInfo, RowsGiven};
use crate::sink::Output;

/// Writes one result: batches in, bytes out to the sink. What
/// [`EncoderSpec::start`](crate::EncoderSpec::start) gives, whatever the format.
///
/// It is synchronous: a slow sink slows `write_batch` down, and that is how back-pressure reaches the
/// source.
///
/// Dropped without [`finish`](Self::finish), the output does not read as a whole file.
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

/// What happens to a batch before the plug-in gets it.
enum Intake {
    Convert(Box<CanonicalRows>),
    Check(Box<BatchCheck>),
}

impl Encoder {
    /// Starts a plug-in's encoder on an output.
    pub(crate) fn start(
        info: &'static FormatInfo,
        schema: &ResultSchema,
        output: Output,
        start: impl FnOnce(Output) -> Result<Box<dyn ResultEncoder>>,
    ) -> Result<Self> {
        let intake = match info.rows {
            RowsGiven::Canonical => {
                CanonicalRows::new(schema).map(|rows| Intake::Convert(Box::new(rows)))
            }
            RowsGiven::AsTheyCome => {
                BatchCheck::new(schema).map(|check| Intake::Check(Box::new(check)))
            }
        };
        let intake = intake.map_err(|error| error.with_format(info.id))?;
        let for_plugin = output.share();
        let mut encoder = Self {
            info,
            schema: schema.clone(),
            intake,
            rows: 0,
            inner: None,
            output,
            failure: None,
        };
        let started = caught(|| start(for_plugin));
        encoder.inner = Some(encoder.judge(started)?);
        Ok(encoder)
    }

    /// What the format is called and what it can do.
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

    /// Appends the rows of `batch`, whose schema is that of the result.
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

    /// Hands on to the reader what can be handed on: the header, and rows that were taken, as far as
    /// the format can write them before it knows more. It does not change the bytes of the result.
    ///
    /// Call it when no more rows are at hand for a while. A format that writes at the end alone has
    /// nothing to hand on.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] or [`ErrorKind::Cancelled`] for the output, the error of a cell that was
    /// being encoded, and [`ErrorKind::Misuse`] after an error.
    pub fn flush(&mut self) -> Result<()> {
        self.check_unbroken()?;
        let flushed = self.call(|inner| inner.flush()).and_then(|()| self.output.flush_sink());
        self.judge(flushed)
    }

    /// Writes what remains and the trailer, which says how the result ended, and flushes the sink.
    ///
    /// # Errors
    /// Those of [`write_batch`](Self::write_batch). After an error only [`Completion::Failed`] may
    /// follow; where the output or the plug-in itself is broken, that returns the first error.
    /// [`ErrorKind::Failed`] for [`Completion::Failed`] in a format that has no place for an error:
    /// then nothing more is written, so that the file stays short for all to see.
    /// [`ErrorKind::Internal`] if what the plug-in says of the bytes contradicts the sink.
    pub fn finish(mut self, completion: Completion) -> Result<EncodeSummary> {
        let is_whole = !matches!(completion, Completion::Failed { .. });
        if is_whole {
            self.check_unbroken()?;
        }
        // No trailer mends output with a hole, and an encoder that panicked writes none.
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

    /// Compares what the plug-in says with what the sink took.
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
            altered_cells: losses.altered_cells()
                + losses.altered_names()
                + losses.altered_metadata(),
            losses,
        })
    }

    /// Calls the plug-in.
    fn call<T>(&mut self, action: impl FnOnce(&mut dyn ResultEncoder) -> Result<T>) -> Result<T> {
        let Some(inner) = self.inner.as_deref_mut() else { return Err(ended()) };
        let called = catch_unwind(AssertUnwindSafe(|| action(inner)));
        called.unwrap_or_else(|panic| {
            // Its state may be anything, and its destructor may panic as well.
            self.output.close();
            let inner = self.inner.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(inner)));
            Err(panicked(&*panic))
        })
    }

    /// The outcome of a call, and what the sink has to say to it; an error is the end of the result.
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
        // What a destructor writes is not part of the result.
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
