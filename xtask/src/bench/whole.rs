//! Measures the whole program: memory by size of the result, time by number of rows, and every source to a
//! file.

use std::fmt::Write as _;

use taploom_test_servers::{MariaDb, Settings};

use crate::Outcome;
use crate::bench::formats;
use crate::bench::narrow_table::{self, COLUMNS as NARROW};
use crate::bench::page::write_section;
use crate::bench::wide_table::COLUMNS as WIDE;
use crate::bench::{STAGE, bench_file, built, built_with_stage, in_folder, json, measure, median};
use crate::command::{command, run as start};
use crate::folders::program;

const RUNS: usize = 3;

fn synth(columns: &str, rows: u64) -> String {
    format!("synth:{columns}?rows={rows}&seed=1")
}

/// The peak memory of the process by number of rows, columns and row groups.
pub(crate) fn memory() -> Outcome {
    built()?;
    let peak = |columns: &str, rows: u64, format: &str, more: &[&str]| -> Outcome<f64> {
        Ok(measure(&synth(columns, rows), format, "/dev/null", more)?.peak_kib as f64 / 1024.0)
    };
    let mut body = "Largest resident set of `taploom encode synth:…`, in MiB.\n\n\
        | format | 991 columns: 2,000 rows | 20,000 | 200,000 | 10 columns: 20,000 rows | 200,000 | 2,000,000 |\n\
        |---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for format in &formats::all()? {
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
    body += "\nVOParquet, 991 columns x 200,000 rows, by rows per row group:\n\n\
        | 2,000 | 10,000 | 50,000 | 200,000 |\n|---:|---:|---:|---:|\n|";
    for rows in [2_000, 10_000, 50_000, 200_000] {
        let option = format!("row_group_rows={rows}");
        let _ = write!(body, " {:.0} |", peak(WIDE, 200_000, "voparquet", &["--option", &option])?);
    }
    write_section("Memory", "cargo xtask bench memory", &body)
}

