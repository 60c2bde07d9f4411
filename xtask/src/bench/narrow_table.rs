//! A generated table of detections with ten columns, in SQLite and in MariaDB.

use serde_json::Value;
use taploom_test_servers::MariaDb;

use crate::Outcome;
use crate::bench::wide_table;
use crate::command::{command, run as start};

pub(crate) const COLUMNS: &str = "benches/data/source_columns.json";
pub(crate) const QUERY: &str = "SELECT * FROM source";

/// Makes the table in an SQLite file, from a CSV file without a header.
pub(crate) fn in_sqlite(csv: &str, database: &str) -> Outcome {
    let script = "import csv, sqlite3, sys\n\
        rows, database, declared, booleans = sys.argv[1:]\n\
        booleans = [flag == '1' for flag in booleans]\n\
        def value(text, boolean):\n\
        \x20   if text == '':\n\
        \x20       return None\n\
        \x20   return int(text == 'true') if boolean else text\n\
        with sqlite3.connect(database) as connection, open(rows, newline='') as rows:\n\
        \x20   connection.execute(f'CREATE TABLE source ({declared})')\n\
        \x20   places = ','.join('?' * len(booleans))\n\
        \x20   cells = ([value(*cell) for cell in zip(row, booleans)] for row in csv.reader(rows))\n\
        \x20   connection.executemany(f'INSERT INTO source VALUES ({places})', cells)\n";
    let columns = columns()?;
    // The declared types make SQLite convert the texts to numbers.
    let declared: Vec<String> = columns
        .iter()
        .map(|(name, datatype)| {
            let of = match datatype.as_str() {
                "long" | "int" => "BIGINT",
                "boolean" => "BOOLEAN",
                _ => "DOUBLE",
            };
            format!("{name} {of}")
        })
        .collect();
    let is_boolean =
        |(_, datatype): &(String, String)| if datatype == "boolean" { '1' } else { '0' };
    let booleans: String = columns.iter().map(is_boolean).collect();
    start(command("python3", &["-c", script, csv, database, &declared.join(", "), &booleans]))
}

/// Makes the table in MariaDB, from the same CSV file.
pub(crate) fn in_mariadb(csv: &str, server: &MariaDb) -> Outcome {
    let columns = columns()?.into_iter().map(|(name, datatype)| {
        let of = match datatype.as_str() {
            "long" => "BIGINT",
            "int" => "INT",
            "float" => "FLOAT",
            "boolean" => "BOOLEAN",
            _ => "DOUBLE",
        };
        (name, of, datatype == "boolean")
    });
    wide_table::load(server, "source", "", columns, csv)
}

/// Names and datatypes of the columns.
fn columns() -> Outcome<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let columns = wide_table::columns(COLUMNS)?.into_iter();
    Ok(columns.map(|column| (text(&column["name"]), text(&column["datatype"]))).collect())
}
