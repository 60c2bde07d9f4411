//! `postgres://` as the source, with a PostgreSQL that the tests start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod common;
mod databases;

use std::sync::LazyLock;

use common::taploom;
use databases::Database;
use taploom_test_servers::Postgres;

/// The server that [`databases`] tests.
type Server = Postgres;

/// One server for all tests. It is stopped at their end.
static SERVER: LazyLock<Postgres> = LazyLock::new(|| {
    let server = Postgres::start().unwrap();
    server.create_sphere().unwrap();
    server
        .sql(
            "CREATE TABLE stars (id bigint, name text, ra float8, bright boolean, seen timestamptz(3), mag numeric(4, 2),
                                 fluxes float4[], pos spoint);
             INSERT INTO stars VALUES
                 (1, 'Sirius', 101.287, true, '2025-05-23 19:00:35.025+02', -1.46, '{1.5,2}', '(0, 0)'),
                 (2, 'α Cen', NULL, false, NULL, NULL, NULL, NULL);
             CREATE TABLE closed (n int);
             CREATE ROLE guest LOGIN PASSWORD 'p@ss'; GRANT SELECT ON stars TO guest",
        )
        .unwrap();
    server
});

impl Database for Postgres {
    const SCHEMES: [&'static str; 2] = ["postgres", "postgresql"];
    const PASSWORD_VARIABLE: &'static str = "PGPASSWORD";
    const TLS_REQUIRED: &'static str = "sslmode=require";
    const CONNECT_RETRIES: &'static str = "connect_retries";

    const UNKNOWN_COLUMN: &'static str = "42703";
    const UNKNOWN_DATABASE: &'static str = "3D000";
    const WRONG_PASSWORD: &'static str = "28P01";
    const UNKNOWN_TABLE_OF_GUEST: &'static str = "42P01";

    fn numbers(rows: u32) -> String {
        format!("generate_series(1, {rows}) AS n")
    }
}

#[test]
fn decimals_arrays_and_shapes() {
    let url = SERVER.url();
    let all = ["encode", &url, "-q", "SELECT * FROM stars ORDER BY id"];
    let run = taploom(&[&all[..], &["-f", "votable/td"]].concat());
    run.succeeds();
    let votable = String::from_utf8(run.stdout).unwrap();
    for words in ["xtype=\"timestamp\"", "xtype=\"point\"", "unit=\"deg\"", "arraysize=\"2\""] {
        assert!(votable.contains(words), "{words} is not in: {votable}");
    }
    for format in ["votable", "json", "arrow", "tsv", "parquet"] {
        let run = taploom(&[&all[..], &["-f", format]].concat());
        run.succeeds();
        assert!(!run.stdout.is_empty(), "{format}");
    }
    let chosen = ["--select", "name, mag", "--where", "mag < -1 AND id = 1", "-f", "csv"];
    let run = taploom(&[&all[..], &chosen].concat());
    run.succeeds();
    assert_eq!(run.stdout, b"name,mag\r\nSirius,-1.46\r\n");
}

#[test]
fn an_infinite_date_is_an_error_that_names_the_cell() {
    let url = SERVER.url();
    let run = taploom(&["encode", &url, "-q", "SELECT 'infinity'::date AS d", "-f", "csv"]);
    run.line_says(1, &["column \"d\"", "row 1", "--columns"]);
}