/// The time per row by number of rows of a result. It measures the encoder alone, because starting a
/// process takes longer than encoding 10,000 rows. Every size encodes the same ten million rows from
/// memory: a smaller set that is encoded repeatedly would stay in the processor's cache, unlike rows that a
/// source has just made.
pub(crate) fn scale() -> Outcome {
    const SIZES: &str = "10000,100000,1000000,10000000";
    const ROWS: u64 = 10_000_000;
    built_with_stage()?;
    let mut body = "CPU nanoseconds of the encode stage per row of ten columns. Ten million rows are encoded in one \
         process as 1,000 results of 10,000 rows, as 100 results, as 10 and as one; figures are medians of 5 rounds. \
         The growth is the largest ratio of a figure to one of shorter results.\n\n\
         | format | 10,000 rows | 100,000 | 1,000,000 | 10,000,000 | growth |\n|---|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let mut missed = Vec::new();
    for format in &formats::all()? {
        let seconds =
            json(&[&program(STAGE), "--results-of", SIZES, format, &synth(NARROW, ROWS)])?;
        let seconds = seconds.as_array().ok_or("bench-encode-stage prints no list")?;
        let each: Vec<f64> = seconds
            .iter()
            .map(|seconds| seconds.as_f64().map(|seconds| seconds / ROWS as f64 * 1e9))
            .collect::<Option<_>>()
            .ok_or("bench-encode-stage prints no numbers")?;
        let growth = growth(&each);
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

/// The largest ratio of a value to one before it.
fn growth(each: &[f64]) -> f64 {
    let later = |index: usize| each[index + 1..].iter().map(move |later| later / each[index]);
    (0..each.len()).flat_map(later).fold(0.0, f64::max)
}

/// The time of a result of ten rows and 991 columns, as a service writes thousands of them in one process.
pub(crate) fn small() -> Outcome {
    const RESULTS: u64 = 8;
    const OF_NEW_SPEC: f64 = 0.2;
    built_with_stage()?;
    let sources: Vec<String> =
        (1..=RESULTS).map(|seed| format!("synth:{WIDE}?rows=10&seed={seed}")).collect();
    let mut body = format!(
        "CPU microseconds of the encode stage per result of ten rows and 991 columns, output discarded. The first \
         result of the process includes what the program makes once. Later ones are started by a new spec each, or all \
         by one. The rows alone are the time of ten rows within a long result of {} batches. Figures after the first \
         are medians of 9 rounds of 40 results with {RESULTS} different contents, whose schemas are equal but not \
         shared. The target is a fifth of the time with a new spec.\n\n\
         | format | first | new spec | kept spec | rows alone | kept / new |\n|---|---:|---:|---:|---:|---:|\n",
        5 * RESULTS
    );
    for format in &formats::all()? {
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        let stage = program(STAGE);
        let figures = json(&[&[stage.as_str(), "--small", format], &sources[..]].concat())?;
        let figure = |name: &str| {
            figures[name].as_f64().ok_or_else(|| format!("{name} is missing for {format}"))
        };
        let (first, new, kept) = (figure("first")?, figure("new_spec")?, figure("kept_spec")?);
        let (rows, ratio) = (figure("rows")?, kept / new);
        let verdict = if ratio > OF_NEW_SPEC { " **missed**" } else { "" };
        let _ = writeln!(
            body,
            "| {format} | {first:.0} | {new:.0} | {kept:.0} | {rows:.0} | {ratio:.2}{verdict} |"
        );
    }
    write_section("Small results", "cargo xtask bench small", &body)
}

/// CPU time from every source to a file, in three formats.
pub(crate) fn end_to_end() -> Outcome {
    built()?;
    let body = in_folder(sources)?;
    write_section("End to end", "cargo xtask bench end-to-end", &body)
}

/// Every format with one thread and with two threads.
pub(crate) fn threads() -> Outcome {
    built_with_stage()?;
    let body = in_folder(one_and_two)?;
    write_section("Two threads", "cargo xtask bench threads", &body)
}

fn sources() -> Outcome<String> {
    const ROWS: u64 = 1_000_000;
    const INTO: [&str; 3] = ["votable/b2", "csv", "voparquet"];
    let mut body = format!(
        "Rows per CPU second, from a source of {ROWS} rows x 10 columns to a file, on one thread. The CPU \
         time of a database server is not counted.\n\n\
         | source | {} |\n|---|---:|---:|---:|\n",
        INTO.join(" | ")
    );
    let synth = synth(NARROW, ROWS);
    let encode = |format: &str, file: &str| {
        start(command(&program("taploom"), &["encode", &synth, "-f", format, "-o", file]))
    };
    let mut from = vec![("synth", vec![synth.clone()])];
    for (name, format, file) in [
        ("Arrow file", "arrow", "rows.arrow"),
        ("Parquet file", "voparquet", "rows.parquet"),
        ("CSV file", "csv", "rows.csv"),
        ("VOTable file, BINARY2", "votable/b2", "rows.vot"),
        ("VOTable file, TABLEDATA", "votable/td", "rows-td.vot"),
    ] {
        let file = bench_file(file);
        encode(format, &file)?;
        from.push((name, vec![file]));
    }
    let server = MariaDb::start_with(&Settings::default())?;
    let rows = server.folder().join("rows.csv").display().to_string();
    encode("text/csv;header=absent", &rows)?;
    let sqlite = bench_file("rows.sqlite");
    narrow_table::in_sqlite(&rows, &sqlite)?;
    narrow_table::in_mariadb(&rows, &server)?;
    let of_query =
        |location: String| vec![location, "-q".to_owned(), narrow_table::QUERY.to_owned()];
    from.push(("SQLite", of_query(format!("sqlite:{sqlite}"))));
    from.push(("MariaDB", of_query(server.url())));
    let out = bench_file("out");
    for (name, source) in from {
        let (location, more) = source.split_first().ok_or("the source is empty")?;
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let _ = write!(body, "| {name} |");
        for format in INTO {
            let run = |_| -> Outcome<f64> {
                Ok(measure(location, format, &out, &more)?.cpu.as_secs_f64())
            };
            let seconds = median((0..RUNS).map(run).collect::<Outcome<_>>()?);
            let _ = write!(body, " {:.0} |", ROWS as f64 / seconds);
        }
        body.push('\n');
    }
    Ok(body)
}

/// The elapsed time of the encoders alone.
fn one_and_two() -> Outcome<String> {
    const AT_LEAST: f64 = 1.7;
    const TURNS: usize = 5;
    let mut body = format!(
        "Wall-clock seconds of the encode stage for 50,000 rows x 991 columns. Each process repeats the run until it \
         has used one second of CPU, and reports the mean; figures are medians of {TURNS} alternating processes with \
         one thread and with two. The target is {AT_LEAST}. Other programs share the two cores.\n\n\
         | format | one thread | two threads | speed-up |\n|---|---:|---:|---:|\n"
    );
    let rows = &bench_file("wide.arrow");
    let synth = synth(WIDE, 50_000);
    start(command(&program("taploom"), &["encode", &synth, "-f", "arrow", "-o", rows]))?;
    for format in &formats::all()? {
        let mut seconds = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            for (threads, seconds) in ["1", "2"].iter().zip(&mut seconds) {
                seconds.push(stage(format, rows, threads, "1", "wall_seconds")?);
            }
        }
        let [one, two] = seconds.map(median);
        let factor = one / two;
        let verdict = if factor < AT_LEAST { " **missed**" } else { "" };
        let _ = writeln!(body, "| {format} | {one:.3} | {two:.3} | {factor:.2}{verdict} |");
    }
    Ok(body)
}

/// Runs the encode stage for a number of seconds, and returns one of its figures.
fn stage(format: &str, rows: &str, threads: &str, seconds: &str, figure: &str) -> Outcome<f64> {
    let figures = json(&[&program(STAGE), format, rows, threads, seconds])?;
    figures[figure].as_f64().ok_or_else(|| format!("{figure} is missing"))
}

/// Every format on the same rows, as a table and a plot.
pub(crate) fn side_by_side() -> Outcome {
    built()?;
    let synth = synth(WIDE, 20_000);
    let arguments = ["bench", &synth, "--rows", "20000", "--plot", PICTURE];
    let output = command(&program("taploom"), &arguments)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run taploom: {error}"))?;
    if !output.status.success() {
        return Err("taploom bench failed".to_owned());
    }
    let table = String::from_utf8_lossy(&output.stdout);
    let body = format!(
        "The output of `taploom bench {synth} --rows 20000`: rows with the 991 columns of a survey's object \
         table, in memory, encoded in each format on one thread.\n\n\
         ![Rows per second and output size of every format](formats.svg)\n\n```text\n{}\n```\n",
        table.trim_end()
    );
    write_section("Formats beside each other", "cargo xtask bench formats", &body)
}

const PICTURE: &str = "docs/src/formats.svg";
