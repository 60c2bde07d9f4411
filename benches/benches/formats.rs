//! Measures every registered format on every table, and the writers of the Arrow project for comparison.
//!
//! Throughput is in bytes of the rows in Arrow, the same for all formats. The output is discarded.

use std::io;
use std::time::Duration;

use arrow_array::RecordBatch;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use taploom_benches::{arrow_bytes, tables::table};
use taploom_format::{Completion, EncoderSpec, Error, ErrorKind, ResultSchema};

/// `tables.rs` describes the tables. They have few rows, so that the rows stay in the cache and a run
/// without optimisation ends in time.
const TABLES: [(&str, u64); 5] =
    [("wide", 200), ("narrow", 4000), ("strings", 4000), ("arrays", 1000), ("nulls", 2000)];

/// Formats with other options, measured in addition to the ids of the registry.
const VARIANTS: [&str; 2] = ["votable/td", "votable/b"];

fn formats(criterion: &mut Criterion) {
    for (name, rows) in TABLES {
        let batches: Vec<RecordBatch> = match table(name, rows) {
            Ok(batches) => batches.collect(),
            Err(why) => fail(&format!("{name}: {why}")),
        };
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(arrow_bytes(&batches) as u64));
        group.sample_size(20).warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
        if let Err(why) = ours(&mut group, &batches) {
            fail(&format!("{name}: {why:#}"));
        }
        arrows_own(&mut group, &batches);
        group.finish();
    }
}

/// Ends the program, so that a format that can't be measured is not taken for measured.
fn fail(why: &str) -> ! {
    eprintln!("formats: {why}");
    std::process::exit(1)
}

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn ours(group: &mut Group<'_>, batches: &[RecordBatch]) -> Result<(), Error> {
    let registry = taploom::registry()?;
    let Some(first) = batches.first() else { return Ok(()) };
    let schema = ResultSchema::derived(first.schema());
    let ids = registry.plugins().iter().map(|plugin| plugin.info().id);
    for format in ids.chain(VARIANTS) {
        let spec = registry.request(format)?;
        match encode(&spec, &schema, batches) {
            Ok(_) => {}
            // A format that can't hold a column is left out, with a message.
            Err(why) if why.kind() == ErrorKind::UnsupportedColumn => {
                eprintln!("{format} is left out: {why:#}");
                continue;
            }
            Err(why) => return Err(why),
        }
        group.bench_function(format, |bencher| bencher.iter(|| encode(&spec, &schema, batches)));
    }
    Ok(())
}

fn encode(
    spec: &EncoderSpec,
    schema: &ResultSchema,
    batches: &[RecordBatch],
) -> Result<u64, Error> {
    let mut encoder = spec.start(schema, Box::new(io::sink()))?;
    for batch in batches {
        encoder.write_batch(batch)?;
    }
    Ok(encoder.finish(Completion::Complete)?.total_bytes)
}

/// The writers of the crates arrow-csv and parquet, for comparison.
fn arrows_own(group: &mut Group<'_>, batches: &[RecordBatch]) {
    let csv = || {
        let mut writer = arrow_csv::Writer::new(io::sink());
        batches.iter().try_for_each(|batch| writer.write(batch))
    };
    match csv() {
        Ok(()) => {
            group.bench_function("arrow-csv", |bencher| bencher.iter(csv));
        }
        Err(why) => eprintln!("arrow-csv is left out: {why}"),
    }
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return };
    let parquet = || {
        let mut writer = ArrowWriter::try_new(io::sink(), schema.clone(), None)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.close().map(drop)
    };
    match parquet() {
        Ok(()) => {
            group.bench_function("ArrowWriter", |bencher| bencher.iter(parquet));
        }
        Err(why) => eprintln!("ArrowWriter is left out: {why}"),
    }
}

criterion_group!(benches, formats);
criterion_main!(benches);
