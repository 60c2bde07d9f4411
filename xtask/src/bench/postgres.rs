//! The client CPU time to read a wide result from PostgreSQL, and to encode it, compared with `psql`, which prints the
//! same rows to `/dev/null`.

use std::fmt::Write as _;

use taploom_test_servers::Postgres;

use crate::Outcome;
use crate::bench::turns;
use crate::bench::wide_table::{COLUMNS, MADE, QUERY, columns, write_rows};
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program};

const ROWS: u64 = 50_000;
/// Limit for the CPU time of an encoded result, as a multiple of the time that `psql` takes.
const AT_MOST: f64 = 0.5;
/// Limit for the memory of an encoded result.
const AT_MOST_MIB: f64 = 64.0;

pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED, "-p", "taploom-cli", "-p", "taploom-benches"]))?;
    let server = Postgres::start()?;
    make(&server)?;

    let url = server.url();
    let source = program("bench-source");
    let taploom = program("taploom");
    let encode = |format: &'static str| {
        [
            taploom.as_str(),
            "encode",
            &url,
            "--columns",
            COLUMNS,
            "-q",
            QUERY,
            "-f",
            format,
            "-o",
            "/dev/null",
        ]
    };
    let copy = format!("COPY ({QUERY}) TO STDOUT");
    let psql = ["psql", "-X", "-q", &url, "-c", &copy];
    let (binary2, voparquet) = (encode("votable/b2"), encode("voparquet"));

    println!(
        "{ROWS} rows x 991 columns of PostgreSQL, read and thrown away, or encoded to /dev/null"
    );
    let [theirs, _, binary2, voparquet] = turns(
        ROWS,
        [
            ("psql, COPY as text", &psql[..]),
            ("postgres:// source", &[source.as_str(), &url, COLUMNS, QUERY]),
            ("taploom encode, BINARY2", &binary2),
            ("taploom encode, voparquet", &voparquet),
        ],
    )?;
    let mut missed = Vec::new();
    for (name, ours) in [("BINARY2", binary2), ("voparquet", voparquet)] {
        let ratio = ours.cpu_seconds / theirs.cpu_seconds;
        println!("{name} takes {ratio:.2} of psql's CPU; at most {AT_MOST}");
        if ratio > AT_MOST {
            missed.push(format!("{name} takes {ratio:.2} of psql's CPU"));
        }
        if ours.peak_mib > AT_MOST_MIB {
            missed.push(format!("{name} takes {:.0} MiB", ours.peak_mib));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", missed.join(", "))) }
}

/// Generates rows in the types of the columns. The table repeats them.
fn make(server: &Postgres) -> Outcome {
    let file = server.folder().join("rows.csv").display().to_string();
    write_rows(&file)?;
    let mut declared = String::new();
    for (index, column) in columns(COLUMNS)?.iter().enumerate() {
        let of = match column["datatype"].as_str() {
            Some("boolean") => "boolean",
            Some("double") => "float8",
            Some("float") => "float4",
            Some("int") => "int4",
            Some("long") => "int8",
            _ => "text",
        };
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(declared, "{comma}c{index} {of}");
    }
    let copies = ROWS / MADE;
    server.sql(&format!(
        "CREATE UNLOGGED TABLE made ({declared}); COPY made FROM '{file}' CSV; \
         CREATE UNLOGGED TABLE wide (LIKE made); \
         INSERT INTO wide SELECT made.* FROM generate_series(1, {copies}), made"
    ))?;
    Ok(())
}
