//! Reading a Parquet file takes no more heap than the memory limit.

use std::fs::File;
use std::sync::Arc;

use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, RecordBatch, StringArray};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use taploom_heap_meter::HeapMeter;
use taploom_model::{Resources, ScratchSpace, Step};
use taploom_sources::{Request, open};
use tempfile::NamedTempFile;

use crate::random::scatter;

/// Memory for the footer and the schema per column and row group, which the limit does not include.
const METADATA: usize = 2 << 10;

fn doubles(column: usize, rows: usize) -> ArrayRef {
    let cells = (0..rows).map(|row| 1.0 / scatter(row * 1000 + column) as f64);
    Arc::new(Float64Array::from_iter_values(cells))
}

fn lists(column: usize, rows: usize) -> ArrayRef {
    let cells = (0..rows).map(|row| {
        let length = scatter(row + column) as usize % 20;
        (length > 0).then(|| (0..length).map(move |at| Some(1.0 / scatter(row * 20 + at) as f64)))
    });
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(cells))
}

/// A column of texts with `bytes` bytes each, of which `distinct` are different.
fn texts(column: usize, rows: usize, bytes: usize, distinct: usize) -> ArrayRef {
    let text = |value: usize| format!("{:0bytes$}", scatter(value + column));
    let values: Vec<String> = (0..distinct).map(text).collect();
    let cells = (0..rows).map(|row| &values[scatter(row) as usize % distinct]);
    Arc::new(StringArray::from_iter_values(cells))
}

#[test]
fn the_heap_stays_within_the_memory_budget() {
    type MakeColumn = fn(usize) -> ArrayRef;
    let snappy = || WriterProperties::builder().set_compression(Compression::SNAPPY);
    let zstd = || {
        let codec = Compression::ZSTD(ZstdLevel::default());
        WriterProperties::builder().set_compression(codec).set_dictionary_enabled(false)
    };
    let small_pages = || zstd().set_data_page_size_limit(128 << 10);
    let groups = || snappy().set_max_row_group_row_count(Some(3000));
    // Title, properties, number of columns, a function that makes a column, and whether a limit of 2 MiB
    // needs scratch.
    let shapes: [(&str, WriterProperties, usize, MakeColumn, bool); 7] = [
        ("doubles, dictionaries", snappy().build(), 60, |at| doubles(at, 20_000), true),
        ("doubles, zstd", zstd().build(), 60, |at| doubles(at, 20_000), true),
        ("lists", small_pages().build(), 12, |at| lists(at, 20_000), true),
        ("words in dictionaries", snappy().build(), 15, |at| texts(at, 20_000, 100, 5000), true),
        // A batch of 2,000 rows would take 80 MB, but the chunk has only 40 KB.
        ("long texts, few differ", snappy().build(), 4, |at| texts(at, 5000, 10_000, 4), false),
        ("small row groups", groups().build(), 10, |at| doubles(at, 20_000), false),
        ("wide, small row groups", groups().build(), 150, |at| doubles(at, 9000), true),
    ];
    for (title, properties, columns, column, needs_scratch) in shapes {
        let file = NamedTempFile::new().unwrap();
        let row_groups = {
            let arrays = (0..columns).map(|at| (format!("c{at}"), column(at)));
            let batch = RecordBatch::try_from_iter(arrays).unwrap();
            let out = File::create(file.path()).unwrap();
            let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap().num_row_groups()
        };
        let location = file.path().display().to_string();
        for memory in [2 << 20, 6 << 20] {
            let scratch = ScratchSpace::default().counted();
            let resources =
                Resources::default().with_memory_budget(memory).with_scratch(scratch.clone());
            let request = Request::new(&location).with_resources(resources);
            let meter = HeapMeter::start().unwrap();
            let mut source = block_on(open(&request)).unwrap();
            while let Step::Rows(batch) = block_on(source.next()).unwrap() {
                drop(batch);
            }
            let limit = memory + columns * row_groups * METADATA;
            let peak = meter.peak();
            assert!(peak <= limit, "{title}: {peak} bytes with {memory}, at most {limit}");
            if memory == 2 << 20 {
                assert_eq!(scratch.peak() > 0, needs_scratch, "{title}");
            }
        }
    }
}
