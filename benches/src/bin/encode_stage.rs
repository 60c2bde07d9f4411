//! Measures an encoder alone: all batches are in memory before it starts, and its output is discarded.
//!
//! ```text
//! bench-encode-stage FORMAT SOURCE [THREADS [SECONDS]]
//! bench-encode-stage --results-of ROWS,ROWS,... FORMAT SOURCE
//! bench-encode-stage --small FORMAT SOURCE...
//! ```
//!
//! The rows are encoded once, or repeatedly until SECONDS of CPU time have passed. A process that repeats
//! has its memory already, like a process that serves many results; and a single run of a millisecond would
//! be too short to measure.
//!
//! It prints one line of JSON: the number of rows, the bytes of Arrow and of output, and the mean CPU and
//! wall-clock seconds of a run. It also prints lower bounds in CPU seconds: for copying the input once, for
//! encoding the bytes of the output as base64, and for compressing the input with snappy.
//!
//! With `--results-of`, the rows are divided into results of ROWS rows (in whole batches), which are
//! encoded one after the other. It prints a JSON list with the CPU seconds for all rows by size of the
//! result: medians of rounds in which every size is measured.
//!
//! With `--small`, every source is one result. The results are encoded again and again, as by a service, and a JSON
//! object has the CPU microseconds of a result: `first`, of the first in the process; `new_spec`, if each result has
//! its own spec; `kept_spec`, if one spec starts all of them; and `rows`, if their rows are one long result. The last
//! three are medians of rounds in which each is measured.

use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow_array::{Array, RecordBatch};
use arrow_buffer::NullBuffer;
use base64::Engine;
use futures::executor::block_on;
use taploom_benches::arrow_bytes;
use taploom_benches::process::cpu_time;
use taploom_format::{
    Completion, EncodeContext, EncodeSummary, EncoderRegistry, EncoderSpec, Error, Resources,
    ResultSchema,
};
use taploom_pipeline::Step;
use taploom_sources::{Request, open};

/// Size of a chunk in bytes. A chunk stays in the second-level cache while it is copied or encoded.
const CHUNK: usize = 384 << 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--results-of", sizes, format, source] => sizes
            .split(',')
            .map(|rows| number(Some(&rows), 0))
            .collect::<Result<Vec<usize>, _>>()
            .and_then(|sizes| measure_results(&sizes, format, source)),
        ["--small", format, ref sources @ ..] if !sources.is_empty() => {
            measure_small(format, sources)
        }
        [format, source, ref rest @ ..] if rest.len() <= 2 => number(rest.first(), 1)
            .and_then(|threads| measure(format, source, threads, number(rest.get(1), 0.0)?)),
        _ => Err("usage: bench-encode-stage FORMAT SOURCE [THREADS [SECONDS]], or \
                  --results-of ROWS,ROWS,... FORMAT SOURCE, or --small FORMAT SOURCE..."
            .to_owned()),
    };
    match measured {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-encode-stage: {why}");
            ExitCode::FAILURE
        }
    }
}

fn number<N: FromStr>(text: Option<&&str>, otherwise: N) -> Result<N, String> {
    text.map_or(Ok(otherwise), |text| text.parse().map_err(|_| format!("{text} is not a number")))
}

/// A table in memory, and the encoder for its results.
struct Stage {
    spec: EncoderSpec,
    schema: ResultSchema,
    batches: Vec<RecordBatch>,
}

/// All rows of a source.
fn rows_of(source: &str) -> Result<(ResultSchema, Vec<RecordBatch>), Error> {
    let mut source = block_on(open(&Request::new(source)))?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = block_on(source.next())? {
        batches.push(batch);
    }
    Ok((source.schema().clone(), batches))
}

impl Stage {
    fn load(format: &str, source: &str, threads: usize) -> Result<Self, Error> {
        let (schema, batches) = rows_of(source)?;
        let spec = taploom::registry()?.request(format)?;
        let spec =
            spec.with_context(EncodeContext::from(Resources::default().with_threads(threads)));
        let stage = Self { spec, schema, batches };
        // A first batch is encoded before the measurement, so that one-time costs of the program don't
        // distort the figures of small tables.
        let first = &stage.batches[..stage.batches.len().min(1)];
        stage.encode(first, &Counted::default())?;
        Ok(stage)
    }

