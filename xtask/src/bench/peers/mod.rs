//! Other programs on the same rows, on one core, in alternating runs: they write, read and rewrite files.

mod chart;
mod contest;
mod reading;
mod rewriting;
mod targets;
mod votable;
mod writing;

use std::fs;
use std::time::Instant;

use self::contest::{RUNS, Results};
use self::targets::Targets;
use crate::bench::page::{machine, write_section};
use crate::bench::runs::{Taken, on_one_core, ours_on_one_core, peer};
use crate::bench::{bench_file, built_with, in_folder};
use crate::command::{command, run as start};
use crate::folders::{program, root};
use crate::{Outcome, setup};

/// A part of the page that is measured, and written, by itself.
pub(crate) struct Section {
    /// The word after `cargo xtask bench peers`, and the end of the chart's name.
    pub(crate) name: &'static str,
    title: &'static str,
    /// The title of the chart.
    chart: &'static str,
    /// What is special about this section.
    text: &'static str,
    measure: fn(&Bench, &mut Targets) -> Outcome<Vec<Results>>,
}

pub(crate) const SECTIONS: [Section; 5] =
    [votable::SECTION, writing::TEXT, writing::PARQUET, reading::SECTION, rewriting::SECTION];

/// The program that reads files into memory.
const READ: &str = "bench-read";

/// Runs the sections with these names; all if there are none. `part` divides the number of rows: 10 runs a tenth of
/// them, to try the measurement, and writes nothing.
pub(crate) fn run(names: &[&str], part: u64) -> Outcome {
    let sections = SECTIONS.iter().filter(|one| names.is_empty() || names.contains(&one.name));
    built_with(&[crate::bench::STAGE, READ])?;
    let bench = Bench { taploom: program("taploom"), python: setup::peers_python()?, part };
    setup::stilts()?;
    for section in sections {
        let started = Instant::now();
        section.run(&bench)?;
        eprintln!("\n{}: {} seconds", section.name, started.elapsed().as_secs());
    }
    Ok(())
}

impl Section {
    fn run(&self, bench: &Bench) -> Outcome {
        let mut targets = Targets::default();
        let results = in_folder(|| (self.measure)(bench, &mut targets))?;
        let tables: String = results.iter().map(Results::table).collect();
        let groups: Vec<_> = results.iter().map(Results::group).collect();
        let foot = format!("taploom {}, {}", env!("CARGO_PKG_VERSION"), machine());
        let picture = chart::draw(self.chart, &foot, &groups);
        let file = format!("peers-{}.svg", self.name);
        let body = format!(
            "All programs run on one core (`taskset`), in alternating runs; figures are medians of {RUNS}. {}\n\n\
             ![{}]({file})\n\n{tables}{}",
            self.text,
            self.chart,
            targets.table()
        );
        if bench.part > 1 {
            let path = bench_picture(&file);
            fs::write(&path, picture).map_err(|error| format!("can't write {path}: {error}"))?;
            println!("{body}\nof 1/{} of the rows; only the chart was written: {path}", bench.part);
            return Ok(());
        }
        let path = root().join("docs/src").join(&file);
        fs::write(&path, picture)
            .map_err(|error| format!("can't write {}: {error}", path.display()))?;
        write_section(self.title, &format!("cargo xtask bench peers {}", self.name), &body)
    }
}

/// The chart of a trial, in the target folder.
fn bench_picture(file: &str) -> String {
    crate::folders::target().join(file).display().to_string()
}

/// What the sections share.
struct Bench {
    taploom: String,
    python: String,
    part: u64,
}

impl Bench {
    fn rows(&self, rows: u64) -> u64 {
        rows / self.part
    }

    /// Generates rows in a format that the other programs read, and returns the name of the file. The name ends with
    /// `extension`.
    fn input(&self, columns: &str, rows: u64, format: &str, extension: &str) -> Outcome<String> {
        let file = bench_file(&format!("input-{rows}.{extension}"));
        let source = format!("synth:{columns}?rows={rows}&seed=1");
        start(command(&self.taploom, &["encode", &source, "-f", format, "-o", &file]))?;
        Ok(file)
    }

    /// Runs `taploom encode`.
    fn encode(&self, input: &str, format: &str, options: &[&str], taken: &mut Taken) -> Outcome {
        let out = bench_file("out");
        taken.add_process(&ours_on_one_core(&self.taploom, input, format, &out, options), &out)
    }

    /// Writes or rewrites a file by a program of `peers.py`.
    fn peer(&self, [action, name, format]: [&str; 3], input: &str, taken: &mut Taken) -> Outcome {
        let out = bench_file("out");
        taken.add(&peer(&self.python, &[action, name, format, input, &out], &out)?);
        Ok(())
    }
}

/// Runs STILTS on a file.
fn stilts(input: &str, arguments: &[&str], out: &str, taken: &mut Taken) -> Outcome {
    let input = format!("in={input}");
    taken.version = version_of_stilts()?;
    taken.add_process(&on_one_core(&[&["stilts", "tpipe", &input], arguments].concat()), out)
}

/// The version of STILTS, such as 3.4.7.
fn version_of_stilts() -> Outcome<String> {
    let said = command("stilts", &["-version"]).output();
    let said = said.map_err(|error| format!("can't run stilts: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.lines().find_map(|line| line.trim().strip_prefix("STILTS version "));
    Ok(version.unwrap_or_default().to_owned())
}
