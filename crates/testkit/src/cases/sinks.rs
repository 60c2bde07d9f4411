//! Sinks that take bytes slowly, late, or not at all.

use std::io;
use std::slice::from_ref;

use taploom_format::{Completion, ErrorKind};

use super::split;
use crate::checks::{Check, Checks};
use crate::sinks::{
    FailingSink, FailsOnce, FlushFails, Interrupted, NeedsFlush, OneByteSink, SharedSink,
};
use crate::subject::Subject;
use crate::tables::{long, scalars};

pub(super) fn a_sink_that_takes_one_byte_at_a_time(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(scalars("one byte at a time", 4))?;
    let whole = subject.bytes(checks, &table, from_ref(&table.given))?;
    let sink = SharedSink::default();
    let slow = Box::new(OneByteSink(sink.clone()));
    let summary = subject
        .write(&table, from_ref(&table.given), Completion::Complete, slow)
        .map_err(|error| format!("to a sink that takes one byte at a time: {error:#}"))?;
    checks.that(sink.bytes() == whole, || {
        let (got, want) = (sink.len(), whole.len());
        format!("a sink that takes one byte at a time got {got} bytes instead of the same {want}")
    })?;
    checks.equal("total_bytes of the summary", &summary.total_bytes, &(whole.len() as u64))
}

pub(super) fn a_sink_that_is_interrupted(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(long(3_000))?;
    let whole = subject.bytes(checks, &table, from_ref(&table.given))?;
    let inner = SharedSink::default();
    let sink = Box::new(Interrupted { inner: inner.clone(), calls: 0 });
    let written = subject.write(&table, from_ref(&table.given), Completion::Complete, sink);
    checks.result(written.map_err(|error| {
        format!("a write that a signal interrupts is to be made again; instead: {error:#}")
    }))?;
    checks.that(inner.bytes() == whole, || {
        "a sink whose writes are interrupted gets other bytes".to_owned()
    })
}

pub(super) fn a_sink_that_needs_a_flush_gets_it(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for table in [scalars("a sink that needs a flush", 4), long(3_000)] {
        let table = subject.table(table)?;
        let whole = subject.bytes(checks, &table, from_ref(&table.given))?;
        let inner = SharedSink::default();
        let sink = Box::new(NeedsFlush { inner: inner.clone(), buffer: Vec::new() });
        let written = subject.write(&table, from_ref(&table.given), Completion::Complete, sink);
        checks.result(written.map_err(|error| format!("the last flush: {error:#}")))?;
        checks.that(inner.bytes() == whole, || {
            let (got, want) = (inner.len(), whole.len());
            format!("finish did not flush the sink: {got} of {want} bytes came out of it")
        })?;
    }
    Ok(())
}

pub(super) fn a_sink_whose_flush_fails_is_an_error(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(scalars("a sink whose flush fails", 4))?;
    subject.bytes(checks, &table, from_ref(&table.given))?;
    let written =
        subject.write(&table, from_ref(&table.given), Completion::Complete, Box::new(FlushFails));
    let kind = written.map_err(|error| error.kind()).map(drop);
    checks.equal("result of a sink whose flush fails", &kind, &Err(ErrorKind::Sink))
}

pub(super) fn a_sink_that_fails_is_an_error_at_every_byte(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for table in [scalars("a failing sink", 4), long(1_200)] {
        let table = subject.table(table)?;
        let batches = split(&table.given, 300);
        let whole = subject.bytes(checks, &table, &batches)?;
        let step = (whole.len() / 23).max(1);
        let positions = (0..8).chain((0..whole.len()).step_by(step)).chain([whole.len() - 1]);
        for left in positions.filter(|left| *left < whole.len()) {
            let error = io::ErrorKind::StorageFull;
            let sink = FailingSink { inner: SharedSink::default(), left, error };
            match subject.write(&table, &batches, Completion::Complete, Box::new(sink)) {
                Err(error) => {
                    checks.equal(
                        format!("kind of the error of a sink that fails at byte {left}"),
                        &error.kind(),
                        &ErrorKind::Sink,
                    )?;
                    checks.equal(
                        "format that the error names",
                        &error.format(),
                        &Some(subject.plugin.info().id),
                    )?;
                }
                Ok(_) => return Err(format!("no error, though the sink failed at byte {left}")),
            }
        }
    }
    Ok(())
}

/// An encoder that ignores the single error writes a file in which bytes are missing, and reports
/// success.
pub(super) fn a_sink_that_fails_once_is_an_error(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(8_000))?;
    let batches = split(&table.given, 2_000);
    let whole = subject.bytes(checks, &table, &batches)?;
    let step = (whole.len() / 7).max(1);
    for after in (0..whole.len()).step_by(step).chain([1, whole.len() - 1]) {
        let sink = FailsOnce::new(after);
        let written = subject.write(&table, &batches, Completion::Complete, Box::new(sink.clone()));
        checks.that(sink.has_failed(), || format!("nothing was written beyond byte {after}"))?;
        match written {
            Ok(_) => {
                return Err(format!(
                    "the sink failed once, at byte {after}, and the encoder said that all is well"
                ));
            }
            Err(error) => checks.equal(
                format!("kind of the error of a sink that failed once, at byte {after}: {error}"),
                &error.kind(),
                &ErrorKind::Sink,
            )?,
        }
        checks.that(sink.inner.len() == after, || {
            let more = sink.inner.len() - after;
            format!("{more} bytes were written after the sink had failed at byte {after}")
        })?;
    }
    Ok(())
}

pub(super) fn a_closed_sink_is_a_cancellation(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(3_000))?;
    let batches = split(&table.given, 500);
    let whole = subject.bytes(checks, &table, &batches)?;
    for left in [0, 1, whole.len() / 2, whole.len() - 1] {
        let error = io::ErrorKind::BrokenPipe;
        let sink = FailingSink { inner: SharedSink::default(), left, error };
        let written = subject.write(&table, &batches, Completion::Complete, Box::new(sink));
        let kind = written.map_err(|error| error.kind()).map(drop);
        checks.equal(
            format!("result of a sink that is closed at byte {left}"),
            &kind,
            &Err(ErrorKind::Cancelled),
        )?;
    }
    Ok(())
}
