//! Compares the budget with the allocator's count: the heap that the writer takes in addition to
//! the current batch.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "common/random.rs"]
mod random;

use std::sync::Arc;

use arrow_array::*;
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields};
use parquet::file::properties::WriterProperties;
use peak_alloc::PeakAlloc;
use random::scatter;
use taploom_loom::{LoomOptions, LoomWriter, Written};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// The only test of this program, because allocations of another test would be counted too.
#[test]
fn no_table_takes_more_than_the_budget() {
    let rows = |rows| WriterProperties::builder().set_max_row_group_row_count(Some(rows)).build();
    let any = WriterProperties::default;
    for threads in [1, 2] {
        held("numbers", 2 * MIB, threads, any(), (0..200).map(|i| numbers(10, i * 500, 500)));
        held("many columns", MIB, threads, any(), (0..100).map(|i| numbers(400, i * 20, 20)));
        held("one-row batches", MIB, threads, rows(900), (0..2000).map(|i| numbers(20, i, 1)));
        held("columns large by turns", MIB, threads, any(), (0..200).map(by_turns));
        held("cells of 1 MiB", 32 * MIB, threads, any(), (0..8).map(cells));
        held("many pages", 2 * MIB, threads, any(), (0..800).map(pages));
        held("a struct of 100 leaves", 16 * MIB, threads, any(), (0..40).map(leaves));
        held("lists of flags", 2 * MIB, threads, any(), (0..100).map(flags));
    }
    let values: ArrayRef = Arc::new(StringViewArray::from_iter_values(
        (0..300_000).map(|value| format!("a value of which there are many: {value}")),
    ));
    held(
        "a dictionary larger than its batches",
        MIB,
        1,
        any(),
        (0..10).map(|first| {
            let keys = Int32Array::from_iter_values(first * 10..first * 10 + 10);
            let words: ArrayRef = Arc::new(DictionaryArray::new(keys, Arc::clone(&values)));
            batch([("words", words)])
        }),
    );
    let small =
        held("what fits in memory", 32 * MIB, 1, any(), (0..2).map(|i| numbers(10, i, 20_000)));
    assert_eq!(small.scratch_bytes, 0);
}

/// Writes a table, and checks that the writer stays within its budget, and reports its heap
/// correctly between two calls.
fn held(
    what: &str,
    budget: usize,
    threads: usize,
    properties: WriterProperties,
    mut batches: impl Iterator<Item = RecordBatch>,
) -> Written {
    let before = HEAP.current_usage();
    let mut next = batches.next();
    let mut batch_bytes = HEAP.current_usage() - before;
    let options = LoomOptions::new()
        .with_properties(properties)
        .with_memory_budget(budget)
        .with_threads(threads);
    let schema = next.as_ref().unwrap().schema();
    let mut writer = LoomWriter::try_new(std::io::sink(), schema, options).unwrap();
    let mut peak = 0;
    while let Some(batch) = next {
        HEAP.reset_peak_usage();
        writer.write(&batch).unwrap();
        peak = peak.max(HEAP.peak_usage().saturating_sub(before + batch_bytes));
        drop(batch);
        let now = HEAP.current_usage();
        let (said, holds) = (writer.buffered_bytes(), now.saturating_sub(before));
        let some = 64 << 10;
        assert!(holds <= said + said / 4 + some, "{what}: {said} bytes said, {holds} held");
        next = batches.next();
        batch_bytes = HEAP.current_usage() - now;
    }
    HEAP.reset_peak_usage();
    let written = writer.finish().unwrap();
    peak = peak.max(HEAP.peak_usage().saturating_sub(before));
    println!("{what}, {threads} threads: {peak} bytes of {budget}");
    assert!(peak <= budget, "{what}, {threads} threads: {peak} bytes of {budget}");
    written
}

fn batch<N: Into<String>>(columns: impl IntoIterator<Item = (N, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name.into(), array));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn doubles(first: usize, rows: usize) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values((first..first + rows).map(|row| scatter(row) as f64)))
}

fn numbers(columns: usize, first: usize, rows: usize) -> RecordBatch {
    batch((0..columns).map(|column| (format!("c{column}"), doubles(first + column * 7, rows))))
}

fn by_turns(turn: usize) -> RecordBatch {
    batch((0..10).map(|column| {
        let length = if turn == 0 {
            20
        } else if turn / 2 % 10 == column {
            190
        } else {
            0
        };
        let texts = (0..1000).map(|_| "x".repeat(length));
        (format!("c{column}"), Arc::new(StringArray::from_iter_values(texts)) as ArrayRef)
    }))
}

fn bytes(first: usize, rows: usize, length: usize) -> ArrayRef {
    let cells = (first..first + rows).map(|row| {
        let words = (0..length / 8).flat_map(|word| scatter(row * 1000 + word).to_ne_bytes());
        words.collect::<Vec<u8>>()
    });
    Arc::new(BinaryArray::from_iter_values(cells))
}

fn cells(turn: usize) -> RecordBatch {
    batch(["a", "b"].map(|name| (name, bytes(turn * 4, 4, MIB))))
}

fn pages(turn: usize) -> RecordBatch {
    batch([("page", bytes(turn * 8, 8, 8 << 10))])
}

fn leaves(turn: usize) -> RecordBatch {
    let arrays: Vec<ArrayRef> = (0..100).map(|leaf| doubles(turn * 500 + leaf, 500)).collect();
    let fields: Fields =
        (0..100).map(|leaf| Field::new(format!("c{leaf}"), DataType::Float64, false)).collect();
    batch([("struct", Arc::new(StructArray::new(fields, arrays, None)) as ArrayRef)])
}

fn flags(turn: usize) -> RecordBatch {
    let flags = (0..20_000).map(|flag| Some(scatter(turn + flag).is_multiple_of(2)));
    let flags: BooleanArray = flags.collect();
    let item = Arc::new(Field::new_list_field(DataType::Boolean, true));
    let offsets = OffsetBuffer::from_lengths([10_000, 0, 10_000]);
    batch([("flags", Arc::new(ListArray::new(item, offsets, Arc::new(flags), None)) as ArrayRef)])
}
