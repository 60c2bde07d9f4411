//! Measures the loom: memory, time compared with `ArrowWriter`, and what the footer costs readers.
//!
//! Each row of the table names a quantity, its measured value and its limit. The table is printed and, with
//! a description of the machine, written to `docs/src/loom-measured.md`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::Outcome;
use crate::bench::figures::Figures;
use crate::bench::{measure, median, page_file};
use crate::command::{cargo, command, run as start};
use crate::folders::{SHIPPED, program, target};
use crate::setup::python;

const WIDE: &str = "tests/data/dp02_object_columns.json";
const NARROW: &str = "benches/data/source_columns.json";
pub(super) const PAGE: &str = "loom-measured.md";
pub(super) const MIB: f64 = 1024.0 * 1024.0;
const RUNS: usize = 5;

pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED, "-p", "taploom-cli", "-p", "taploom-benches"]))?;
    let mut figures = Figures::default();
    whole_process(&mut figures)?;
    heap(&mut figures)?;
    time(&mut figures)?;
    in_a_cgroup(&mut figures)?;
    footer(&mut figures)?;
    let measured = figures.write(
        PAGE,
        "The loom, measured",
        "cargo xtask bench loom",
        "`benches/src/tables` generates the tables. Writers that are compared have equal properties.",
    );
    // The page is written completely, even if limits were missed.
    page_file::run().and(measured)
}

/// The peak resident set (`VmHWM`) of `taploom encode`.
fn whole_process(figures: &mut Figures) -> Outcome {
    figures.section(
        "Peak memory of the process (`VmHWM`): `taploom encode synth:… -f voparquet`, MiB",
    );
    let peak = |columns: &str, rows: u64, more: &[&str]| -> Outcome<f64> {
        let source = format!("synth:{columns}?rows={rows}&seed=1");
        Ok(measure(&source, "voparquet", "/dev/null", more)?.peak_kib as f64 / 1024.0)
    };
    let small = peak(WIDE, 200_000, &[])?;
    figures.at_most("991 columns, 200,000 rows", small, 48.0);
    figures.at_most("991 columns, 2,000,000 rows", peak(WIDE, 2_000_000, &[])?, small * 1.05);
    let groups = ["--option", "row_group_rows=2000"];
    let small = peak(WIDE, 20_000, &groups)?;
    figures.at_most("991 columns, 10 row groups of 2,000 rows", small, 48.0);
    let large = peak(WIDE, 2_000_000, &groups)?;
    figures.at_most("991 columns, 1,000 row groups of 2,000 rows", large, small * 1.05);
    let small = peak(NARROW, 1_000_000, &[])?;
    figures.at_most("10 columns, 1,000,000 rows", small, 48.0);
    figures.at_most("10 columns, 10,000,000 rows", peak(NARROW, 10_000_000, &[])?, small * 1.05);
    Ok(())
}

