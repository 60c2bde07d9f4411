//! The whole program: memory against the size of the result, time against the rows, source to file.

use std::fmt::Write as _;
use std::fs;

use crate::bench::{measure, median};
use crate::bench_page::write_section;
use crate::run::{cargo, command, run as start};
use crate::{Outcome, root};

const WIDE: &str = "tests/data/dp02_object_columns.json";
const NARROW: &str = "benches/data/source_columns.json";
const FORMATS: [&str; 11] = [
    "votable/b2",
    "votable/b",
    "votable/td",
    "csv",
    "tsv",
    "ecsv",
    "json",
    "jsonl",
    "voparquet",
    "arrow",
    "fits",
];
const RUNS: usize = 3;

fn built() -> Outcome {
    start(cargo(&["build", "--release"]))
}

fn synth(columns: &str, rows: u64) -> String {
    format!("synth:{columns}?rows={rows}&seed=1")
}

/// Peak of the process against rows, columns and row groups.
pub(crate) fn memory() -> Outcome {
    built()?;
    let peak = |columns: &str, rows: u64, format: &str, more: &[&str]| -> Outcome<f64> {
        Ok(measure(&synth(columns, rows), format, "/dev/null", more)?.peak_kib as f64 / 1024.0)
    };
    let mut body = "The largest resident set of `taploom encode synth:…`, in MiB.\n\n\
        | format | 991 columns: 2,000 rows | 20,000 | 200,000 | 10 columns: 20,000 rows | 200,000 | 2,000,000 |\n\
        |---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for format in FORMATS {
        let _ = write!(body, "| {format} |");
        for (columns, sizes) in
            [(WIDE, [2_000, 20_000, 200_000]), (NARROW, [20_000, 200_000, 2_000_000])]
        {
            for rows in sizes {
                let _ = write!(body, " {:.0} |", peak(columns, rows, format, &[])?);
            }
        }
        body.push('\n');
    }
    body += "\nVOParquet, 991 columns x 200,000 rows, by the rows of a row group:\n\n\
        | 2,000 | 10,000 | 50,000 | 200,000 |\n|---:|---:|---:|---:|\n|";
    for rows in [2_000, 10_000, 50_000, 200_000] {
        let option = format!("row_group_rows={rows}");
        let _ = write!(body, " {:.0} |", peak(WIDE, 200_000, "voparquet", &["--option", &option])?);
    }
    write_section("Memory", "cargo xtask bench memory", &body)
}

/// Time of a row against the number of rows.
pub(crate) fn scale() -> Outcome {
    const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
    built()?;
    let mut body = format!(
        "CPU nanoseconds a row of ten columns, of the whole program, the making of the rows included, \
         less those of a run without rows; medians of {RUNS}. The last column is the largest of them over the \
         one for 100,000 rows; that for 10,000 is a few milliseconds, of which one is the clock's.\n\n\
         | format | 10,000 rows | 100,000 | 1,000,000 | 10,000,000 | at most |\n|---|---:|---:|---:|---:|---:|\n"
    );
    let mut missed = Vec::new();
    for format in FORMATS {
        let seconds = |rows: u64| -> Outcome<f64> {
            // Of many rows one run says as much as several of few.
            let runs = if rows > 1_000_000 { 1 } else { RUNS };
            let of_run = |_| -> Outcome<f64> {
                Ok(measure(&synth(NARROW, rows), format, "/dev/null", &[])?.cpu.as_secs_f64())
            };
            Ok(median((0..runs).map(of_run).collect::<Outcome<_>>()?))
        };
        let start = seconds(0)?;
        let mut each = Vec::new();
        for rows in SIZES {
            each.push((seconds(rows)? - start) / rows as f64 * 1e9);
        }
        let growth = each[2].max(each[3]) / each[1];
        let cells: Vec<String> = each.iter().map(|each| format!("{each:.0}")).collect();
        let _ = writeln!(body, "| {format} | {} | {growth:.2} |", cells.join(" | "));
        if growth > 1.1 {
            missed.push(format!("{format} {growth:.2}"));
        }
    }
    body += &match missed.as_slice() {
        [] => "\nWithin 10 % for every format.\n".to_owned(),
        missed => format!("\n**Missed** (at most 1.10): {}.\n", missed.join(", ")),
    };
    write_section("Time against rows", "cargo xtask bench scale", &body)
}

