//! Compares the heap that an encoder holds with the heap that it reports.

use std::io;

use arrow_array::{RecordBatch, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;
use taploom_format::{Completion, EncodeContext, Resources};
use taploom_heap_meter::HeapMeter;

use super::said;
use crate::checks::{Check, Checks};
use crate::subject::Subject;
use crate::tables::{Table, hundred_columns, long};

/// Heap that is not for rows but for the schema, the writers and so on: per column, and in all.
const FIXED_OF_A_COLUMN: usize = 6 << 10;
const FIXED: usize = 16 << 10;

const BUDGET: usize = 4 << 20;

pub(super) fn buffered_bytes_stay_within_the_budget(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(10_000))?;
    // Eight batches take nearly twice as much.
    let budget = BUDGET / 2;
    let context = EncodeContext::from(Resources::default().with_memory_budget(budget));
    let mut encoder = subject.start(&table.schema, &context, Box::new(io::sink())).map_err(said)?;
    for round in 1..=8 {
        encoder.write_batch(&table.given).map_err(said)?;
        let held = encoder.buffered_bytes();
        checks.that(held <= budget, || {
            format!("after {round} batches buffered_bytes is {held}; the budget is {budget}")
        })?;
    }
    encoder.finish(Completion::Complete).map(drop).map_err(said)
}

pub(super) fn buffered_bytes_are_what_the_heap_holds(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    compared(subject, checks, long, 2_000, BUDGET, 30)?;
    compared(subject, checks, hundred_columns, 2_000, 2 * BUDGET, 7)
}

fn compared(
    subject: &Subject<'_>,
    checks: &mut Checks,
    make: fn(usize) -> Table,
    rows: usize,
    budget: usize,
    rounds: usize,
) -> Check {
    let table = subject.table(make(rows))?;
    let context = EncodeContext::from(Resources::default().with_memory_budget(budget));
    let Some(meter) = HeapMeter::start() else { return Ok(()) };
    let fixed = FIXED_OF_A_COLUMN * table.given.num_columns() + FIXED;
    let mut encoder = subject.start(&table.schema, &context, Box::new(io::sink())).map_err(said)?;
    for round in 1..=rounds {
        // A copy, so that the heap meter counts the batch if the encoder keeps it.
        let batch = copied(&table.given)?;
        encoder.write_batch(&batch).map_err(said)?;
        drop(batch);
        let (said, held) = (encoder.buffered_bytes(), meter.held());
        checks.that(held <= said + said / 4 + fixed, || {
            format!(
                "after {round} batches the encoder holds {held} bytes of heap, and buffered_bytes says \
                 {said}"
            )
        })?;
        checks.that(said <= held + fixed, || {
            format!(
                "after {round} batches buffered_bytes says {said}, and the encoder holds {held} bytes of \
                 heap"
            )
        })?;
        checks.that(held <= budget + fixed, || {
            format!(
                "after {round} batches the encoder holds {held} bytes of heap; the budget is {budget}"
            )
        })?;
    }
    encoder.finish(Completion::Complete).map(drop).map_err(said)
}

pub(super) fn no_heap_is_left_behind(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(long(2_000))?;
    let failed = Completion::Failed { message: "the rows stopped coming".to_owned() };
    let run = |completion: Option<&Completion>| -> Check {
        let mut encoder = subject
            .start(&table.schema, &EncodeContext::default(), Box::new(io::sink()))
            .map_err(said)?;
        for _ in 0..2 {
            encoder.write_batch(&table.given).map_err(said)?;
        }
        match completion {
            Some(Completion::Failed { .. }) => drop(encoder.finish(failed.clone())),
            Some(completion) => drop(encoder.finish(completion.clone()).map_err(said)?),
            None => drop(encoder),
        }
        Ok(())
    };
    for (how, completion) in [
        ("a result that is complete", Some(&Completion::Complete)),
        ("a result that failed", Some(&failed)),
        ("a result that was dropped", None),
    ] {
        // The first run allocates memory that is kept for all later runs.
        run(completion)?;
        let Some(meter) = HeapMeter::start() else { return Ok(()) };
        run(completion)?;
        let left = meter.held();
        checks.that(left <= FIXED, || format!("{how} leaves {left} bytes of heap"))?;
    }
    Ok(())
}

/// A copy of the batch that shares no memory with it.
pub(super) fn copied(batch: &RecordBatch) -> Check<RecordBatch> {
    let columns = batch.columns().iter();
    let columns = columns.map(|column| Ok(make_array(copied_data(&column.to_data())?)));
    RecordBatch::try_new(batch.schema(), columns.collect::<Check<_>>()?).map_err(said)
}

/// A copy of the array in separate buffers.
fn copied_data(data: &ArrayData) -> Check<ArrayData> {
    let copy = |buffer: &Buffer| Buffer::from_slice_ref(buffer.as_slice());
    let nulls = data.nulls().map(|nulls| {
        let bits = BooleanBuffer::new(copy(nulls.buffer()), nulls.offset(), nulls.len());
        NullBuffer::new(bits)
    });
    let children = data.child_data().iter().map(copied_data).collect::<Check<_>>()?;
    let copied = data.clone().into_builder().nulls(nulls).child_data(children);
    copied.buffers(data.buffers().iter().map(copy).collect()).build().map_err(said)
}