/// The heap of the writer, without the batch that it is given.
fn heap(figures: &mut Figures) -> Outcome {
    figures.section("Peak heap of the writer without the caller's batch, MiB");
    let peak =
        |arguments: &[&str]| -> Outcome<f64> { Ok(number(&bench(arguments)?, "peak_heap") / MIB) };
    let default = "encodings=auto";
    let wide = peak(&["wide", "loom", "rows=200000", default])?;
    figures.at_most("991 columns, 200,000 rows, 32 MiB granted", wide, 12.0);
    let narrow = peak(&["narrow", "loom", "rows=10000000", default])?;
    figures.at_most("10 columns, 10,000,000 rows, 32 MiB granted", narrow, 12.0);
    for (what, table, rows) in [
        ("50 columns of 8 KiB strings and lists", "fat", "rows=8000"),
        ("one column of 1 MiB cells", "huge", "rows=1000"),
        ("5,000 columns", "5000", "rows=60000"),
    ] {
        for threads in ["threads=1", "threads=2"] {
            let held = peak(&[table, "loom", rows, default, threads])?;
            figures.at_most(&format!("{what}, 32 MiB granted, {threads}"), held, 32.0);
        }
    }
    let refused = bench(&["huge", "loom", "rows=10", "budget=8388608"]);
    figures.holds(
        "1 MiB cells, 8 MiB granted: the error names column, row and a budget that is enough",
        refused.is_err_and(|why| why.contains("row 0") && why.contains("cutout")),
    );
    // The two cases of the pull request that gave arrow-rs its page store (apache/arrow-rs#10020).
    let one = ["codec=none", "encodings=dictionary", "row_group_rows=100000000", "budget=2097152"];
    let case = |table: &'static str, writer: &'static str, rows: &'static str| {
        peak(&[&[table, writer, rows], &one[..]].concat())
    };
    let skewed = "one row group, a column of 16 MiB beside eight small ones";
    figures.note(&format!("{skewed}: ArrowWriter"), case("skewed", "arrow", "rows=4096")?);
    figures.at_most(&format!("{skewed}: loom"), case("skewed", "loom", "rows=4096")?, 3.2);
    let repeating = "one row group, a column of 16 different values";
    let arrow = case("repeating", "arrow", "rows=4194304")?;
    figures.note(&format!("{repeating}, 4.2 million rows: ArrowWriter"), arrow);
    let loom = case("repeating", "loom", "rows=4194304")?;
    figures.at_most(&format!("{repeating}, 4.2 million rows: loom"), loom, 2.5);
    let loom = case("repeating", "loom", "rows=41943040")?;
    figures.at_most("the same column, 42 million rows in six row groups: loom", loom, 2.5);
    Ok(())
}

/// CPU time compared with `ArrowWriter` in memory, for the same batches, properties and output bytes.
fn time(figures: &mut Figures) -> Outcome {
    figures.section("Time relative to `ArrowWriter` in memory: medians of 5 alternating runs");
    for (what, table, rows) in [
        ("991 columns, 100,000 rows", "wide", "rows=100000"),
        ("10 columns, 5,000,000 rows", "narrow", "rows=5000000"),
    ] {
        for codec in ["codec=snappy", "codec=zstd"] {
            let base = [table, "arrow", rows, codec];
            let loom = [table, "loom", rows, codec];
            let digests = [
                bench(&[&base[..], &["digest=true"]].concat())?,
                bench(&[&loom[..], &["digest=true"]].concat())?,
            ];
            let [arrow, ours] = digests.map(|line| line["digest"].clone());
            figures.holds(&format!("{what}, {codec}: the same bytes"), arrow == ours);
            let two = [&loom[..], &["threads=2"]].concat();
            let mut seconds = [Vec::new(), Vec::new(), Vec::new()];
            for _ in 0..RUNS {
                seconds[0].push(number(&bench(&base)?, "wall_seconds"));
                seconds[1].push(number(&bench(&loom)?, "wall_seconds"));
                seconds[2].push(number(&bench(&two)?, "wall_seconds"));
            }
            let [arrow, one, two] = seconds.map(median);
            figures.at_most(&format!("{what}, {codec}: one thread"), one / arrow, 1.0);
            figures.at_most(&format!("{what}, {codec}: two threads"), two / arrow, 0.7);
        }
    }
    let seconds = |rows: &str| -> Outcome<f64> {
        let runs = (0..3).map(|_| Ok(number(&bench(&["wide", "loom", rows])?, "cpu_seconds")));
        Ok(median(runs.collect::<Outcome<Vec<f64>>>()?))
    };
    let (small, large) = (seconds("rows=200000")?, seconds("rows=2000000")?);
    figures.at_most(
        "991 columns: time per row of 2,000,000 rows relative to 200,000 rows",
        large / small / 10.0,
        1.1,
    );
    Ok(())
}

