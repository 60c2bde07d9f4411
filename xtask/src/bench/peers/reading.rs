//! Files read into memory.

use super::contest::{Contest, Results};
use super::targets::Targets;
use super::{Bench, READ, Section, stilts};
use crate::Outcome;
use crate::bench::json;
use crate::bench::narrow_table::COLUMNS as NARROW;
use crate::bench::runs::{Taken, on_one_core};
use crate::bench::wide_table::COLUMNS as WIDE;
use crate::folders::program;

pub(super) const SECTION: Section = Section {
    name: "reading",
    title: "Beside other programs: reading",
    chart: "Reading files into memory",
    text: "Taploom has written the files. Every program reads all rows and columns into memory: as Arrow for \
           taploom (`bench-read`), pyarrow, DuckDB and ClickHouse, and in their own tables for the others. \
           STILTS reads every row once and keeps none (`omode=discard`). For taploom and STILTS, the whole \
           process is measured; for the Python packages, reading without the start of the interpreter and the \
           imports. DuckDB and ClickHouse infer types from the first 1,000 rows, as their own 20,480 and 25,000 \
           take minutes for 991 columns. A program that is much slower gets fewer rows, and its CPU seconds are \
           those for all rows at the same speed.",
    measure,
};

/// A file, and the programs that read it.
struct Case {
    title: &'static str,
    columns: &'static str,
    rows: u64,
    /// The name of the format in Taploom.
    format: &'static str,
    /// The name of the format in `peers.py`, and the extension of the file.
    name: &'static str,
    peers: &'static [&'static str],
    /// A program of `peers.py` that gets only this number of rows.
    slow: Option<(&'static str, u64)>,
    /// The name of the format in STILTS.
    stilts: Option<&'static str>,
    /// The goal in rows per CPU second.
    target: Option<f64>,
}

const CSV: Case = Case {
    title: "CSV, 20,000 x 991",
    columns: WIDE,
    rows: 20_000,
    format: "csv",
    name: "csv",
    peers: &["polars", "clickhouse", "pyarrow", "duckdb"],
    slow: None,
    stilts: None,
    target: None,
};

const JSONL: Case =
    Case { title: "JSON Lines, 5,000 x 991", rows: 5_000, format: "jsonl", name: "jsonl", ..CSV };

const PARQUET: Case = Case {
    title: "Parquet, 50,000 x 991",
    rows: 50_000,
    format: "voparquet",
    name: "parquet",
    ..CSV
};

const BINARY2: Case = Case {
    title: "BINARY2, 50,000 x 991",
    rows: 50_000,
    format: "votable/b2",
    name: "binary2",
    peers: &[],
    slow: Some(("astropy", 500)),
    stilts: Some("votable"),
    ..CSV
};

const TABLEDATA: Case = Case {
    title: "TABLEDATA, 10,000 x 991",
    rows: 10_000,
    format: "votable/td",
    name: "tabledata",
    ..BINARY2
};

const FITS: Case = Case {
    title: "FITS, 50,000 x 991",
    rows: 50_000,
    format: "fits",
    name: "fits",
    peers: &["fitsio", "astropy"],
    stilts: Some("fits"),
    ..CSV
};

const CASES: [Case; 13] = [
    CSV,
    Case {
        title: "CSV, 2,000,000 x 10",
        columns: NARROW,
        rows: 2_000_000,
        slow: Some(("astropy", 100_000)),
        stilts: Some("csv"),
        target: Some(2_200_000.0),
        ..CSV
    },
    JSONL,
    Case { title: "JSON Lines, 1,000,000 x 10", columns: NARROW, rows: 1_000_000, ..JSONL },
    PARQUET,
    Case { title: "Parquet, 5,000,000 x 10", columns: NARROW, rows: 5_000_000, ..PARQUET },
    BINARY2,
    Case {
        title: "BINARY2, 2,000,000 x 10",
        columns: NARROW,
        rows: 2_000_000,
        slow: Some(("astropy", 20_000)),
        ..BINARY2
    },
    TABLEDATA,
    Case {
        title: "TABLEDATA, 1,000,000 x 10",
        columns: NARROW,
        rows: 1_000_000,
        slow: Some(("astropy", 20_000)),
        target: Some(750_000.0),
        ..TABLEDATA
    },
    FITS,
    Case { title: "FITS, 5,000,000 x 10", columns: NARROW, rows: 5_000_000, ..FITS },
    Case {
        title: "TSV, 2,000,000 x 10",
        columns: NARROW,
        rows: 2_000_000,
        format: "tsv",
        name: "tsv",
        ..CSV
    },
];

fn measure(bench: &Bench, targets: &mut Targets) -> Outcome<Vec<Results>> {
    CASES.iter().map(|case| case.measure(bench, targets)).collect()
}

impl Case {
    fn measure(&self, bench: &Bench, targets: &mut Targets) -> Outcome<Results> {
        let rows = bench.rows(self.rows);
        let file = bench.input(self.columns, rows, self.format, self.name)?;
        let read = program(READ);
        let mut contest =
            Contest::new(self.title, rows, |taken| self.read(&[&read, &file], rows, taken));
        for peer in self.peers {
            let file = &file;
            contest = contest.with(peer, move |taken| self.by_peer(bench, peer, file, rows, taken));
        }
        if let Some(format) = self.stilts {
            let file = &file;
            contest = contest.with("STILTS", move |taken| {
                stilts(file, &[&format!("ifmt={format}"), "omode=discard"], "", taken)
            });
        }
        if let Some((peer, few)) = self.slow {
            let few = few.min(rows);
            let file = bench.input(self.columns, few, self.format, self.name)?;
            contest = contest
                .with_rows(peer, few, move |taken| self.by_peer(bench, peer, &file, few, taken));
        }
        let results = contest.run()?;
        if let Some(goal) = self.target {
            let what = format!("{}, rows/CPU s", self.title);
            targets.at_least(&what, goal, rows as f64 / results.ours(), 0);
        }
        Ok(results)
    }

    fn by_peer(
        &self,
        bench: &Bench,
        peer: &str,
        file: &str,
        rows: u64,
        taken: &mut Taken,
    ) -> Outcome {
        self.read(&[&bench.python, "benches/peers.py", "read", peer, self.name, file], rows, taken)
    }

    /// Runs a program that prints what it has read, and checks that this is the whole table.
    fn read(&self, command: &[&str], rows: u64, taken: &mut Taken) -> Outcome {
        let figures = json(&on_one_core(command))?;
        let columns = if self.columns == WIDE { 991 } else { 10 };
        if figures["rows"] != rows || figures["columns"] != columns {
            let (found, width) = (&figures["rows"], &figures["columns"]);
            return Err(format!(
                "{found} rows of {width} columns were read, not {rows} of {columns}"
            ));
        }
        taken.add(&figures);
        Ok(())
    }
}
