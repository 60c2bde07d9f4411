//! `taploom sample` beside other programs that keep all rows of the first ids of every group, and its memory for many
//! groups.

use std::fs;

use crate::Outcome;
use crate::bench::page::write_section;
use crate::bench::runs::on_one_core;
use crate::bench::{bench_file, in_folder, median, usage};
use crate::command::{cargo, command, run as start};
use crate::folders::{SHIPPED, program};
use crate::setup::peers_python;

/// Number of runs of each program.
const RUNS: usize = 3;
/// A program that takes more CPU seconds than this runs once.
const LONG: f64 = 20.0;
/// MiB that the process may take beside the kept pairs.
const MOST_MEMORY: f64 = 64.0;
const SCRIPT: &str = "benches/sample.py";
/// The plain loop of arrow-rs.
const LOOP: &str = "bench-sample";
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
    /// CPU seconds to reach with all rows, on a machine that takes 150 ns for a read from memory.
    goal: Option<f64>,
}

/// Keys of many groups, and the bytes of memory that a group with one id may take.
const GROUPS: [(&str, &str, f64); 2] =
    [("integers", "integers", 64.0), ("uuids", "UUIDs as text", 160.0)];

/// Prints a table, and writes it to `docs/src/benchmarks.md`. The rows are 10^8 sorted ones and 10^7 shuffled ones, or
/// `sorted` of them and a tenth. Fails if a goal is missed.
pub(crate) fn run(sorted: u64) -> Outcome {
    let programs =
        ["-p", "taploom-cli", "-p", "taploom-benches", "--bin", "taploom", "--bin", LOOP];
    start(cargo(&[&["build", "--profile", SHIPPED], &programs[..]].concat()))?;
    let python = peers_python()?;
    let case = |kind, title, part, goal| {
        let number = if kind == "pages" { "2" } else { "10" };
        let goal = Some(goal).filter(|goal: &f64| sorted == ALL && *goal > 0.0);
        Case { kind, title, rows: sorted / part, number, goal }
    };
    let cases = [
        case("sorted-light", "sorted, a small number beside the keys", 1, 0.29),
        case("shuffled-light", "shuffled, a small number beside the keys", 10, 0.20),
        case("sorted-heavy", "sorted, two columns of 8 bytes without repetitions", 1, 0.0),
        case("shuffled-heavy", "shuffled, two columns of 8 bytes without repetitions", 10, 0.0),
        case("pages", "sorted, fine pages with an index, two columns of 8 bytes", 10, 0.0),
    ];
    let mut missed = Vec::new();
    let mut body = "1,000 groups of 1,000 ids (10 in the file with fine pages), written by polars (the file with fine \
        pages by pyarrow, without dictionaries). All rows of the first 10 ids (2) of every group are kept, in the \
        order of the file, and written as Parquet. Every result is checked to the row, but for DuckDB's and polars' \
        order. One core; whole processes, medians of 3 runs (one run of a program that takes more than 20 s), and the \
        largest resident set. Goals hold for a machine that takes 150 ns for a read from memory.\n"
        .to_owned();
    in_folder(|| {
        for case in &cases {
            body += &of_case(case, &python, &mut missed)?;
        }
        body += &of_groups(sorted / 10, &python, &mut missed)?;
        Ok(())
    })?;
    write_section("Samples", "cargo xtask bench sample", &body)?;
    match missed.is_empty() {
        true => Ok(()),
        false => Err(missed.join("\n")),
    }
}

/// Rows of the sorted files, unless others are asked for.
pub(crate) const ALL: u64 = 100_000_000;

