//! Reads all rows of a source into memory, as Arrow.
//!
//! ```text
//! bench-read SOURCE
//! ```
//!
//! It prints one line of JSON with the names of `peers.py`: the CPU seconds since the start of the process, the largest
//! resident set in KiB, and the numbers of rows and columns.

use std::process::ExitCode;

use futures::executor::block_on;
use taploom_benches::process::{cpu_time, peak_kib};
use taploom_format::RowSource;
use taploom_pipeline::Step;
use taploom_sources::{Request, open};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let read = match arguments.as_slice() {
        [source] => read(source),
        _ => Err("usage: bench-read SOURCE".to_owned()),
    };
    match read {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-read: {why}");
            ExitCode::FAILURE
        }
    }
}

fn read(source: &str) -> Result<String, String> {
    let said = |error: taploom_format::Error| format!("{error:#}");
    let mut source = block_on(open(&Request::new(source))).map_err(said)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Step::Rows(batch) = block_on(source.next()).map_err(said)? {
        rows += batch.num_rows();
        batches.push(batch);
    }
    let line = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "read": cpu_time().as_secs_f64(),
        "write": 0.0,
        "peak_kib": peak_kib()?,
        "rows": rows,
        "columns": source.schema().columns().len(),
    });
    drop(batches);
    Ok(line.to_string())
}
