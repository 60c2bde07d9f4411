//! Measures what the size of row groups costs readers. The default size was chosen by these figures.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::Outcome;
use crate::bench::measure;
use crate::command::{cargo, command, run as start};
use crate::folders::{SHIPPED, root, target};
use crate::setup::python;

/// Title, columns of the source, number of rows, the columns to sum, and the row group sizes to try.
type Table = (&'static str, &'static str, u64, &'static str, [u64; 5]);

const TABLES: [Table; 2] = [
    (
        "991 columns, 400,000 rows",
        "tests/data/dp02_object_columns.json",
        400_000,
        "coord_ra,coord_dec,shape_xx",
        [5_000, 20_000, 50_000, 100_000, 200_000],
    ),
    (
        "10 columns, 10,000,000 rows",
        "benches/data/source_columns.json",
        10_000_000,
        "coord_ra,coord_dec,psfFlux",
        [20_000, 50_000, 100_000, 250_000, 1_000_000],
    ),
];
const KEYS: [&str; 2] = ["objectId", "sourceId"];
const READERS: [&str; 3] = ["pyarrow", "duckdb", "polars"];
const STEPS: [&str; 4] = ["open", "three columns", "filter", "memory"];

/// Prints a table, and writes it to `docs/src/row-groups-measured.md`.
pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED]))?;
    let python = python()?;
    let mut page = "# Row groups, measured\n\nMade by `cargo xtask bench readers`. The tables show how the number of \
        rows per row group affects readers: milliseconds to open the file (*open*), to sum three columns of doubles \
        (*columns*), and to sum them for the first fiftieth of an ascending id (*filter*); and the memory of \
        all three steps in MiB. Figures are medians of 3, on one thread if the reader can be limited to one.\n"
        .to_owned();
    let file = target().join("bench.parquet").display().to_string();
    for ((title, columns, rows, sums, sizes), key) in TABLES.into_iter().zip(KEYS) {
        page += &format!("\n## {title}\n\n| rows per row group | MB |");
        for reader in READERS {
            page += &format!(" {reader}: open | columns | filter | MiB |");
        }
        page += &format!("\n|---:|---:|{}\n", "---:|".repeat(READERS.len() * STEPS.len()));
        for size in sizes {
            let source = format!("synth:{columns}?rows={rows}&seed=1");
            let option = format!("row_group_rows={size}");
            measure(&source, "voparquet", &file, &["--option", &option])?;
            let bytes = fs::metadata(&file).map_or(0, |metadata| metadata.len());
            page += &format!("| {size} | {:.1} |", bytes as f64 / 1e6);
            let below = first_id(&python, &file, key, rows)?;
            for reader in READERS {
                let mut figures = [const { Vec::new() }; STEPS.len()];
                for _ in 0..3 {
                    let line = read(&python, &[&file, reader, key, &below, sums])?;
                    for (step, figures) in STEPS.iter().zip(&mut figures) {
                        let unit = if *step == "memory" { 1.0 } else { 1e3 };
                        figures.push(line[step].as_f64().unwrap_or(f64::NAN) * unit);
                    }
                }
                for mut figures in figures {
                    figures.sort_by(f64::total_cmp);
                    page += &format!(" {:.0} |", figures[1]);
                }
            }
            page.push('\n');
        }
    }
    println!("{page}");
    let _ = fs::remove_file(&file);
    let path = root().join("docs/src/row-groups-measured.md");
    fs::write(&path, page).map_err(|error| format!("can't write {}: {error}", path.display()))
}

/// The smallest id of the rows after the first fiftieth.
fn first_id(python: &str, file: &str, key: &str, rows: u64) -> Outcome<String> {
    let script = "import sys, pyarrow.parquet as pq\n\
        ids = pq.read_table(sys.argv[1], columns=[sys.argv[2]]).column(0).drop_null()\n\
        print(ids[min(int(sys.argv[3]) // 50, len(ids) - 1)].as_py())";
    let output = command(python, &["-c", script, file, key, &rows.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run {python}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn read(python: &str, arguments: &[&str]) -> Outcome<Value> {
    let output = command(python, &[&["benches/readers.py"], arguments].concat())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run {python}: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("readers.py: {error}"))
}
