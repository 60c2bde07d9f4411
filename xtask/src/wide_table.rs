//! A wide table in MariaDB: the 991 columns of a survey's table of objects, VARCHAR in MyISAM, so that
//! the server spends no time on making text of numbers.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use taploom_test_servers::MariaDb;

use crate::run::{command, run as start};
use crate::{Outcome, root};

pub(crate) const COLUMNS: &str = "tests/data/dp02_object_columns.json";
pub(crate) const QUERY: &str = "SELECT * FROM wide";
/// Rows that are made up; the table has them several times.
const MADE: u64 = 5_000;

/// The columns as the list describes them.
pub(crate) fn columns() -> Outcome<Vec<Value>> {
    let list = fs::read_to_string(root().join(COLUMNS));
    let list = list.map_err(|error| format!("can't read {COLUMNS}: {error}"))?;
    let list: Value = serde_json::from_str(&list).map_err(|error| format!("{COLUMNS}: {error}"))?;
    let columns = list["columns"].as_array().cloned();
    columns.ok_or_else(|| format!("{COLUMNS} has no columns"))
}

/// `mariadb --quick`, which prints all rows.
pub(crate) fn client(server: &MariaDb) -> Vec<String> {
    let client = server.client();
    std::iter::once(client.get_program())
        .chain(client.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .chain(["--quick", "--batch", "-e", QUERY].map(str::to_owned))
        .collect()
}

/// Made-up rows, by way of a CSV file.
pub(crate) fn make(server: &MariaDb, rows: u64) -> Outcome {
    let columns = columns()?;
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
    for _ in 0..rows / MADE {
        server.sql("INSERT INTO wide SELECT * FROM made")?;
    }
    Ok(())
}
