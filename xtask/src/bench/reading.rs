//! Measures reading Parquet files with many columns in one row group, as other programs write them: the
//! memory, and the CPU time compared with reading without a memory limit.

use std::fmt::Write as _;
use std::fs;

use crate::bench::page::write_section;
use crate::bench::{bench_file, built, in_folder, measure};
use crate::command::{command, run as start};
use crate::{Outcome, setup};

/// The program that writes the file, the number of columns, and the number of rows.
const FILES: [(&str, u64, u64); 5] = [
    ("pyarrow", 1_000, 200_000),
    ("polars", 1_000, 200_000),
    ("duckdb", 1_000, 200_000),
    ("pyarrow", 300, 200_000),
    ("pyarrow", 60, 1_000_000),
];
const FORMATS: [&str; 2] = ["csv", "voparquet"];
/// With this budget, all columns are read side by side.
const UNBOUNDED: [&str; 2] = ["--memory-budget", "16GiB"];
const RUNS: usize = 2;

/// The limit for the memory of the process, and for its CPU seconds as a multiple of the unlimited run's.
const MOST_MIB: f64 = 64.0;
const MOST_CPU: f64 = 1.5;

/// Prints a table, and writes it to `docs/src/benchmarks.md`. Fails if a file exceeds its limits.
pub(crate) fn run() -> Outcome {
    built()?;
    let python = setup::python()?;
    in_folder(|| table(&python))
}

fn table(python: &str) -> Outcome {
    let mut text = format!(
        "All rows of a file are in one row group. Its columns repeat a pattern of six doubles, a float with nulls, two \
         integers and a text. The table has the largest resident set of `taploom encode` with default options, and the \
         smaller CPU time of {RUNS} runs. The last columns are for `{}`, with which all columns are read side by side, \
         and VOParquet also keeps its rows in memory. The limits are {MOST_MIB:.0} MiB, and {MOST_CPU} times the CPU \
         time without a bound.\n\n\
         | written by | columns x rows | MB | to | MiB | CPU s | without a bound: MiB | CPU s | CPU ratio |\n\
         |---|---:|---:|---|---:|---:|---:|---:|---:|\n",
        UNBOUNDED.join(" ")
    );
    let mut over = Vec::new();
    for (writer, columns, rows) in FILES {
        let file = bench_file("wide.parquet");
        let mut write = command(python, &["benches/wide_files.py", writer]);
        write.args([columns.to_string(), rows.to_string(), file.clone()]);
        start(write)?;
        let size = fs::metadata(&file).map_or(0, |metadata| metadata.len()) as f64 / 1e6;
        for format in FORMATS {
            let (peak, cpu) = smallest(&file, format, &[])?;
            let (unbounded_peak, unbounded_cpu) = smallest(&file, format, &UNBOUNDED)?;
            let ratio = cpu / unbounded_cpu;
            let line = format!(
                "| {writer} | {columns} x {rows} | {size:.0} | {format} | {peak:.0} | {cpu:.1} | {unbounded_peak:.0} | \
                 {unbounded_cpu:.1} | {ratio:.2} |"
            );
            println!("{line}");
            if peak > MOST_MIB || ratio > MOST_CPU {
                over.push(line.clone());
            }
            let _ = writeln!(text, "{line}");
        }
    }
    write_section("Reading wide Parquet files", "cargo xtask bench reading", &text)?;
    if over.is_empty() {
        Ok(())
    } else {
        Err(format!("more than the limits:\n{}", over.join("\n")))
    }
}

/// The largest resident set of several runs in MiB, and the smallest CPU time in seconds.
fn smallest(file: &str, format: &str, options: &[&str]) -> Outcome<(f64, f64)> {
    let (mut peak, mut cpu) = (0_u64, f64::INFINITY);
    for _ in 0..RUNS {
        let used = measure(file, format, &bench_file("out"), options)?;
        peak = peak.max(used.peak_kib);
        cpu = cpu.min(used.cpu.as_secs_f64());
    }
    Ok((peak as f64 / 1024.0, cpu))
}
