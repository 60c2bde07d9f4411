//! Runs several programs on the same rows, in turns.

use std::fmt::Write as _;

use serde_json::Value;

use super::chart::{Bar, Group};
use crate::Outcome;
use crate::bench::runs::{Taken, on_one_core};
use crate::bench::{STAGE, json, median};
use crate::folders::program;

/// How often each program runs.
pub(super) const RUNS: usize = 3;

/// The name of Taploom in tables.
const OURS: &str = "taploom";

/// Programs that handle the same table.
pub(super) struct Contest<'a> {
    title: String,
    rows: u64,
    contestants: Vec<Contestant<'a>>,
    stage: Option<Stage<'a>>,
}

struct Contestant<'a> {
    name: String,
    /// Number of rows that this program gets: all, or fewer if all would take minutes.
    rows: u64,
    run: Run<'a>,
    taken: Taken,
}

/// Runs a program once, and adds what it took.
type Run<'a> = Box<dyn Fn(&mut Taken) -> Outcome + 'a>;

/// The encoder alone, and lower bounds that it measures.
struct Stage<'a> {
    arguments: [&'a str; 2],
    figures: Vec<(&'static str, Figure, Vec<f64>)>,
}

/// CPU seconds by the figures of `bench-encode-stage`.
pub(super) type Figure = fn(&dyn Fn(&str) -> f64) -> f64;

impl<'a> Contest<'a> {
    /// A contest with Taploom.
    pub(super) fn new(
        title: impl Into<String>,
        rows: u64,
        ours: impl Fn(&mut Taken) -> Outcome + 'a,
    ) -> Self {
        let contest = Self { title: title.into(), rows, contestants: Vec::new(), stage: None };
        contest.with(OURS, ours)
    }

    /// Adds a program that gets all rows.
    pub(super) fn with(self, name: &str, run: impl Fn(&mut Taken) -> Outcome + 'a) -> Self {
        let rows = self.rows;
        self.with_rows(name, rows, run)
    }

    /// Adds a program that gets only this number of rows.
    pub(super) fn with_rows(
        mut self,
        name: &str,
        rows: u64,
        run: impl Fn(&mut Taken) -> Outcome + 'a,
    ) -> Self {
        let (name, run) = (name.to_owned(), Box::new(run) as Run<'a>);
        self.contestants.push(Contestant { name, rows, run, taken: Taken::default() });
        self
    }

    /// Adds lines with figures of the encoder alone.
    pub(super) fn with_stage(
        mut self,
        format: &'a str,
        input: &'a str,
        figures: impl IntoIterator<Item = (&'static str, Figure)>,
    ) -> Self {
        let figures = figures.into_iter().map(|(name, figure)| (name, figure, Vec::new()));
        self.stage = Some(Stage { arguments: [format, input], figures: figures.collect() });
        self
    }

    /// Lets all programs run by turns.
    pub(super) fn run(mut self) -> Outcome<Results> {
        for _ in 0..RUNS {
            if let Some(stage) = &mut self.stage {
                stage.run()?;
            }
            for contestant in &mut self.contestants {
                (contestant.run)(&mut contestant.taken)
                    .map_err(|error| format!("{}, {}: {error}", self.title, contestant.name))?;
            }
        }
        let of_stage = self.stage.into_iter().flat_map(|stage| stage.figures);
        let bounds = of_stage.map(|(name, _, seconds)| (name, median(seconds))).collect();
        let entries = self.contestants.into_iter().map(|contestant| Entry {
            seconds: contestant.taken.both() * self.rows as f64 / contestant.rows as f64,
            name: contestant.name,
            rows: contestant.rows,
            taken: contestant.taken,
        });
        Ok(Results { title: self.title, rows: self.rows, bounds, entries: entries.collect() })
    }
}

impl Stage<'_> {
    fn run(&mut self) -> Outcome {
        let [format, input] = self.arguments;
        let figures: Value = json(&on_one_core(&[&program(STAGE), format, input]))?;
        for (_, figure, seconds) in &mut self.figures {
            seconds.push(figure(&|name| figures[name].as_f64().unwrap_or(f64::NAN)));
        }
        Ok(())
    }
}

/// What the programs of a contest took.
pub(super) struct Results {
    title: String,
    rows: u64,
    /// Names and CPU seconds.
    bounds: Vec<(&'static str, f64)>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    rows: u64,
    /// CPU seconds for all rows of the contest.
    seconds: f64,
    taken: Taken,
}

impl Results {
    /// CPU seconds of a program, or of a figure of the encoder alone.
    pub(super) fn seconds(&self, name: &str) -> f64 {
        let entry = self.entries.iter().find(|entry| entry.name == name);
        let bound = || self.bounds.iter().find(|(of, _)| *of == name).map(|(_, seconds)| *seconds);
        entry.map(|entry| entry.seconds).or_else(bound).unwrap_or(f64::NAN)
    }

    /// CPU seconds of Taploom.
    pub(super) fn ours(&self) -> f64 {
        self.seconds(OURS)
    }

    /// The largest resident set of Taploom, in MiB.
    pub(super) fn our_peak(&self) -> f64 {
        let ours = self.entries.iter().find(|entry| entry.name == OURS);
        ours.map_or(f64::NAN, |entry| entry.taken.peak)
    }

    pub(super) fn rate(&self, name: &str) -> f64 {
        self.rows as f64 / self.seconds(name)
    }

    /// A table in Markdown. For programs with fewer rows, the CPU seconds are those for all rows.
    pub(super) fn table(&self) -> String {
        let (ours, rows) = (self.ours(), self.rows as f64);
        let mut table = format!(
            "### {}\n\n| | CPU s | of which writing | rows/CPU s | taploom relative to it | peak MiB |\n\
             |---|---:|---:|---:|---:|---:|\n",
            self.title
        );
        for (name, seconds) in &self.bounds {
            let _ = writeln!(
                table,
                "| {name} | {seconds:.2} | | {:.0} | {:.2} | |",
                rows / seconds,
                ours / seconds
            );
        }
        for Entry { name, rows: own, seconds, taken } in &self.entries {
            let writing = taken.writing_apart().map(|seconds| format!("{seconds:.2}"));
            let relative =
                if name == OURS { String::new() } else { format!("{:.2}", ours / seconds) };
            let version = match taken.version.as_str() {
                "" => String::new(),
                version => format!(" {version}"),
            };
            let few = if *own == self.rows { String::new() } else { format!(", from {own} rows") };
            let _ = writeln!(
                table,
                "| {name}{version}{few} | {seconds:.2} | {} | {:.0} | {relative} | {:.0} |",
                writing.unwrap_or_default(),
                rows / seconds,
                taken.peak
            );
        }
        table.push('\n');
        table
    }

    /// The programs as bars.
    pub(super) fn group(&self) -> Group {
        let bars = self.entries.iter().map(|entry| Bar {
            name: entry.name.clone(),
            seconds: entry.seconds,
            is_ours: entry.name == OURS,
        });
        Group { title: self.title.clone(), bars: bars.collect() }
    }
}
