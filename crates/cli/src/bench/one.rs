//! `taploom bench-one`: measures one format in this process.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arrow_array::RecordBatch;
use taploom::pipeline::{MaxRec, RowSource, Step, Transformed};
use taploom::sources::Request;
use taploom::{Completion, EncodeContext, Error, ErrorKind, Resources, Result};

use super::report::Figures;
use crate::values::at_least_one;

/// Measures one format and prints its figures as JSON.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    source: String,
    #[arg(long)]
    input_format: Option<String>,
    #[arg(short, long)]
    format: String,
    #[arg(long, allow_negative_numbers = true, value_parser = at_least_one)]
    rows: usize,
    #[arg(long, allow_negative_numbers = true, value_parser = at_least_one)]
    threads: usize,
    #[arg(long, allow_negative_numbers = true, value_parser = at_least_one)]
    batch_rows: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let context = EncodeContext::from(Resources::default().with_threads(arguments.threads));
    let spec = taploom::registry()?.request(&arguments.format)?.with_context(context);
    // All rows are read before the clock starts.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Error::new(ErrorKind::Internal, "can't start a runtime for the source").with_source(error)
    })?;
    let request = Request::new(&arguments.source)
        .with_input_format(arguments.input_format.as_deref())
        .with_batch_rows(arguments.batch_rows)
        .with_most_rows(arguments.rows as u64 + 1);
    let (schema, batches) = runtime.block_on(async {
        let source = taploom::sources::open(&request).await?;
        let limit = MaxRec::new(source.schema(), arguments.rows as u64);
        let mut source = Transformed::new(source, limit);
        let mut batches = Vec::new();
        while let Step::Rows(batch) = source.next().await? {
            batches.push(batch);
        }
        Ok::<_, Error>((source.schema().clone(), batches))
    })?;

    let sink = Counter::default();
    // Resets the peak of the resident set; proc_pid_clear_refs(5).
    let is_reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = resident("VmRSS:").filter(|_| is_reset);
    let started = Instant::now();
    let mut encoder = spec.start(&schema, Box::new(sink.clone()))?;
    let header = sink.bytes();
    let (mut first_rows, mut held) = (None, 0);
    for batch in &batches {
        encoder.write_batch(batch)?;
        held = held.max(encoder.buffered_bytes());
        if first_rows.is_none() && sink.bytes() > header {
            first_rows = Some(started.elapsed());
        }
    }
    let summary = encoder.finish(Completion::Complete)?;
    let elapsed = started.elapsed();
    let peak = resident("VmHWM:");

    let figures = Figures {
        rows: summary.rows,
        columns: schema.columns().len() as u64,
        bytes_in: batches.iter().map(bytes_of).sum::<Result<u64>>()?,
        bytes_out: sink.bytes(),
        seconds: elapsed.as_secs_f64(),
        first_rows_seconds: first_rows.unwrap_or(elapsed).as_secs_f64(),
        held: held as u64,
        peak_above_rows: peak.zip(before).map(|(peak, before)| peak.saturating_sub(before)),
        peak_resident: peak,
    };
    let mut line = serde_json::to_vec(&figures).map_err(|error| {
        Error::new(ErrorKind::Internal, "can't write the figures as JSON").with_source(error)
    })?;
    line.push(b'\n');
    io::stdout().write_all(&line).map_err(Error::sink)
}

/// The size of the rows in Arrow, without other rows that share their memory.
fn bytes_of(batch: &RecordBatch) -> Result<u64> {
    let sizes = batch.columns().iter().map(|array| array.to_data().get_slice_memory_size());
    let bytes = sizes.sum::<std::result::Result<usize, _>>().map_err(|error| {
        Error::new(ErrorKind::Internal, "the size of a batch is not known").with_source(error)
    })?;
    Ok(bytes as u64)
}

/// The resident set of this process, now (VmRSS) or at its peak (VmHWM), if the system reports it.
fn resident(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// Counts bytes and discards them.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Counter {
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
