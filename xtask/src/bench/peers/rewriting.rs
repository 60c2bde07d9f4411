//! CSV files rewritten as CSV.

use std::fmt::Write as _;
use std::fs;

use super::contest::{Contest, Results};
use super::targets::Targets;
use super::{Bench, Section};
use crate::bench::bench_file;
use crate::bench::narrow_table::COLUMNS as NARROW;
use crate::bench::runs::on_one_core;
use crate::bench::wide_table::{COLUMNS as WIDE, columns};
use crate::{Outcome, setup};

pub(super) const SECTION: Section = Section {
    name: "rewriting",
    title: "Beside other programs: CSV to CSV",
    chart: "Rewriting CSV files",
    text: "A CSV file is read and written again: with the types of its columns, which every program finds out \
           itself, or with all values as text. For taploom (as text by `--columns`), xan (`xan fmt`) and Miller \
           (`mlr cat`) the whole process is measured; for the Python packages, the work without the start of \
           the interpreter and the imports. DuckDB and ClickHouse infer types from the first 1,000 rows.",
    measure,
};

const CASES: [(&str, &str, u64); 2] =
    [("20,000 x 991", WIDE, 20_000), ("2,000,000 x 10", NARROW, 2_000_000)];
const TYPED: [&str; 4] = ["polars", "clickhouse", "pyarrow", "duckdb"];
const AS_TEXT: [&str; 2] = ["polars", "duckdb"];

fn measure(bench: &Bench, _: &mut Targets) -> Outcome<Vec<Results>> {
    let (typed, text) = (CASES.map(|case| (case, false)), CASES.map(|case| (case, true)));
    typed.into_iter().chain(text).map(|(case, as_text)| rewritten(bench, case, as_text)).collect()
}

fn rewritten(
    bench: &Bench,
    (title, columns, rows): (&str, &str, u64),
    as_text: bool,
) -> Outcome<Results> {
    let rows = bench.rows(rows);
    let file = bench.input(columns, rows, "csv", "csv")?;
    let input = &file;
    if !as_text {
        let mut contest = Contest::new(format!("typed, {title}"), rows, |taken| {
            bench.encode(input, "csv", &[], taken)
        });
        for peer in TYPED {
            contest =
                contest.with(peer, move |taken| bench.peer(["rewrite", peer, "csv"], input, taken));
        }
        return contest.run();
    }
    let declared = bench_file("columns.json");
    declare_text(columns, &declared)?;
    let (out, xan) = (bench_file("out"), setup::xan()?);
    setup::miller()?;
    let mut contest = Contest::new(format!("as text, {title}"), rows, |taken| {
        bench.encode(input, "csv", &["--columns", &declared], taken)
    });
    for peer in AS_TEXT {
        contest = contest
            .with(peer, move |taken| bench.peer(["rewrite", peer, "csv-as-text"], input, taken));
    }
    contest
        .with("xan", |taken| {
            taken.add_process(&on_one_core(&[&xan, "fmt", input, "-o", &out]), &out)
        })
        .with("Miller", |taken| {
            let script = "exec mlr --csv cat \"$1\" > \"$2\"";
            taken.add_process(&on_one_core(&["sh", "-c", script, "sh", input, &out]), &out)
        })
        .run()
}

/// Writes a file for `--columns` that declares every column as text.
fn declare_text(of: &str, file: &str) -> Outcome {
    let mut list = String::from("{\"columns\": [");
    for index in 0..columns(of)?.len() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(list, "{comma}{{\"datatype\": \"char\", \"arraysize\": \"*\"}}");
    }
    list.push_str("]}");
    fs::write(file, list).map_err(|error| format!("can't write {file}: {error}"))
}
