//! The same rows by other programs, on one core, one run of each in turn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::bench::{median, usage};
use crate::bench_page::write_section;
use crate::run::{cargo, command, run as start};
use crate::{Outcome, root, setup};

const WIDE: &str = "tests/data/dp02_object_columns.json";
const NARROW: &str = "benches/data/source_columns.json";
const RUNS: usize = 3;
/// astropy takes minutes for more.
const ROWS_OF_ASTROPY: u64 = 2_000;

/// A table and a format.
struct Case {
    title: &'static str,
    columns: &'static str,
    rows: u64,
    /// Of `taploom encode`.
    format: &'static str,
    /// Of `peers.py`.
    format_of_peers: &'static str,
    options: &'static [&'static str],
    peers: &'static [&'static str],
    /// The peer, and the part of its CPU seconds that is aimed at.
    target: (&'static str, f64),
    peak_mib: Option<f64>,
}

const CSV: Case = Case {
    title: "CSV, 50,000 x 991",
    columns: WIDE,
    rows: 50_000,
    format: "csv",
    format_of_peers: "csv",
    options: &[],
    peers: &["polars", "pyarrow", "duckdb"],
    target: ("polars", 0.4),
    peak_mib: None,
};

const VOPARQUET: Case = Case {
    title: "VOParquet, 100,000 x 991, snappy, no dictionary",
    columns: WIDE,
    rows: 100_000,
    format: "voparquet",
    format_of_peers: "parquet",
    options: &["--option", "dictionary=off"],
    peers: &["pyarrow", "polars", "duckdb", "fastparquet"],
    target: ("pyarrow", 0.8),
    peak_mib: Some(48.0),
};

const CASES: [Case; 4] = [
    CSV,
    Case { title: "CSV, 10,000,000 x 10", columns: NARROW, rows: 10_000_000, ..CSV },
    VOPARQUET,
    Case {
        title: "VOParquet, 10,000,000 x 10, snappy, no dictionary",
        columns: NARROW,
        rows: 10_000_000,
        peak_mib: None,
        ..VOPARQUET
    },
];

/// With `part`, of so many of the rows: to try it out.
pub(crate) fn run(part: u64) -> Outcome {
    start(cargo(&["build", "--release"]))?;
    let stage = ["-p", "taploom-benches", "--bin", "bench-encode-stage"];
    start(cargo(&[&["build", "--release"], &stage[..]].concat()))?;
    let python = setup::peers_python()?;
    setup::stilts()?;
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let bench = Bench { python, folder, part };
    let measured = bench.all();
    let _ = fs::remove_dir_all(&bench.folder);
    let body = measured?;
    if part > 1 {
        println!("{body}\nof 1/{part} of the rows: nothing was written");
        return Ok(());
    }
    write_section("Beside other programs", "cargo xtask bench peers", &body)
}

struct Bench {
    python: String,
    folder: PathBuf,
    part: u64,
}

/// What a program took, in CPU seconds and MiB; medians of time, the largest of memory.
#[derive(Default)]
struct Taken {
    reading: Vec<f64>,
    writing: Vec<f64>,
    peak: f64,
    version: String,
}

impl Taken {
    fn both(&self) -> f64 {
        let sums = self.reading.iter().zip(&self.writing).map(|(one, other)| one + other);
        median(sums.collect())
    }
}