fn of_case(case: &Case, python: &str, missed: &mut Vec<String>) -> Outcome<String> {
    let Case { kind, title, rows, number, goal } = case;
    let (file, out) = (bench_file("input.parquet"), bench_file("sample.parquet"));
    let count = rows.to_string();
    start(command(python, &[SCRIPT, "make", kind, &count, &file]))?;
    let mut lines = format!(
        "\n### {rows} rows, {title}\n\n| | CPU seconds | peak MiB | times `taploom` |\n|---|---:|---:|---:|\n"
    );
    let (taken, peak) = medians(&ours(&program("taploom"), &file, number, &out), &out)?;
    start(command(python, &[SCRIPT, "check", &out, &count, kind]))?;
    lines += &format!("| `taploom sample` | {taken:.2} | {peak:.0} | 1 |\n");
    if peak > MOST_MEMORY {
        missed.push(format!("{title}: {peak:.0} MiB, at most {MOST_MEMORY:.0}"));
    }
    if let Some(goal) = goal {
        let verdict = if taken <= *goal { "reached" } else { "**missed**" };
        lines += &format!("| goal, {verdict} | {goal:.2} | {MOST_MEMORY:.0} | |\n");
        if taken > *goal {
            missed.push(format!("{title}: {taken:.2} CPU seconds, at most {goal:.2}"));
        }
    }
    let plain = program(LOOP);
    let in_rust = (
        vec![plain.as_str(), &file, &out, number],
        "arrow-rs, a loop that remembers the last group and id",
    );
    let others = PEERS.map(|(peer, name)| (vec![python, SCRIPT, peer, &file, &out, kind], name));
    for (arguments, name) in std::iter::once(in_rust).chain(others) {
        let (theirs, peak) = medians(&arguments, &out)?;
        start(command(python, &[SCRIPT, "check", &out, &count, kind, "in-any-order"]))?;
        lines += &format!("| {name} | {theirs:.2} | {peak:.0} | {:.1} |\n", theirs / taken);
    }
    Ok(lines)
}

/// Measures the memory for many groups, when one id of each group is kept.
fn of_groups(groups: u64, python: &str, missed: &mut Vec<String>) -> Outcome<String> {
    let (file, out) = (bench_file("input.parquet"), bench_file("sample.parquet"));
    let count = groups.to_string();
    let mut lines = format!(
        "\n### {groups} groups\n\nTwo rows for every group, each with a different id, in random order, written by \
         DuckDB. The first id of every group is kept. The bytes per group are the peak of the resident set beyond \
         {MOST_MEMORY:.0} MiB, divided by the number of groups.\n\n\
         | keys | CPU seconds | peak MiB | bytes for a group | at most |\n|---|---:|---:|---:|---:|\n"
    );
    for (keys, title, most) in GROUPS {
        start(command(python, &[SCRIPT, "make-groups", keys, &count, &file]))?;
        let (taken, peak) = medians(&ours(&program("taploom"), &file, "1", &out), &out)?;
        start(command(python, &[SCRIPT, "check-groups", &out, &count]))?;
        let bytes = (peak - MOST_MEMORY).max(0.0) * 1_048_576.0 / groups as f64;
        let verdict = if bytes <= most { "" } else { " **missed**" };
        lines +=
            &format!("| {title} | {taken:.2} | {peak:.0} | {bytes:.0}{verdict} | {most:.0} |\n");
        if bytes > most {
            missed.push(format!(
                "{groups} groups, {title}: {bytes:.0} bytes for a group, at most {most:.0}"
            ));
        }
    }
    Ok(lines)
}

fn ours<'a>(program: &'a str, file: &'a str, number: &'a str, out: &'a str) -> [&'a str; 12] {
    [program, "sample", file, "-g", "group", "-i", "id", "-n", number, "-o", out, "--quiet"]
}

/// CPU seconds and MiB of a program.
fn medians(arguments: &[&str], out: &str) -> Outcome<(f64, f64)> {
    let (mut taken, mut peak) = (Vec::new(), 0.0_f64);
    while taken.len() < RUNS && taken.iter().all(|seconds| *seconds <= LONG) {
        // Freeing the blocks of the file of the run before takes time.
        let _ = fs::remove_file(out);
        let usage = usage(&on_one_core(arguments))?;
        taken.push(usage.cpu.as_secs_f64());
        peak = peak.max(usage.peak_kib as f64 / 1024.0);
    }
    Ok((median(taken), peak))
}
