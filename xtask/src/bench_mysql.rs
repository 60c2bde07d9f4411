//! What it costs a program to read a wide result from MariaDB: client CPU of `mysql://` as a source, beside
//! that of `mariadb --quick`, which prints the same rows to `/dev/null`.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use taploom_test_servers::{MariaDb, Settings};

use crate::bench::{median, usage};
use crate::run::{cargo, command, run as start};
use crate::{Outcome, root};

const COLUMNS: &str = "tests/data/dp02_object_columns.json";
const ROWS: u64 = 50_000;
/// Rows that are made up; the table has them several times.
const MADE: u64 = 5_000;
const TURNS: usize = 5;
/// Of the source alone, in CPU seconds of `mariadb --quick`.
const AT_MOST: f64 = 0.8;
const QUERY: &str = "SELECT * FROM wide";

pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--release", "-p", "taploom-cli", "-p", "taploom-benches"]))?;
    let server = MariaDb::start_with(&Settings::default())?;
    make_table(&server)?;

    let ours = root().join("target/release/bench-mysql").display().to_string();
    let url = server.url();
    let ours = [ours.as_str(), &url, COLUMNS, QUERY];
    let client = server.client();
    let client: Vec<String> = std::iter::once(client.get_program())
        .chain(client.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .chain(["--quick", "--batch", "-e", QUERY].map(str::to_owned))
        .collect();
    let client: Vec<&str> = client.iter().map(String::as_str).collect();

    println!("{ROWS} rows x 991 columns of MariaDB, VARCHAR in MyISAM, read and thrown away");
    println!("{:<20}{:>14}{:>12}{:>12}", "client", "rows/CPU s", "CPU s", "peak MiB");
    // One of each in turn, so that what else the machine does falls on both.
    let mut seconds = [Vec::new(), Vec::new()];
    let mut peaks = [0, 0];
    for _ in 0..TURNS {
        for (index, arguments) in [&client[..], &ours].into_iter().enumerate() {
            let usage = usage(arguments)?;
            seconds[index].push(usage.cpu.as_secs_f64());
            peaks[index] = peaks[index].max(usage.peak_kib);
        }
    }
    let medians = seconds.map(median);
    for ((name, seconds), peak) in
        ["mariadb --quick", "mysql:// source"].iter().zip(medians).zip(peaks)
    {
        let (rate, peak) = (ROWS as f64 / seconds, peak as f64 / 1024.0);
        println!("{name:<20}{rate:>14.0}{seconds:>12.2}{peak:>12.1}");
    }
    let ratio = medians[1] / medians[0];
    println!("the source takes {ratio:.2} of the client's CPU; at most {AT_MOST}");
    if ratio <= AT_MOST { Ok(()) } else { Err(format!("missed: {ratio:.2}, at most {AT_MOST}")) }
}

/// Made-up rows, by way of a CSV file.
fn make_table(server: &MariaDb) -> Outcome {
    let list = fs::read_to_string(root().join(COLUMNS));
    let list = list.map_err(|error| format!("can't read {COLUMNS}: {error}"))?;
    let list: Value = serde_json::from_str(&list).map_err(|error| format!("{COLUMNS}: {error}"))?;
    let columns = list["columns"].as_array().ok_or_else(|| format!("{COLUMNS} has no columns"))?;
    let (mut declared, mut taken, mut set) = (String::new(), String::new(), String::new());
    for (index, column) in columns.iter().enumerate() {
        let (width, value) = match column["datatype"].as_str() {
            Some("boolean") => (1, format!("IF(@v{index} = '', NULL, @v{index} = 'true')")),
            _ => (32, format!("NULLIF(@v{index}, '')")),
        };
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(declared, "{comma}c{index} VARCHAR({width})");
        let _ = write!(taken, "{comma}@v{index}");
        let _ = write!(set, "{comma}c{index} = {value}");
    }
    let file = server.folder().join("rows.csv").display().to_string();
    let program = root().join("target/release/taploom").display().to_string();
    let source = format!("synth:{COLUMNS}?rows={MADE}&seed=1");
    start(command(&program, &["encode", &source, "-f", "text/csv;header=absent", "-o", &file]))?;
    server.sql(&format!("CREATE TABLE wide ({declared}) ENGINE=MyISAM CHARACTER SET latin1"))?;
    let load = format!(
        "LOAD DATA INFILE '{file}' INTO TABLE made CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' \
         OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n' ({taken}) SET {set}"
    );
    server.sql(&format!("CREATE TABLE made LIKE wide; {load}"))?;
    for _ in 0..ROWS / MADE {
        server.sql("INSERT INTO wide SELECT * FROM made")?;
    }
    Ok(())
}