    fn encode(&self, batches: &[RecordBatch], counted: &Counted) -> Result<EncodeSummary, Error> {
        encode(&self.spec, &self.schema, batches, counted)
    }

    /// CPU seconds for all rows, encoded as results of this number of batches.
    fn encode_in_results(&self, batches: usize) -> Result<f64, Error> {
        let start = cpu_time();
        for result in self.batches.chunks(batches) {
            self.encode(result, &Counted::default())?;
        }
        Ok((cpu_time() - start).as_secs_f64())
    }
}

fn encode<'a>(
    spec: &EncoderSpec,
    schema: &ResultSchema,
    batches: impl IntoIterator<Item = &'a RecordBatch>,
    counted: &Counted,
) -> Result<EncodeSummary, Error> {
    let mut encoder = spec.start(schema, Box::new(counted.clone()))?;
    for batch in batches {
        encoder.write_batch(batch)?;
    }
    encoder.finish(Completion::Complete)
}

/// Small results, and the program's formats.
struct Small<'a> {
    registry: EncoderRegistry,
    format: &'a str,
    /// The schemas are equal and are made for each result, as a service makes them for each query.
    results: Vec<(ResultSchema, Vec<RecordBatch>)>,
}

impl Small<'_> {
    /// How often all results are encoded in a round.
    const TURNS: usize = 5;

    fn spec(&self) -> Result<EncoderSpec, Error> {
        self.registry.request(self.format)
    }

    /// CPU microseconds of a result if each has its own spec.
    fn new_spec(&self) -> Result<f64, Error> {
        self.each(|(schema, batches)| encode(&self.spec()?, schema, batches, &Counted::default()))
    }

    /// CPU microseconds of a result if this spec starts all of them.
    fn kept_spec(&self, spec: &EncoderSpec) -> Result<f64, Error> {
        self.each(|(schema, batches)| encode(spec, schema, batches, &Counted::default()))
    }

    /// CPU microseconds of the rows of a result within a long one.
    fn rows(&self, spec: &EncoderSpec) -> Result<f64, Error> {
        let (schema, _) = &self.results[0];
        let batches = std::iter::repeat_n(&self.results, Self::TURNS).flatten();
        let batches = batches.flat_map(|(_, batches)| batches);
        let start = cpu_time();
        encode(spec, schema, batches, &Counted::default())?;
        Ok(self.microseconds(start))
    }

    fn each(
        &self,
        encode: impl Fn(&(ResultSchema, Vec<RecordBatch>)) -> Result<EncodeSummary, Error>,
    ) -> Result<f64, Error> {
        let start = cpu_time();
        for _ in 0..Self::TURNS {
            for result in &self.results {
                encode(result)?;
            }
        }
        Ok(self.microseconds(start))
    }

    fn microseconds(&self, start: Duration) -> f64 {
        let results = Self::TURNS * self.results.len();
        (cpu_time() - start).as_secs_f64() * 1e6 / results as f64
    }
}

fn measure_small(format: &str, sources: &[&str]) -> Result<String, String> {
    small_figures(format, sources).map_err(|error| said(&error))
}

fn small_figures(format: &str, sources: &[&str]) -> Result<String, Error> {
    const ROUNDS: usize = 9;
    let results = sources.iter().map(|source| rows_of(source)).collect::<Result<Vec<_>, _>>()?;
    let small = Small { registry: taploom::registry()?, format, results };
    let spec = small.spec()?;
    let start = cpu_time();
    let (schema, batches) = &small.results[0];
    encode(&spec, schema, batches, &Counted::default())?;
    let first = (cpu_time() - start).as_secs_f64() * 1e6;
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        figures[0].push(small.new_spec()?);
        figures[1].push(small.kept_spec(&spec)?);
        figures[2].push(small.rows(&spec)?);
    }
    let [new_spec, kept_spec, rows] = figures.map(median);
    let line = serde_json::json!({
        "first": first, "new_spec": new_spec, "kept_spec": kept_spec, "rows": rows
    });
    Ok(line.to_string())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn said(error: &Error) -> String {
    format!("{error:#}")
}

