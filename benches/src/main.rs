//! Measures one writer on one table; `cargo xtask bench loom` runs it for every case.
//!
//! ```text
//! bench-loom TABLE loom|arrow|arrow-page-file [KEY=VALUE]...
//! ```
//!
//! `arrow` is `ArrowWriter` with its pages in memory; `arrow-page-file` is the same with its pages in a temporary file.
//!
//! Keys: `rows`, `row_group_rows`, `codec`, `encodings` (plain, dictionary, compatible, auto), `budget`, `threads`,
//! `out` (a file; else the bytes are counted), `digest` (true: and summed up). Prints one line of JSON. Only the calls
//! of the writer are timed; the heap is counted without the current batch.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use peak_alloc::PeakAlloc;
use taploom_benches::page_file::PageFile;
use taploom_benches::process::{cpu_time, peak_kib};
use taploom_benches::{Outcome, codec, tables};
use taploom_loom::{Encodings, LoomOptions, LoomWriter};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-loom: {why}");
            ExitCode::FAILURE
        }
    }
}

struct Case {
    rows: u64,
    row_group_rows: usize,
    codec: Compression,
    /// `None` is PLAIN.
    encodings: Option<Encodings>,
    budget: usize,
    threads: usize,
    out: Option<String>,
    digest: bool,
}

fn parse(arguments: &[String]) -> Outcome<Case> {
    let mut case = Case {
        rows: 10_000,
        row_group_rows: 100_000,
        codec: Compression::SNAPPY,
        encodings: None,
        budget: 32 << 20,
        threads: 1,
        out: None,
        digest: false,
    };
    for argument in arguments {
        let (key, value) = argument.split_once('=').ok_or("options are KEY=VALUE")?;
        let number = || value.parse::<usize>().map_err(|_| format!("{key} takes a number"));
        match key {
            "rows" => case.rows = number()? as u64,
            "row_group_rows" => case.row_group_rows = number()?,
            "budget" => case.budget = number()?,
            "threads" => case.threads = number()?,
            "digest" => case.digest = value == "true",
            "out" => case.out = Some(value.to_owned()),
            "codec" => case.codec = codec(value)?,
            "encodings" => {
                case.encodings = match value {
                    "dictionary" => Some(Encodings::AsSet),
                    "auto" => Some(Encodings::Auto),
                    "compatible" => Some(Encodings::Compatible),
                    "plain" => None,
                    _ => return Err(format!("encodings can't be {value}")),
                }
            }
            _ => return Err(format!("there is no option {key}")),
        }
    }
    Ok(case)
}

fn run(arguments: &[String]) -> Outcome<String> {
    let [table, writer, options @ ..] = arguments else {
        return Err("usage: bench-loom TABLE loom|arrow|arrow-page-file [KEY=VALUE]...".to_owned());
    };
    let case = parse(options)?;
    let mut batches = tables::table(table, case.rows)?.peekable();
    let first = batches.peek().ok_or("the table has no rows")?.clone();
    let sink = match &case.out {
        Some(path) => {
            Sink::File(File::create(path).map_err(|error| format!("can't make {path}: {error}"))?)
        }
        None => Sink::Sum { bytes: 0, digest: case.digest.then(DefaultHasher::new) },
    };
    let properties = WriterProperties::builder()
        .set_compression(case.codec)
        .set_dictionary_enabled(case.encodings.is_some())
        .set_max_row_group_row_count(Some(case.row_group_rows))
        .build();
    let schema = first.schema();
    let batch_bytes = first.get_array_memory_size();
    drop(first);

    // The first batch is in memory already, so it is subtracted.
    let mut meter = Meter::start(HEAP.current_usage().saturating_sub(batch_bytes));
    let (sink, scratch) = match writer.as_str() {
        "loom" => {
            let options = LoomOptions::new()
                .with_properties(properties)
                .with_encodings(case.encodings.unwrap_or(Encodings::AsSet))
                .with_memory_budget(case.budget)
                .with_threads(case.threads);
            let started = meter.call(batch_bytes, || LoomWriter::try_new(sink, schema, options));
            let mut writer = started.map_err(|error| error.to_string())?;
            for batch in batches {
                meter
                    .call(batch.get_array_memory_size(), || writer.write(&batch))
                    .map_err(chain)?;
            }
            let written = meter.call(0, || writer.finish()).map_err(chain)?;
            (std::mem::replace(writer.inner_mut(), Sink::Gone), written.scratch_bytes)
        }
        "arrow" | "arrow-page-file" => {
            let mut options = ArrowWriterOptions::new().with_properties(properties);
            if writer == "arrow-page-file" {
                let pages = PageFile::new().map_err(|error| error.to_string())?;
                options = options.with_page_store_factory(Arc::new(pages));
            }
            let started = meter
                .call(batch_bytes, || ArrowWriter::try_new_with_options(sink, schema, options));
            let mut writer = started.map_err(|error| error.to_string())?;
            for batch in batches {
                meter
                    .call(batch.get_array_memory_size(), || writer.write(&batch))
                    .map_err(chain)?;
            }
            meter.call(0, || writer.finish()).map_err(chain)?;
            (std::mem::replace(writer.inner_mut(), Sink::Gone), 0)
        }
        _ => return Err(format!("there is no writer {writer}")),
    };
    let (bytes, digest) = match sink {
        Sink::Sum { bytes, digest } => {
            (bytes, digest.map_or_else(String::new, |digest| format!("{:016x}", digest.finish())))
        }
        Sink::File(_) | Sink::Gone => (0, String::new()),
    };
    let line = serde_json::json!({
        "table": table,
        "writer": writer,
        "rows": case.rows,
        "batch_bytes": batch_bytes,
        "cpu_seconds": meter.cpu.as_secs_f64(),
        "wall_seconds": meter.wall.as_secs_f64(),
        "peak_heap": meter.peak,
        "resident": peak_kib()? * 1024,
        "bytes": bytes,
        "digest": digest,
        "scratch": scratch,
    });
    Ok(line.to_string())
}

fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Measures the time and heap of the writer's calls.
struct Meter {
    /// Heap before the writer was made: the heap of the table's source.
    base: usize,
    cpu: Duration,
    wall: Duration,
    peak: usize,
}

impl Meter {
    fn start(base: usize) -> Self {
        Self { base, cpu: Duration::ZERO, wall: Duration::ZERO, peak: 0 }
    }

    /// Measures a call while a batch of this number of bytes is in memory.
    fn call<T>(&mut self, batch: usize, call: impl FnOnce() -> T) -> T {
        HEAP.reset_peak_usage();
        let (cpu, wall) = (cpu_time(), Instant::now());
        let answer = call();
        self.cpu += cpu_time() - cpu;
        self.wall += wall.elapsed();
        let inputs = self.base + batch;
        self.peak = self.peak.max(HEAP.peak_usage().saturating_sub(inputs));
        answer
    }
}

enum Sink {
    /// Counts the bytes, and sums them up so that two files can be compared.
    Sum {
        bytes: u64,
        digest: Option<DefaultHasher>,
    },
    File(File),
    Gone,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Sum { bytes: sum, digest } => {
                *sum += bytes.len() as u64;
                if let Some(digest) = digest {
                    digest.write(bytes);
                }
                Ok(bytes.len())
            }
            Self::File(file) => file.write(bytes),
            Self::Gone => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Sum { .. } | Self::Gone => Ok(()),
        }
    }
}
