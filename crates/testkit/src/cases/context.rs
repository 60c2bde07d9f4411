//! Results that share a context, and with it plans and buffers, are the same as results with contexts of their own.

use std::io;
use std::thread;

use taploom_format::{Completion, EncodeContext, Resources};
use taploom_heap_meter::HeapMeter;

use super::memory::copied;
use super::{said, split};
use crate::checks::{Check, Checks};
use crate::sinks::{FailingSink, SharedSink};
use crate::subject::Subject;
use crate::tables::{Table, hundred_columns, long, narrow, nasty};

pub(super) fn results_of_one_context_do_not_mix(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let tables = tables(subject)?;
    for threads in [1, 2] {
        let resources = Resources::default().with_threads(threads);
        let context = EncodeContext::from(resources.clone());
        // The results alternate, so that each follows one of the same table and one of another, which ended well or
        // did not.
        for round in 0..4 {
            for table in &tables {
                let batches = split(&table.given, 500);
                let alone = EncodeContext::from(resources.clone());
                let expected = subject.bytes_in(&alone, checks, table, &batches)?;
                let bytes = subject.bytes_in(&context, checks, table, &batches)?;
                checks.that(bytes == expected, || {
                    format!(
                        "{}: a result writes other bytes after others with the same context, in round {round} on \
                         {threads} threads",
                        table.name
                    )
                })?;
                spoil(subject, &context, table, round);
            }
        }
    }
    Ok(())
}

/// Begins a result that does not end well.
fn spoil(subject: &Subject<'_>, context: &EncodeContext, table: &Table, round: usize) {
    let batches = split(&table.given, 500);
    // What these calls return is the subject of other cases.
    match round {
        0 => {
            let failed = Completion::Failed { message: "the rows stopped coming".to_owned() };
            let _ = subject.write_in(context, table, &batches, failed, Box::new(io::sink()));
        }
        1 => {
            let error = io::ErrorKind::StorageFull;
            let sink = FailingSink { inner: io::sink(), left: 1_000, error };
            let _ =
                subject.write_in(context, table, &batches, Completion::Complete, Box::new(sink));
        }
        _ => {
            if let Ok(mut encoder) = subject.start(&table.schema, context, Box::new(io::sink())) {
                let _ = encoder.write_batch(&table.given);
            }
        }
    }
}

pub(super) fn results_of_one_context_at_once_do_not_mix(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    const THREADS: usize = 4;
    const ROUNDS: usize = 5;
    let tables = tables(subject)?;
    let mut expected = Vec::new();
    for table in &tables {
        expected.push(subject.bytes(checks, table, &split(&table.given, 500))?);
    }
    let context = EncodeContext::default();
    let (plugin, options) = (subject.plugin, subject.options().clone());
    let start = |table: &Table, sink: &SharedSink| {
        plugin.start(&options, &table.schema, &context, Box::new(sink.clone())).map_err(said)
    };
    for (table, expected) in tables.iter().zip(&expected) {
        let sinks = [SharedSink::default(), SharedSink::default()];
        let mut encoders = [start(table, &sinks[0])?, start(table, &sinks[1])?];
        for batch in split(&table.given, 500) {
            for encoder in &mut encoders {
                encoder.write_batch(&batch).map_err(said)?;
            }
        }
        for (encoder, sink) in encoders.into_iter().zip(&sinks) {
            encoder.finish(Completion::Complete).map_err(said)?;
            checks.that(sink.bytes() == *expected, || {
                let name = table.name;
                format!("{name}: two results that take turns with one context write other bytes")
            })?;
        }
    }
    let all = |first: usize| -> Check {
        for number in first..first + ROUNDS * tables.len() {
            let at = number % tables.len();
            let sink = SharedSink::default();
            let mut encoder = start(&tables[at], &sink)?;
            for batch in split(&tables[at].given, 500) {
                encoder.write_batch(&batch).map_err(said)?;
            }
            encoder.finish(Completion::Complete).map_err(said)?;
            if sink.bytes() != expected[at] {
                let name = tables[at].name;
                return Err(format!(
                    "{name}: results on several threads with one context write other bytes"
                ));
            }
        }
        Ok(())
    };
    let outcomes: Vec<Check> = thread::scope(|scope| {
        let all = &all;
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || all(first))).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|ended| ended.unwrap_or_else(|_| Err("a result panicked".to_owned()))).collect()
    });
    for outcome in outcomes {
        checks.result(outcome)?;
    }
    Ok(())
}

/// Tables with the same columns and other rows, and with other columns.
fn tables(subject: &Subject<'_>) -> Check<Vec<Table>> {
    let whole = subject.table(long(1_500))?;
    let positions: Vec<usize> = (0..whole.given.num_columns().min(2)).collect();
    let part = whole.project(&positions);
    let mut short = subject.table(long(1_500))?;
    short.name = "the first rows of long";
    short.given = short.given.slice(0, 10);
    short.expected = short.expected.slice(0, 10);
    Ok(vec![whole, short, part, subject.table(nasty())?])
}

/// Heap for the plans of a column, and for those of a table.
const PLAN_OF_A_COLUMN: usize = 16 << 10;
const PLAN: usize = 64 << 10;

pub(super) fn a_context_keeps_little_between_results(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    // Many columns show what a plan keeps of each, many rows whether batches are kept.
    for table in [hundred_columns(50), narrow(40_000)] {
        keeps_little(subject, checks, &subject.table(table)?)?;
    }
    Ok(())
}

fn keeps_little(subject: &Subject<'_>, checks: &mut Checks, table: &Table) -> Check {
    let budget = 4 << 20;
    let context = EncodeContext::from(Resources::default().with_memory_budget(budget));
    let written = |context: &EncodeContext| -> Check {
        let sink = Box::new(io::sink());
        // A copy, so that the heap meter counts the batch if the context keeps it.
        let batches = [copied(&table.given)?];
        subject.write_in(context, table, &batches, Completion::Complete, sink).map_err(said)?;
        Ok(())
    };
    // The first run allocates memory that is kept for all later runs.
    written(&EncodeContext::default())?;
    let Some(meter) = HeapMeter::start() else { return Ok(()) };
    let columns = table.given.num_columns();
    let most = budget / 4 + PLAN_OF_A_COLUMN * columns + PLAN;
    for number in 1..=4 {
        written(&context)?;
        let kept = meter.held();
        checks.that(kept <= most, || {
            format!(
                "{}: after {number} results with one context {kept} bytes of heap are kept; the limit is {most}",
                table.name
            )
        })?;
    }
    drop(context);
    let left = meter.held();
    checks.that(left <= PLAN, || {
        format!("{}: a context that was dropped leaves {left} bytes of heap", table.name)
    })
}
