//! Writes the same rows with other programs, on one core, in alternating runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::bench::narrow_table::COLUMNS as NARROW;
use crate::bench::page::write_section;
use crate::bench::runs::{Taken, on_one_core, ours_on_one_core, peer};
use crate::bench::wide_table::COLUMNS as WIDE;
use crate::bench::{STAGE, built_with_stage, in_folder, json, median};
use crate::command::{command, run as start};
use crate::folders::{program, target};
use crate::{Outcome, setup};

const RUNS: usize = 3;
/// The number of rows for astropy, which would take minutes for all of them.
const ROWS_OF_ASTROPY: u64 = 2_000;

/// A table, and the format to write it in.
struct Case {
    title: &'static str,
    columns: &'static str,
    rows: u64,
    /// Options of `taploom encode`.
    format: &'static str,
    /// The name of the format in `peers.py`.
    format_of_peers: &'static str,
    options: &'static [&'static str],
    peers: &'static [&'static str],
    /// Peers with a goal: Taploom's CPU seconds as a fraction of the peer's.
    targets: &'static [(&'static str, f64)],
    peak_mib: Option<f64>,
}

const CSV: Case = Case {
    title: "CSV, 50,000 x 991",
    columns: WIDE,
    rows: 50_000,
    format: "csv",
    format_of_peers: "csv",
    options: &[],
    peers: &["polars", "clickhouse", "pyarrow", "duckdb"],
    targets: &[("polars", 0.4), ("clickhouse", 1.0)],
    peak_mib: None,
};

const VOPARQUET: Case = Case {
    title: "VOParquet, 100,000 x 991, snappy, no dictionary",
    columns: WIDE,
    rows: 100_000,
    format: "voparquet",
    format_of_peers: "parquet",
    options: &["--option", "encoding=plain"],
    peers: &["pyarrow", "polars", "clickhouse", "duckdb", "fastparquet"],
    targets: &[("pyarrow", 0.45)],
    peak_mib: Some(48.0),
};

const CASES: [Case; 6] = [
    CSV,
    Case {
        title: "CSV, 10,000,000 x 10",
        columns: NARROW,
        rows: 10_000_000,
        targets: &[("polars", 0.45), ("clickhouse", 1.0)],
        ..CSV
    },
    Case {
        title: "TSV, 10,000,000 x 10",
        columns: NARROW,
        rows: 10_000_000,
        format: "tsv",
        format_of_peers: "tsv",
        peers: &["polars", "clickhouse", "duckdb"],
        targets: &[],
        ..CSV
    },
    Case {
        title: "JSON Lines, 50,000 x 991",
        format: "jsonl",
        format_of_peers: "jsonl",
        peers: &["polars", "clickhouse", "duckdb"],
        targets: &[],
        ..CSV
    },
    VOPARQUET,
    Case {
        title: "VOParquet, 10,000,000 x 10, snappy, no dictionary",
        columns: NARROW,
        rows: 10_000_000,
        targets: &[("pyarrow", 0.8)],
        peak_mib: None,
        ..VOPARQUET
    },
];

/// Runs all cases. `part` divides the number of rows: 10 runs a tenth of them, to try the measurement.
pub(crate) fn run(part: u64) -> Outcome {
    built_with_stage()?;
    let python = setup::peers_python()?;
    setup::stilts()?;
    let bench = Bench {
        taploom: program("taploom"),
        encode_stage: program(STAGE),
        python,
        folder: target().join("bench"),
        part,
    };
    let body = in_folder(|| bench.all())?;
    if part > 1 {
        println!("{body}\nof 1/{part} of the rows: nothing was written");
        return Ok(());
    }
    write_section("Beside other programs", "cargo xtask bench peers", &body)
}

struct Bench {
    taploom: String,
    encode_stage: String,
    python: String,
    folder: PathBuf,
    part: u64,
}

