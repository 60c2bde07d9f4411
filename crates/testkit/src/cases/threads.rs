//! The number of threads does not change the file.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use taploom_format::{
    ColumnMetadata, Completion, Datatype, EncodeContext, ErrorKind, Resources, ResultSchema,
};

use super::{said, split};
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::{SHAPES, Table, long, nasty};

pub(super) fn the_same_bytes_on_any_number_of_threads(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let failed = Completion::Failed { message: "the rows stopped coming".to_owned() };
    for table in [subject.table(nasty())?, subject.table(long(12_000))?] {
        let batches = split(&table.given, 1777);
        for completion in [&Completion::Complete, &failed] {
            let written = |threads: usize| {
                let sink = SharedSink::default();
                let context = EncodeContext::from(Resources::default().with_threads(threads));
                let to = Box::new(sink.clone());
                let summary = subject.write_in(&context, &table, &batches, completion.clone(), to);
                // The bytes of a file that is cut short may differ.
                summary.map(|summary| (summary, sink.bytes())).map_err(|error| error.kind())
            };
            let one = written(1);
            if *completion == Completion::Complete {
                checks.that(one.is_ok(), || {
                    format!("{}: not written on one thread: {:?}", table.name, one.as_ref().err())
                })?;
            }
            // Until it ends, a failed result is encoded in the same way as a successful one.
            let several: &[usize] =
                if *completion == Completion::Complete { &[2, 3, 4] } else { &[3] };
            for threads in several.iter().copied() {
                checks.that(written(threads) == one, || {
                    format!(
                        "{}: {threads} threads give another result than one thread does, {completion:?}",
                        table.name
                    )
                })?;
            }
        }
    }
    Ok(())
}

pub(super) fn an_error_on_several_threads_is_the_same_error(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    wrong_at_the_end(subject, checks, Datatype::Int, 1 << 40)?;
    // Such an error comes from the format itself, on one of its threads.
    for (datatype, _) in SHAPES {
        if let Some(reserved) = subject.reserved(*datatype) {
            wrong_at_the_end(subject, checks, *datatype, reserved)?;
        }
    }
    Ok(())
}

/// The last of many rows has a value that can't be written.
fn wrong_at_the_end(
    subject: &Subject<'_>,
    checks: &mut Checks,
    datatype: Datatype,
    wrong: i64,
) -> Check {
    const ROWS: i64 = 20_000;
    let numbers = (0..ROWS).map(|row| if row == ROWS - 1 { wrong } else { row % 100 });
    let numbers = Arc::new(Int64Array::from_iter_values(numbers)) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable([("n", numbers, true)]).map_err(said)?;
    let metadata = ColumnMetadata { datatype: Some(datatype), ..Default::default() };
    let schema = ResultSchema::new(batch.schema(), vec![metadata]).map_err(said)?;
    let table =
        Table { name: "a cell that does not fit", schema, expected: batch.clone(), given: batch };
    let batches = split(&table.given, 1777);
    for threads in [1, 2, 4] {
        let context = EncodeContext::from(Resources::default().with_threads(threads));
        let sink = Box::new(std::io::sink());
        let written = subject.write_in(&context, &table, &batches, Completion::Complete, sink);
        let found = written
            .err()
            .map(|error| (error.kind(), error.column().map(str::to_owned), error.row()));
        checks.equal(
            format!("{datatype} {wrong}: kind, column and row of the error on {threads} threads"),
            &found,
            &Some((ErrorKind::InvalidValue, Some("n".to_owned()), Some(ROWS as u64))),
        )?;
    }
    Ok(())
}