impl Bench {
    fn all(&self) -> Outcome<String> {
        let mut body = format!(
            "Everything on one core (`taskset`), one run of each in turn, medians of {RUNS}. Ours is the whole \
             process, from an Arrow file to a file; theirs is reading the same file and writing, without \
             the start of the interpreter and imports, which take half a second or more.\n\n"
        );
        let mut targets = String::from("| target | to reach | measured | |\n|---|---:|---:|---|\n");
        body += &self.binary2(&mut targets)?;
        for case in &CASES {
            body += &self.case(case, &mut targets)?;
        }
        Ok(format!("{body}\n### Targets\n\n{targets}"))
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Rows made up, in a format that the others read.
    fn input(&self, columns: &str, rows: u64, format: &str, name: &str) -> Outcome<String> {
        let file = self.file(name);
        let source = format!("synth:{columns}?rows={rows}&seed=1");
        ours(&["encode", &source, "-f", format, "-o", &file])?;
        Ok(file)
    }

    fn binary2(&self, targets: &mut String) -> Outcome<String> {
        let rows = 50_000 / self.part;
        let few = ROWS_OF_ASTROPY / self.part;
        let arrow = self.input(WIDE, rows, "arrow", "wide.arrow")?;
        let fits = self.input(WIDE, rows, "fits", "wide.fits")?;
        let few_rows = self.input(WIDE, few, "fits", "few.fits")?;
        let out = self.file("out.vot");

        let mut stage: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let (mut whole, mut stilts, mut astropy) =
            (Taken::default(), Taken::default(), Taken::default());
        for _ in 0..RUNS {
            let figures = json(&["target/release/bench-encode-stage", "votable/b2", &arrow])?;
            for name in ["rows_per_cpu_second", "memcpy_seconds", "base64_seconds"] {
                stage.entry(name).or_default().push(figures[name].as_f64().unwrap_or(f64::NAN));
            }
            whole.add_process(&ours_on_one_core(&arrow, "votable/b2", &out, &[]))?;
            let (input, output) = (format!("in={fits}"), format!("out={out}"));
            stilts.add_process(&on_one_core(&[
                "stilts",
                "tpipe",
                &input,
                &output,
                "ofmt=votable-binary2-inline",
            ]))?;
            astropy.add(&self.peer("astropy", "binary2", &few_rows, &out)?);
        }
        let stage = |name: &str| median(stage.get(name).cloned().unwrap_or_default());
        let encoded = stage("rows_per_cpu_second");
        let floor = stage("memcpy_seconds") + stage("base64_seconds");
        let rate = |rows: u64, seconds: f64| rows as f64 / seconds;
        let ours = rate(rows, whole.both());
        target(targets, "BINARY2, 50,000 x 991, encode stage, rows/CPU s", 350_000.0, encoded, 0);
        target(targets, "BINARY2, 50,000 x 991, whole process, rows/CPU s", 200_000.0, ours, 0);
        let mut body =
            format!("### BINARY2, {rows} x 991\n\n| | rows/CPU s | peak MiB |\n|---|---:|---:|\n");
        let mut line = |name: &str, rate: f64, peak: String| {
            let _ = writeln!(body, "| {name} | {rate:.0} | {peak} |");
        };
        line("encode stage: Arrow in memory to nowhere", encoded, String::new());
        line(
            "the floor: a copy of the rows, and base64 of as many bytes",
            rate(rows, floor),
            String::new(),
        );
        line("taploom, Arrow file to file", ours, format!("{:.0}", whole.peak));
        line("STILTS, FITS file to file", rate(rows, stilts.both()), format!("{:.0}", stilts.peak));
        let name = format!("astropy {}, of {few} rows, FITS file to file", astropy.version);
        line(&name, rate(few, astropy.both()), format!("{:.0}", astropy.peak));
        body.push('\n');
        Ok(body)
    }

    fn case(&self, case: &Case, targets: &mut String) -> Outcome<String> {
        let arrow = self.input(case.columns, case.rows / self.part, "arrow", "rows.arrow")?;
        let out = self.file("out");
        let mut ours = Taken::default();
        let mut theirs: Vec<Taken> = case.peers.iter().map(|_| Taken::default()).collect();
        for _ in 0..RUNS {
            ours.add_process(&ours_on_one_core(&arrow, case.format, &out, case.options))?;
            for (peer, taken) in case.peers.iter().zip(&mut theirs) {
                taken.add(&self.peer(peer, case.format_of_peers, &arrow, &out)?);
            }
        }
        let mut body = format!(
            "### {}\n\n| | CPU s | of these writing | ours, as a part of it | peak MiB |\n|---|---:|---:|---:|---:|\n",
            case.title
        );
        let own = ours.both();
        let _ = writeln!(body, "| taploom | {own:.2} | | | {:.0} |", ours.peak);
        for (peer, taken) in case.peers.iter().zip(&theirs) {
            let both = taken.both();
            let _ = writeln!(
                body,
                "| {peer} {} | {both:.2} | {:.2} | {:.2} | {:.0} |",
                taken.version,
                median(taken.writing.clone()),
                own / both,
                taken.peak
            );
            if *peer == case.target.0 {
                let name = format!("{}, as a part of {peer}", case.title);
                target(targets, &name, -case.target.1, own / both, 2);
            }
        }
        if let Some(most) = case.peak_mib {
            target(targets, &format!("{}, peak MiB", case.title), -most, ours.peak, 0);
        }
        body.push('\n');
        Ok(body)
    }

    fn peer(&self, program: &str, format: &str, input: &str, out: &str) -> Outcome<Value> {
        json(&on_one_core(&[&self.python, "benches/peers.py", program, format, input, out]))
    }
}

impl Taken {
    fn add(&mut self, figures: &Value) {
        let number = |name: &str| figures[name].as_f64().unwrap_or(f64::NAN);
        self.reading.push(number("read"));
        self.writing.push(number("write"));
        self.peak = self.peak.max(number("peak_kib") / 1024.0);
        self.version = figures["version"].as_str().unwrap_or_default().to_owned();
    }

    fn add_process(&mut self, arguments: &[&str]) -> Outcome {
        let usage = usage(arguments)?;
        self.reading.push(0.0);
        self.writing.push(usage.cpu.as_secs_f64());
        self.peak = self.peak.max(usage.peak_kib as f64 / 1024.0);
        Ok(())
    }
}

/// A line of the table of targets: at least so much, or with a minus at most.
fn target(table: &mut String, name: &str, goal: f64, measured: f64, digits: usize) {
    let (bound, reached) =
        if goal < 0.0 { ("at most", measured <= -goal) } else { ("at least", measured >= goal) };
    let goal = goal.abs();
    let verdict = match reached {
        true => "reached".to_owned(),
        false => format!("**missed**, {:.2} of the target", measured / goal),
    };
    let _ =
        writeln!(table, "| {name} | {bound} {goal:.digits$} | {measured:.digits$} | {verdict} |");
}

fn on_one_core<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["taskset", "-c", "0"], arguments].concat()
}

fn ours_on_one_core<'a>(
    input: &'a str,
    format: &'a str,
    out: &'a str,
    options: &[&'a str],
) -> Vec<&'a str> {
    let program = ["target/release/taploom", "encode", input, "-f", format, "-o", out];
    on_one_core(&[&program[..], options].concat())
}

fn ours(arguments: &[&str]) -> Outcome {
    start(command("target/release/taploom", arguments))
}

/// The line of JSON that a program prints.
fn json(arguments: &[&str]) -> Outcome<Value> {
    let (program, rest) = arguments.split_first().ok_or("there is no program")?;
    let output = command(program, rest)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run {program}: {error}"))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{} prints no figures: {error}", arguments.join(" ")))
}