/// Every source into some formats, and every format with one thread and two.
pub(crate) fn end_to_end() -> Outcome {
    built()?;
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let body = sources().and_then(|sources| Ok(sources + &threads()?));
    let _ = fs::remove_dir_all(&folder);
    write_section("End to end", "cargo xtask bench end-to-end", &body?)
}

fn sources() -> Outcome<String> {
    const ROWS: u64 = 1_000_000;
    const INTO: [&str; 3] = ["votable/b2", "csv", "voparquet"];
    let mut body = format!(
        "Rows per CPU second from a source of {ROWS} rows x 10 columns to a file, one thread.\n\n\
         | source | {} |\n|---|---:|---:|---:|\n",
        INTO.join(" | ")
    );
    let synth = synth(NARROW, ROWS);
    let mut from = vec![("synth".to_owned(), synth.clone())];
    for (format, extension) in
        [("arrow", "arrow"), ("voparquet", "parquet"), ("csv", "csv"), ("votable/b2", "vot")]
    {
        let file = format!("target/bench/rows.{extension}");
        start(command("target/release/taploom", &["encode", &synth, "-f", format, "-o", &file]))?;
        from.push((format!("{extension} file"), file));
    }
    for (name, source) in from {
        let _ = write!(body, "| {name} |");
        for format in INTO {
            let run = |_| -> Outcome<f64> {
                Ok(measure(&source, format, "target/bench/out", &[])?.cpu.as_secs_f64())
            };
            let seconds = median((0..RUNS).map(run).collect::<Outcome<_>>()?);
            let _ = write!(body, " {:.0} |", ROWS as f64 / seconds);
        }
        body.push('\n');
    }
    Ok(body)
}

/// The encoders alone, by the clock.
fn threads() -> Outcome<String> {
    const AT_LEAST: f64 = 1.7;
    let of_stage = ["-p", "taploom-benches", "--bin", "bench-encode-stage"];
    start(cargo(&[&["build", "--release"], &of_stage[..]].concat()))?;
    let mut body = format!(
        "\nTwo threads: the encode stage of 50,000 rows x 991 columns, seconds by the clock, medians of {RUNS}; \
         {AT_LEAST} is aimed at.\n\n| format | one thread | two | times as fast |\n|---|---:|---:|---:|\n"
    );
    let rows = "target/bench/wide.arrow";
    let synth = synth(WIDE, 50_000);
    start(command("target/release/taploom", &["encode", &synth, "-f", "arrow", "-o", rows]))?;
    for format in FORMATS {
        let mut seconds = [Vec::new(), Vec::new()];
        for _ in 0..RUNS {
            for (threads, seconds) in ["1", "2"].iter().zip(&mut seconds) {
                seconds.push(stage(format, rows, threads)?);
            }
        }
        let [one, two] = seconds.map(median);
        let factor = one / two;
        let verdict = if factor < AT_LEAST { " **missed**" } else { "" };
        let _ = writeln!(body, "| {format} | {one:.2} | {two:.2} | {factor:.2}{verdict} |");
    }
    Ok(body)
}

fn stage(format: &str, rows: &str, threads: &str) -> Outcome<f64> {
    let output = command("target/release/bench-encode-stage", &[format, rows, threads])
        .output()
        .map_err(|error| format!("can't run bench-encode-stage: {error}"))?;
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("bench-encode-stage {format}: {error}"))?;
    figures["wall_seconds"].as_f64().ok_or_else(|| "there are no seconds".to_owned())
}