/// CPU time in a memory cgroup that counts the page cache and leaves almost none of it.
fn in_a_cgroup(figures: &mut Figures) -> Outcome {
    figures.section(
        "In a memory cgroup of 64 MiB that includes the page cache: 991 columns, 200,000 rows",
    );
    let Some(cgroup) = Cgroup::make(64 << 20) else {
        figures.add("not measured: this needs root, and a writable cgroup".to_owned());
        return Ok(());
    };
    let out = target().join("bench.out");
    let program = program("taploom");
    let source = format!("synth:{WIDE}?rows=200000&seed=1");
    let encode = [&program, "encode", &source, "-f", "voparquet", "-o", &out.display().to_string()];
    let mut seconds = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (enter, seconds) in [String::new(), cgroup.enter()].iter().zip(&mut seconds) {
            let script = format!("{enter}exec \"$@\"");
            let shell = [&["-c", &script, "sh"], &encode[..]].concat();
            let started = std::time::Instant::now();
            start(command("sh", &shell))?;
            seconds.push(started.elapsed().as_secs_f64());
        }
    }
    let _ = fs::remove_file(&out);
    let [free, capped] = seconds.map(median);
    figures.note("without the limit, seconds", free);
    figures.note("with the limit, seconds", capped);
    figures.at_most("with the limit, relative to without", capped / free, 3.0);
    Ok(())
}

struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Makes a cgroup of version 1 or 2, as the machine has it.
    fn make(bytes: u64) -> Option<Self> {
        for (parent, limit) in
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
        {
            let folder = PathBuf::from(parent).join("taploom-bench");
            if fs::create_dir(&folder).is_ok() || folder.is_dir() {
                let cgroup = Self { folder };
                if fs::write(cgroup.folder.join(limit), bytes.to_string()).is_ok() {
                    return Some(cgroup);
                }
            }
        }
        None
    }

    /// A shell command that moves the shell into the cgroup.
    fn enter(&self) -> String {
        format!("echo $$ > {}/cgroup.procs && ", self.folder.display())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The time and memory that pyarrow takes to open the file.
fn footer(figures: &mut Figures) -> Outcome {
    figures.section("Opening the footer with pyarrow: 991 columns, 2,000,000 rows");
    let python = python()?;
    let out = target().join("bench.out").display().to_string();
    let script = "import resource, sys, time\n\
        import pyarrow.parquet as pq\n\
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n\
        start = time.time()\n\
        metadata = pq.ParquetFile(sys.argv[1]).metadata\n\
        seconds = time.time() - start\n\
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n\
        print(metadata.num_row_groups, metadata.serialized_size, seconds, (after - before) / 1024)";
    for (what, options) in [
        ("default row groups", [].as_slice()),
        ("row groups of 2,000 rows", &["--option", "row_group_rows=2000"]),
    ] {
        let source = format!("synth:{WIDE}?rows=2000000&seed=1");
        measure(&source, "voparquet", &out, options)?;
        let output = command(&python, &["-c", script, &out])
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("can't run {python}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> =
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [groups, bytes, seconds, mib] = numbers[..] else {
            return Err(format!("pyarrow could not open the file: {text}"));
        };
        figures.note(&format!("{what}: row groups"), groups);
        figures.note(&format!("{what}: footer, MB"), bytes / 1e6);
        figures.note(&format!("{what}: seconds"), seconds);
        figures.note(&format!("{what}: memory, MiB"), mib);
        if options.is_empty() {
            figures.holds("2,000,000 rows are 20 row groups", groups == 20.0);
        }
    }
    fs::remove_file(&out).map_err(|error| format!("can't remove {out}: {error}"))
}

/// Runs `bench-loom` once.
pub(super) fn bench(arguments: &[&str]) -> Outcome<Value> {
    let program = program("bench-loom");
    let output = command(&program, arguments).output();
    let output = output.map_err(|error| format!("can't run {program}: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("bench-loom: {error}"))
}

pub(super) fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or(f64::NAN)
}