fn measure_results(sizes: &[usize], format: &str, source: &str) -> Result<String, String> {
    const ROUNDS: usize = 5;
    let stage = Stage::load(format, source, 1).map_err(|error| said(&error))?;
    let batch_rows = stage.batches.first().map_or(1, RecordBatch::num_rows);
    let mut seconds = vec![Vec::new(); sizes.len()];
    for _ in 0..ROUNDS {
        for (rows, seconds) in sizes.iter().zip(&mut seconds) {
            let batches = rows.div_ceil(batch_rows).max(1);
            seconds.push(stage.encode_in_results(batches).map_err(|error| said(&error))?);
        }
    }
    let medians = seconds.into_iter().map(median);
    Ok(serde_json::json!(medians.collect::<Vec<_>>()).to_string())
}

fn measure(format: &str, source: &str, threads: usize, seconds: f64) -> Result<String, String> {
    let stage = Stage::load(format, source, threads).map_err(|error| said(&error))?;
    let batches = &stage.batches;
    let counted = Counted::default();
    let (start, wall) = (cpu_time(), Instant::now());
    let mut runs = 0;
    let (summary, cpu) = loop {
        let summary = stage.encode(batches, &counted).map_err(|error| said(&error))?;
        runs += 1;
        let cpu = cpu_time() - start;
        if cpu.as_secs_f64() >= seconds {
            break (summary, cpu / runs);
        }
    };
    let wall = wall.elapsed() / runs;

    let output = counted.0.load(Ordering::Relaxed) / u64::from(runs);
    let line = serde_json::json!({
        "format": format,
        "threads": threads,
        "rows": summary.rows,
        "bytes_in": arrow_bytes(batches),
        "bytes_out": output,
        "cpu_seconds": cpu.as_secs_f64(),
        "wall_seconds": wall.as_secs_f64(),
        "rows_per_cpu_second": summary.rows as f64 / cpu.as_secs_f64(),
        "memcpy_seconds": copying(batches).as_secs_f64(),
        "base64_seconds": base64_of(output).as_secs_f64(),
        "snappy_seconds": snappy_of(batches)?.as_secs_f64(),
    });
    Ok(line.to_string())
}

/// Copies every buffer of the batches, one chunk after another to the same place.
fn copying(batches: &[RecordBatch]) -> Duration {
    let mut place = vec![0; CHUNK];
    let start = cpu_time();
    for array in batches.iter().flat_map(RecordBatch::columns) {
        let data = array.to_data();
        let nulls = data.nulls().map(NullBuffer::buffer);
        for chunk in data.buffers().iter().chain(nulls).flat_map(|buffer| buffer.chunks(CHUNK)) {
            place[..chunk.len()].copy_from_slice(chunk);
            std::hint::black_box(&mut place);
        }
    }
    cpu_time() - start
}

/// Compresses the values of every column in pages of 1 MiB, as a writer does.
fn snappy_of(batches: &[RecordBatch]) -> Result<Duration, String> {
    const PAGE: usize = 1 << 20;
    let mut codec = snap::raw::Encoder::new();
    let (mut page, mut place) = (Vec::new(), Vec::new());
    let mut taken = Duration::ZERO;
    for column in 0..batches.first().map_or(0, RecordBatch::num_columns) {
        for (index, batch) in batches.iter().enumerate() {
            for buffer in batch.column(column).to_data().buffers() {
                page.extend_from_slice(buffer);
            }
            if page.len() < PAGE && index + 1 < batches.len() {
                continue;
            }
            place.resize(snap::raw::max_compress_len(page.len()), 0);
            let start = cpu_time();
            codec.compress(&page, &mut place).map_err(|error| error.to_string())?;
            taken += cpu_time() - start;
            page.clear();
        }
    }
    Ok(taken)
}

fn base64_of(characters: u64) -> Duration {
    let engine = base64::engine::Simd::standard(base64::engine::general_purpose::PAD);
    let bytes: Vec<u8> = (0..CHUNK).map(|byte| (byte * 37 % 251) as u8).collect();
    let mut text = vec![0; CHUNK / 3 * 4];
    let start = cpu_time();
    for _ in 0..characters / text.len() as u64 {
        let written = engine.encode_slice(std::hint::black_box(&bytes), &mut text);
        let _ = std::hint::black_box(written);
    }
    cpu_time() - start
}

/// Counts bytes without keeping them.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
