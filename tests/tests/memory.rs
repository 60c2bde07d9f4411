//! `buffered_bytes` against the heap that an encoder really holds.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use peak_alloc::PeakAlloc;
use taploom::{Completion, ResultSchema};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The one test of this program: another one beside it would allocate as well.
#[test]
fn encoders_say_what_they_hold() {
    let batch = batch();
    let schema = ResultSchema::derived(batch.schema());
    for plugin in taploom::registry().unwrap().plugins() {
        let id = plugin.info().id;
        let spec = taploom::registry().unwrap().request(id).unwrap();
        let before = HEAP.current_usage();
        let mut encoder = spec.start(&schema, Box::new(std::io::sink())).unwrap();
        for round in 1..=25 {
            encoder.write_batch(&batch).unwrap();
            let (said, held) = (encoder.buffered_bytes(), HEAP.current_usage() - before);
            println!("{id}, batch {round}: {said} bytes said, {held} held");
            // Schemas and writers are not rows: 6 KiB a column.
            let fixed = 6144 * batch.num_columns();
            assert!(said <= held + fixed, "{id}: {said} bytes said, {held} held");
            assert!(held <= said + said / 4 + fixed, "{id}: {said} bytes said, {held} held");
        }
        encoder.finish(Completion::Complete).unwrap();
    }
}

/// Numbers, flags and words: 100 columns of 2,000 rows.
fn batch() -> RecordBatch {
    let columns = (0..100).map(|index: usize| {
        let random = |row: usize| (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + index) >> 11;
        let array: ArrayRef = match index % 10 {
            0 => {
                Arc::new((0..2000).map(|row| Some(random(row) % 9 == 0)).collect::<BooleanArray>())
            }
            1 => Arc::new(
                (0..2000).map(|row| Some(format!("w{}", random(row)))).collect::<StringArray>(),
            ),
            _ => Arc::new(
                (0..2000).map(|row| Some(1.0 / random(row) as f64)).collect::<Float64Array>(),
            ),
        };
        (format!("c{index}"), array)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}
