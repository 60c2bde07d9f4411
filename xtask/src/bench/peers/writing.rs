//! CSV, TSV, JSON Lines and Parquet, written by programs that read Arrow.

use super::contest::{Contest, Figure, Results};
use super::targets::Targets;
use super::{Bench, Section};
use crate::Outcome;
use crate::bench::narrow_table::COLUMNS as NARROW;
use crate::bench::wide_table::COLUMNS as WIDE;

pub(super) const TEXT: Section = Section {
    name: "text",
    title: "Beside other programs: CSV, TSV and JSON Lines",
    chart: "Writing CSV, TSV and JSON Lines",
    text: "The input is an Arrow file. For taploom, the whole process is measured. For the others, which are Python \
           packages, reading the same file and writing are measured, without the start of the interpreter and the \
           imports, which take half a second or more. ClickHouse (chdb) reads and writes in one query. orjson writes \
           the rows that polars makes.",
    measure: |bench, targets| cases(bench, targets, &TEXTS),
};

pub(super) const PARQUET: Section = Section {
    name: "parquet",
    title: "Beside other programs: Parquet",
    chart: "Writing Parquet",
    text: "The programs are measured as for CSV. All of them compress with Snappy and write no dictionaries.",
    measure: |bench, targets| cases(bench, targets, &PARQUETS),
};

/// A table, and the format to write it in.
struct Case {
    title: &'static str,
    columns: &'static str,
    rows: u64,
    /// The name of the format in Taploom.
    format: &'static str,
    /// The name of the format in `peers.py`.
    format_of_peers: &'static str,
    /// Options of `taploom encode`.
    options: &'static [&'static str],
    peers: &'static [&'static str],
    /// Peers with a goal: Taploom's CPU seconds as a fraction of the peer's.
    targets: &'static [(&'static str, f64)],
    /// The goal for the lower bound, and the one for the memory in MiB.
    bound: Option<f64>,
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
    bound: None,
    peak_mib: None,
};

const JSONL: Case = Case {
    title: "JSON Lines, 50,000 x 991",
    format: "jsonl",
    format_of_peers: "jsonl",
    peers: &["polars", "clickhouse", "duckdb", "orjson"],
    targets: &[],
    ..CSV
};

const TEXTS: [Case; 5] = [
    CSV,
    Case {
        title: "CSV, 10,000,000 x 10",
        columns: NARROW,
        rows: 10_000_000,
        targets: &[("polars", 0.45), ("clickhouse", 1.0)],
        ..CSV
    },
    JSONL,
    Case { title: "JSON Lines, 2,000,000 x 10", columns: NARROW, rows: 2_000_000, ..JSONL },
    Case {
        title: "TSV, 2,000,000 x 10",
        columns: NARROW,
        rows: 2_000_000,
        format: "tsv",
        format_of_peers: "tsv",
        peers: &["polars", "clickhouse", "duckdb"],
        targets: &[],
        ..CSV
    },
];

const VOPARQUET: Case = Case {
    title: "VOParquet, 100,000 x 991",
    columns: WIDE,
    rows: 100_000,
    format: "voparquet",
    format_of_peers: "parquet",
    options: &["--option", "encoding=plain"],
    peers: &["pyarrow", "polars", "clickhouse", "duckdb", "fastparquet"],
    targets: &[("pyarrow", 0.45)],
    bound: Some(2.8),
    peak_mib: Some(48.0),
};

const PARQUETS: [Case; 2] = [
    VOPARQUET,
    Case {
        title: "VOParquet, 10,000,000 x 10",
        columns: NARROW,
        rows: 10_000_000,
        targets: &[("pyarrow", 0.8)],
        bound: None,
        peak_mib: None,
        ..VOPARQUET
    },
];

const CODEC: (&str, Figure) =
    ("lower bound: only the codec, on pages with the values", |figure| figure("snappy_seconds"));

fn cases(bench: &Bench, targets: &mut Targets, cases: &[Case]) -> Outcome<Vec<Results>> {
    cases.iter().map(|case| case.measure(bench, targets)).collect()
}

impl Case {
    fn measure(&self, bench: &Bench, targets: &mut Targets) -> Outcome<Results> {
        let rows = bench.rows(self.rows);
        let arrow = bench.input(self.columns, rows, "arrow", "arrow")?;
        let mut contest = Contest::new(self.title, rows, |taken| {
            bench.encode(&arrow, self.format, self.options, taken)
        });
        for peer in self.peers {
            let arrow = &arrow;
            contest = contest.with(peer, move |taken| {
                bench.peer(["write", peer, self.format_of_peers], arrow, taken)
            });
        }
        if self.format == "voparquet" {
            contest = contest.with_stage(self.format, &arrow, [CODEC]);
        }
        let results = contest.run()?;
        for (peer, goal) in self.targets {
            let what = format!("{}, CPU time relative to {peer}", self.title);
            targets.at_most(&what, *goal, results.ours() / results.seconds(peer), 2);
        }
        if let Some(goal) = self.bound {
            let what = format!("{}, CPU time relative to the bound", self.title);
            targets.at_most(&what, goal, results.ours() / results.seconds(CODEC.0), 2);
        }
        if let Some(most) = self.peak_mib {
            targets.at_most(&format!("{}, peak MiB", self.title), most, results.our_peak(), 0);
        }
        Ok(results)
    }
}
