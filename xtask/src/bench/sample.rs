//! Compares `taploom sample` with other programs that keep all rows of the first ids of every group.

use std::fs;

use crate::Outcome;
use crate::bench::page::write_section;
use crate::bench::runs::on_one_core;
use crate::bench::{bench_file, built, in_folder, median, usage};
use crate::command::{command, run as start};
use crate::folders::program;
use crate::setup::peers_python;

/// Number of runs of each program.
const RUNS: usize = 3;
/// Limit for the memory of the process in MiB.
const MOST_MEMORY: f64 = 64.0;
const SCRIPT: &str = "benches/sample.py";
const PEERS: [(&str, &str); 3] = [
    ("pyarrow", "pyarrow, a loop over batches of 1,024 rows"),
    ("duckdb", "DuckDB"),
    ("polars", "polars"),
];

/// A file, and the number of ids to keep per group, as `benches/sample.py` defines them.
struct Case {
    kind: &'static str,
    title: &'static str,
    rows: u64,
    number: &'static str,
}

/// Prints a table, and writes it to `docs/src/benchmarks.md`. It measures `sorted` sorted rows (10^8 by
/// default), and a tenth of that number of shuffled rows.
pub(crate) fn run(sorted: u64) -> Outcome {
    built()?;
    let python = peers_python()?;
    let cases = [
        Case { kind: "sorted", title: "sorted", rows: sorted, number: "10" },
        Case { kind: "shuffled", title: "shuffled", rows: sorted / 10, number: "10" },
        Case {
            kind: "pages",
            title: "sorted, fine pages with an index",
            rows: sorted / 10,
            number: "2",
        },
    ];
    let mut missed = Vec::new();
    let mut body = "The files have 1,000 groups of 1,000 ids (10 in the last table), a row number and a double. polars wrote them (pyarrow the last one, without \
        dictionaries). All rows of the first 10 ids (2 in the last table) of every group are kept, in the order of the file, and written as Parquet. Every row of \
        every result is checked; only the order of DuckDB's and polars' rows is not. All programs run on one core; figures are medians of 3 runs of whole processes, \
        and the largest resident set.\n"
        .to_owned();
    in_folder(|| {
        for case in &cases {
            body += &of_case(case, &python, &mut missed)?;
        }
        Ok(())
    })?;
    write_section("Samples", "cargo xtask bench sample", &body)?;
    match missed.is_empty() {
        true => Ok(()),
        false => Err(missed.join("\n")),
    }
}

fn of_case(case: &Case, python: &str, missed: &mut Vec<String>) -> Outcome<String> {
    let Case { kind, title, rows, number } = case;
    let (file, out) = (bench_file("input.parquet"), bench_file("sample.parquet"));
    let count = rows.to_string();
    start(command(python, &[SCRIPT, "make", kind, &count, &file]))?;
    let program = program("taploom");
    let ours =
        [&program, "sample", &file, "-g", "group", "-i", "id", "-n", number, "-o", &out, "--quiet"];
    let mut lines = format!(
        "\n### {rows} rows, {title}\n\n| | CPU seconds | peak MiB | times `taploom` |\n|---|---:|---:|---:|\n"
    );
    let (taken, peak) = medians(&ours, &out)?;
    start(command(python, &[SCRIPT, "check", &out, &count, kind]))?;
    lines += &format!("| `taploom sample` | {taken:.2} | {peak:.0} | 1 |\n");
    if peak > MOST_MEMORY {
        missed.push(format!("{title}: {peak:.0} MiB, at most {MOST_MEMORY:.0}"));
    }
    for (peer, name) in PEERS {
        let arguments = [python, SCRIPT, peer, &file, &out, kind];
        let (theirs, peak) = medians(&arguments, &out)?;
        start(command(python, &[SCRIPT, "check", &out, &count, kind, "in-any-order"]))?;
        lines += &format!("| {name} | {theirs:.2} | {peak:.0} | {:.1} |\n", theirs / taken);
    }
    Ok(lines)
}

/// The median of a program's CPU seconds, and its largest peak memory in MiB.
fn medians(arguments: &[&str], out: &str) -> Outcome<(f64, f64)> {
    let (mut taken, mut peak) = (Vec::new(), 0.0_f64);
    for _ in 0..RUNS {
        // The file of the previous run is removed before, because freeing its blocks takes time.
        let _ = fs::remove_file(out);
        let usage = usage(&on_one_core(arguments))?;
        taken.push(usage.cpu.as_secs_f64());
        peak = peak.max(usage.peak_kib as f64 / 1024.0);
    }
    Ok((median(taken), peak))
}
