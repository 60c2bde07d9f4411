//! The three completions, and results that are dropped without one.

use std::slice::from_ref;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use taploom_format::{
    Completion, EncodeContext, EncodeSummary, ErrorKind, FailureReport, OverflowReport, Result,
};

use super::{control, said, split};
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::{Table, long, scalars};

/// A message with characters that a document may have to escape.
const MESSAGE: &str = "the database <died> & left \"5\" rows ]]> behind";

pub(super) fn dropped_without_finish_nothing_reads_as_whole(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(8_000))?;
    let batches = split(&table.given, 2_000);
    for written in [0, 1, batches.len()] {
        let sink = SharedSink::default();
        let context = EncodeContext::default();
        let mut encoder =
            subject.start(&table.schema, &context, Box::new(sink.clone())).map_err(said)?;
        for batch in &batches[..written] {
            encoder.write_batch(batch).map_err(said)?;
        }
        drop(encoder);
        let is_whole = subject.takes_for_whole(&sink.bytes(), &table);
        checks.that(!is_whole, || {
            format!("dropped without finish after {written} batches, it reads as a whole file")
        })?;
    }
    Ok(())
}

pub(super) fn nothing_is_written_by_drop(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(long(3_000))?;
    let batches = split(&table.given, 500);
    for written in 0..=batches.len() {
        let sink = SharedSink::default();
        let context = EncodeContext::default();
        let mut encoder =
            subject.start(&table.schema, &context, Box::new(sink.clone())).map_err(said)?;
        for batch in &batches[..written] {
            encoder.write_batch(batch).map_err(said)?;
        }
        let before = sink.len();
        drop(encoder);
        checks.equal(
            format!("bytes after the encoder was dropped, {written} batches written"),
            &sink.len(),
            &before,
        )?;
    }
    Ok(())
}

pub(super) fn overflow_is_reported(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(scalars("overflow", 4))?;
    for (completion, in_document) in
        [(Completion::Complete, "OK"), (Completion::Overflow, "OVERFLOW")]
    {
        let sink = SharedSink::default();
        let to = Box::new(sink.clone());
        let summary =
            subject.write(&table, from_ref(&table.given), completion.clone(), to).map_err(said)?;
        checks.equal("rows of the summary", &summary.rows, &4)?;
        let decoded =
            subject.check_read(checks, &sink.bytes(), &table, from_ref(&table.expected))?;
        let status = decoded.status.as_deref();
        let what = format!("QUERY_STATUS in a document that ends with Completion::{completion:?}");
        match subject.plugin.info().overflow {
            OverflowReport::InDocument => checks.equal(what, &status, &Some(in_document))?,
            OverflowReport::None => checks.equal(what, &status, &None)?,
        }
    }
    Ok(())
}

pub(super) fn failure_is_reported(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(10_000))?;
    let sink = SharedSink::default();
    let batches = split(&table.given, 1_000);
    let completion = Completion::Failed { message: MESSAGE.to_owned() };
    let result = subject.write(&table, &batches, completion, Box::new(sink.clone()));
    report_of_failure(subject, checks, &table, from_ref(&table.expected), &sink, result)
}

/// If the source fails in the middle of a batch, or a cell does not fit, an encoder that has failed
/// itself has to report it.
pub(super) fn failure_after_an_error_is_reported(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(10_000))?;
    let batches = split(&table.given, 1_000);
    for rows_before in [0, 3_000] {
        let sink = SharedSink::default();
        let context = EncodeContext::default();
        let mut encoder =
            subject.start(&table.schema, &context, Box::new(sink.clone())).map_err(said)?;
        for batch in &batches[..rows_before / 1_000] {
            encoder.write_batch(batch).map_err(said)?;
        }
        let refused = encoder.write_batch(&of_another_schema(&table)?);
        checks.that(refused.is_err(), || "a batch of another schema was taken".to_owned())?;
        let before = sink.bytes();
        let result = encoder.finish(Completion::Failed { message: MESSAGE.to_owned() });
        let after = sink.bytes();
        checks.that(after.starts_with(&before), || {
            "finish changed bytes that were written before".to_owned()
        })?;
        if subject.plugin.info().failure == FailureReport::CutShort {
            checks.that(after.len() == before.len(), || {
                let more = after.len() - before.len();
                format!("finish(Failed) appended {more} bytes to a file that has to stay short")
            })?;
        }
        let expected = table.expected.slice(0, rows_before);
        report_of_failure(subject, checks, &table, &[expected], &sink, result)
            .map_err(|why| format!("after an error of write_batch: {why}"))?;
    }
    Ok(())
}

fn report_of_failure(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
    table: &Table,
    expected: &[RecordBatch],
    sink: &SharedSink,
    result: Result<EncodeSummary>,
) -> Check {
    match (subject.plugin.info().failure, result) {
        (FailureReport::InDocument, Ok(_)) => {
            let decoded = subject.check_read(checks, &sink.bytes(), table, expected)?;
            checks.equal(
                "QUERY_STATUS of a result that failed",
                &decoded.status.as_deref(),
                &Some("ERROR"),
            )?;
            checks.equal(
                "message in the document of a result that failed",
                &decoded.message.as_deref(),
                &Some(MESSAGE),
            )
        }
        (FailureReport::CutShort, Err(error)) => {
            checks.equal(
                format!("kind of the error of finish(Failed): {error}"),
                &error.kind(),
                &ErrorKind::Failed,
            )?;
            let is_whole = subject.takes_for_whole(&sink.bytes(), table);
            checks.that(!is_whole, || "a result that failed reads as a whole file".to_owned())
        }
        (FailureReport::InDocument, Err(error)) => Err(format!(
            "FormatInfo says that the document reports a failure, and finish(Failed) gave {error}"
        )),
        (FailureReport::CutShort, Ok(_)) => Err(
            "FormatInfo says that a result which fails is cut short, and finish(Failed) gave no \
             error"
                .to_owned(),
        ),
    }
}

pub(super) fn completion_after_an_error_is_refused(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(10))?;
    for completion in [Completion::Complete, Completion::Overflow] {
        let sink = SharedSink::default();
        let context = EncodeContext::default();
        let mut encoder =
            subject.start(&table.schema, &context, Box::new(sink.clone())).map_err(said)?;
        encoder.write_batch(&table.given).map_err(said)?;
        let refused = encoder.write_batch(&of_another_schema(&table)?);
        checks.that(refused.is_err(), || "a batch of another schema was taken".to_owned())?;
        let result = encoder.finish(completion.clone());
        checks.that(result.is_err(), || {
            format!("finish({completion:?}) after an error said that all is well")
        })?;
        let is_whole = subject.takes_for_whole(&sink.bytes(), &table);
        checks.that(!is_whole, || {
            format!("finish({completion:?}) after an error left a file that reads as a whole one")
        })?;
    }
    Ok(())
}

/// Only the first column, with another type.
pub(super) fn of_another_schema(table: &Table) -> Check<RecordBatch> {
    let field = table.given.schema_ref().field(0);
    let other: ArrayRef = match field.data_type() {
        arrow_schema::DataType::Boolean => Arc::new(arrow_array::Int64Array::from(vec![1])),
        _ => new_null_array(&arrow_schema::DataType::Boolean, 1),
    };
    RecordBatch::try_from_iter_with_nullable([(field.name(), other, true)]).map_err(said)
}
