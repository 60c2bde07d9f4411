//! Encoders share no state with each other or with the thread that they run on.

use std::thread;

use taploom_format::{Completion, EncodeContext};

use super::{said, split};
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::long;

pub(super) fn two_encoders_at_once_do_not_mix(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let whole = subject.table(long(3_000))?;
    let part = {
        let positions: Vec<usize> = (0..whole.given.num_columns().min(2)).collect();
        whole.project(&positions)
    };
    let tables = [whole, part];
    let mut expected = Vec::new();
    for table in &tables {
        expected.push(subject.bytes(checks, table, &split(&table.given, 500))?);
    }
    let sinks = [SharedSink::default(), SharedSink::default()];
    let context = EncodeContext::default();
    let mut encoders = Vec::new();
    for (table, sink) in tables.iter().zip(&sinks) {
        encoders
            .push(subject.start(&table.schema, &context, Box::new(sink.clone())).map_err(said)?);
    }
    let batches = tables.each_ref().map(|table| split(&table.given, 500));
    for round in 0..batches[0].len() {
        for (encoder, batches) in encoders.iter_mut().zip(&batches) {
            encoder.write_batch(&batches[round]).map_err(said)?;
        }
    }
    for encoder in encoders {
        encoder.finish(Completion::Complete).map_err(|error| {
            format!("two encoders that take turns, and one does not end well: {error:#}")
        })?;
    }
    for (sink, expected) in sinks.iter().zip(&expected) {
        checks.that(sink.bytes() == *expected, || {
            "two encoders that take turns write other bytes than one after the other".to_owned()
        })?;
    }
    Ok(())
}

pub(super) fn an_encoder_may_move_to_another_thread(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(3_000))?;
    let batches = split(&table.given, 500);
    let expected = subject.bytes(checks, &table, &batches)?;
    let sink = SharedSink::default();
    let mut encoder = subject
        .start(&table.schema, &EncodeContext::default(), Box::new(sink.clone()))
        .map_err(said)?;
    for batch in &batches {
        let on_another = thread::scope(|scope| {
            let mut moved = encoder;
            let thread = scope.spawn(move || moved.write_batch(batch).map(|()| moved));
            thread.join().map_err(|_| "write_batch panicked on another thread".to_owned())
        })?;
        encoder = on_another.map_err(said)?;
    }
    let finished = thread::scope(|scope| {
        let thread = scope.spawn(move || encoder.finish(Completion::Complete));
        thread.join().map_err(|_| "finish panicked on another thread".to_owned())
    })?;
    finished.map_err(|error| {
        format!("an encoder whose calls come from several threads does not end well: {error:#}")
    })?;
    checks.that(sink.bytes() == expected, || {
        "an encoder whose calls come from several threads writes other bytes".to_owned()
    })
}
