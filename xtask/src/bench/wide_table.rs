//! A wide table with the 991 columns of a survey's table of objects. In MariaDB, the columns are VARCHAR in MyISAM, so
//! that the server need not convert numbers to text.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use taploom_test_servers::MariaDb;

use crate::Outcome;
use crate::command::{command, run as start};
use crate::folders::{program, root};

pub(crate) const COLUMNS: &str = "tests/data/dp02_object_columns.json";
pub(crate) const QUERY: &str = "SELECT * FROM wide";
/// The number of rows that are generated; the table repeats them.
pub(crate) const MADE: u64 = 5_000;

/// The columns that a JSON file lists.
pub(crate) fn columns(file: &str) -> Outcome<Vec<Value>> {
    let list = fs::read_to_string(root().join(file));
    let list = list.map_err(|error| format!("can't read {file}: {error}"))?;
    let list: Value = serde_json::from_str(&list).map_err(|error| format!("{file}: {error}"))?;
    list["columns"].as_array().cloned().ok_or_else(|| format!("{file} has no columns"))
}

/// Makes a table in MariaDB from a CSV file without a header. Each column has a name, a type, and a flag for booleans;
/// `options` are added to CREATE TABLE.
pub(crate) fn load(
    server: &MariaDb,
    table: &str,
    options: &str,
    columns: impl IntoIterator<Item = (String, &'static str, bool)>,
    csv: &str,
) -> Outcome {
    let (mut declared, mut taken, mut set) = (String::new(), String::new(), String::new());
    for (index, (name, of, is_boolean)) in columns.into_iter().enumerate() {
        let value = match is_boolean {
            true => format!("IF(@v{index} = '', NULL, @v{index} = 'true')"),
            false => format!("NULLIF(@v{index}, '')"),
        };
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(declared, "{comma}{name} {of}");
        let _ = write!(taken, "{comma}@v{index}");
        let _ = write!(set, "{comma}{name} = {value}");
    }
    server.sql(&format!(
        "CREATE TABLE {table} ({declared}) ENGINE=MyISAM {options}; \
         LOAD DATA INFILE '{csv}' INTO TABLE {table} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' \
         OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n' ({taken}) SET {set}"
    ))?;
    Ok(())
}

/// The command line of `mariadb --quick`, which prints all rows.
pub(crate) fn client(server: &MariaDb) -> Vec<String> {
    let client = server.client();
    std::iter::once(client.get_program())
        .chain(client.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .chain(["--quick", "--batch", "-e", QUERY].map(str::to_owned))
        .collect()
}

/// Generates the rows of a CSV file without a header.
pub(crate) fn write_rows(file: &str) -> Outcome {
    let program = program("taploom");
    let source = format!("synth:{COLUMNS}?rows={MADE}&seed=1");
    start(command(&program, &["encode", &source, "-f", "text/csv;header=absent", "-o", file]))
}

/// Generates rows, by way of a CSV file.
pub(crate) fn make(server: &MariaDb, rows: u64) -> Outcome {
    let file = server.folder().join("rows.csv").display().to_string();
    write_rows(&file)?;
    let columns = columns(COLUMNS)?;
    let columns = columns.iter().enumerate().map(|(index, column)| {
        let is_boolean = column["datatype"] == "boolean";
        (format!("c{index}"), if is_boolean { "VARCHAR(1)" } else { "VARCHAR(32)" }, is_boolean)
    });
    load(server, "made", "CHARACTER SET latin1", columns, &file)?;
    server.sql("CREATE TABLE wide LIKE made")?;
    for _ in 0..rows / MADE {
        server.sql("INSERT INTO wide SELECT * FROM made")?;
    }
    Ok(())
}