impl Bench {
    fn all(&self) -> Outcome<String> {
        let mut body = format!(
            "All programs run on one core (`taskset`), in alternating runs; figures are medians of {RUNS}. For \
             taploom and STILTS, the whole process is measured, from file to file. For the Python programs, \
             reading the same file and writing are measured, without the start of the interpreter and the \
             imports, which take half a second or more. ClickHouse reads and writes in one query.\n\n"
        );
        let mut targets = String::from("| target | to reach | measured | |\n|---|---:|---:|---|\n");
        body += &self.of_astronomy(&mut targets)?;
        for case in &CASES {
            body += &self.case(case, &mut targets)?;
        }
        Ok(format!("{body}\n### Targets\n\n{targets}"))
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Generates rows in a format that the other programs read.
    fn input(&self, columns: &str, rows: u64, format: &str, name: &str) -> Outcome<String> {
        let file = self.file(name);
        let source = format!("synth:{columns}?rows={rows}&seed=1");
        ours(&["encode", &source, "-f", format, "-o", &file])?;
        Ok(file)
    }

    /// VOTable formats, compared with STILTS and astropy, which read the rows from FITS, because they read
    /// FITS fastest.
    fn of_astronomy(&self, targets: &mut String) -> Outcome<String> {
        const KINDS: [(&str, &str, &str, &str); 3] = [
            ("BINARY2", "votable/b2", "votable-binary2-inline", "binary2"),
            ("TABLEDATA", "votable/td", "votable-tabledata", "tabledata"),
            ("FITS", "fits", "fits-basic", "fits"),
        ];
        let rows = 50_000 / self.part;
        let few = ROWS_OF_ASTROPY / self.part;
        let arrow = self.input(WIDE, rows, "arrow", "wide.arrow")?;
        let fits = self.input(WIDE, rows, "fits", "wide.fits")?;
        let few_rows = self.input(WIDE, few, "fits", "few.fits")?;
        let out = self.file("out.file");
        let stilts_version = version_of_stilts()?;
        let rate = |rows: u64, seconds: f64| rows as f64 / seconds;
        let mut body = String::new();
        for (title, format, of_stilts, of_astropy) in KINDS {
            let mut stage: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            let (mut whole, mut stilts, mut astropy) =
                (Taken::default(), Taken::default(), Taken::default());
            for _ in 0..RUNS {
                let figures = json(&on_one_core(&[&self.encode_stage, format, &arrow]))?;
                for name in ["rows_per_cpu_second", "memcpy_seconds", "base64_seconds"] {
                    stage.entry(name).or_default().push(figures[name].as_f64().unwrap_or(f64::NAN));
                }
                whole.add_process(
                    &ours_on_one_core(&self.taploom, &arrow, format, &out, &[]),
                    &out,
                )?;
                let (input, output) = (format!("in={fits}"), format!("out={out}"));
                let ofmt = format!("ofmt={of_stilts}");
                stilts.add_process(
                    &on_one_core(&["stilts", "tpipe", &input, &output, &ofmt]),
                    &out,
                )?;
                astropy.add(&self.peer("astropy", of_astropy, &few_rows, &out)?);
            }
            let stage = |name: &str| median(stage.get(name).cloned().unwrap_or_default());
            let encoded = stage("rows_per_cpu_second");
            let (ours, theirs) = (rate(rows, whole.both()), rate(rows, stilts.both()));
            let _ = write!(
                body,
                "### {title}, {rows} x 991\n\n| | rows/CPU s | peak MiB |\n|---|---:|---:|\n"
            );
            let mut line = |name: &str, rate: f64, peak: String| {
                let _ = writeln!(body, "| {name} | {rate:.0} | {peak} |");
            };
            line(
                "encode stage only: from Arrow in memory, output discarded",
                encoded,
                String::new(),
            );
            if title == "BINARY2" {
                let floor = rate(rows, stage("memcpy_seconds") + stage("base64_seconds"));
                let name =
                    "lower bound: a copy of the rows, and base64 of the same number of bytes";
                line(name, floor, String::new());
                let goal = |what: &str| format!("BINARY2, 50,000 x 991, {what}");
                add_target(targets, &goal("encode stage, rows/CPU s"), 600_000.0, encoded, 0);
                add_target(targets, &goal("whole process, rows/CPU s"), 200_000.0, ours, 0);
                add_target(
                    targets,
                    &goal("whole process, rate relative to STILTS"),
                    10.0,
                    ours / theirs,
                    1,
                );
            }
            line("taploom, Arrow file to file", ours, format!("{:.0}", whole.peak));
            let name = format!("{stilts_version}, FITS file to file");
            line(&name, theirs, format!("{:.0}", stilts.peak));
            let name = format!("astropy {}, {few} rows only, FITS file to file", astropy.version);
            line(&name, rate(few, astropy.both()), format!("{:.0}", astropy.peak));
            body.push('\n');
        }
        Ok(body)
    }

    fn case(&self, case: &Case, targets: &mut String) -> Outcome<String> {
        let arrow = self.input(case.columns, case.rows / self.part, "arrow", "rows.arrow")?;
        let out = self.file("out");
        let (mut ours, mut codec) = (Taken::default(), Vec::new());
        let mut theirs: Vec<Taken> = case.peers.iter().map(|_| Taken::default()).collect();
        for _ in 0..RUNS {
            ours.add_process(
                &ours_on_one_core(&self.taploom, &arrow, case.format, &out, case.options),
                &out,
            )?;
            if case.format == "voparquet" {
                let figures = json(&on_one_core(&[&self.encode_stage, case.format, &arrow]))?;
                codec.push(figures["snappy_seconds"].as_f64().unwrap_or(f64::NAN));
            }
            for (peer, taken) in case.peers.iter().zip(&mut theirs) {
                taken.add(&self.peer(peer, case.format_of_peers, &arrow, &out)?);
            }
        }
        let mut body = format!(
            "### {}\n\n| | CPU s | of which writing | taploom relative to it | peak MiB |\n|---|---:|---:|---:|---:|\n",
            case.title
        );
        let own = ours.both();
        let _ = writeln!(body, "| taploom | {own:.2} | | | {:.0} |", ours.peak);
        if !codec.is_empty() {
            let floor = median(codec);
            let name = "lower bound: only the codec, on pages with the values";
            let _ = writeln!(body, "| {name} | {floor:.2} | | {:.2} | |", own / floor);
        }
        for (peer, taken) in case.peers.iter().zip(&theirs) {
            let both = taken.both();
            let _ = writeln!(
                body,
                "| {peer} {} | {both:.2} | {:.2} | {:.2} | {:.0} |",
                taken.version,
                taken.writing(),
                own / both,
                taken.peak
            );
            for (_, goal) in case.targets.iter().filter(|(name, _)| name == peer) {
                let name = format!("{}, CPU time relative to {peer}", case.title);
                add_target(targets, &name, -goal, own / both, 2);
            }
        }
        if let Some(most) = case.peak_mib {
            add_target(targets, &format!("{}, peak MiB", case.title), -most, ours.peak, 0);
        }
        body.push('\n');
        Ok(body)
    }

    fn peer(&self, program: &str, format: &str, input: &str, out: &str) -> Outcome<Value> {
        peer(&self.python, program, format, input, out)
    }
}

/// Adds a line to the table of targets. A positive goal is a minimum; a negative one is a maximum.
fn add_target(table: &mut String, name: &str, goal: f64, measured: f64, digits: usize) {
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

fn ours(arguments: &[&str]) -> Outcome {
    start(command(&program("taploom"), arguments))
}

/// The version line of STILTS, such as "STILTS version 3.4.7".
fn version_of_stilts() -> Outcome<String> {
    let said = command("stilts", &["-version"]).output();
    let said = said.map_err(|error| format!("can't run stilts: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().map(str::trim).find(|line| line.contains("STILTS version"));
    Ok(line.unwrap_or("STILTS").to_owned())
}
