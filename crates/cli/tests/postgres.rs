//! `postgres://` as the source, with a PostgreSQL that the tests start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod common;

use std::process::Command;
use std::sync::LazyLock;

use common::{Folder, taploom};
use serde_json::{Value, json};
use taploom_test_servers::Postgres;

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

#[test]
fn every_format_on_one_thread_and_on_two() {
    let folder = Folder::new();
    let url = SERVER.url();
    let encode = |more: &[&str]| {
        let run = taploom(&[&["encode", &url], more].concat());
        run.succeeds();
        run.stdout
    };
    let plain =
        ["-q", "SELECT id, name, ra, bright, seen, mag FROM stars ORDER BY id;", "-f", "csv"];
    let csv = "id,name,ra,bright,seen,mag\r\n\
               1,Sirius,101.287,true,2025-05-23T17:00:35.025,-1.46\r\n\
               2,α Cen,,false,,\r\n";
    assert_eq!(String::from_utf8(encode(&plain)).unwrap(), csv);
    let two = [&plain[..], &["--threads", "2"]].concat();
    assert_eq!(String::from_utf8(encode(&two)).unwrap(), csv);
    let all = ["-q", "SELECT * FROM stars ORDER BY id -- all of them"];
    let encode = |more: &[&str]| encode(&[&all[..], more].concat());
    let votable = String::from_utf8(encode(&["-f", "votable/td"])).unwrap();
    for words in ["xtype=\"timestamp\"", "xtype=\"point\"", "unit=\"deg\"", "arraysize=\"2\""] {
        assert!(votable.contains(words), "{words} is not in: {votable}");
    }
    for format in ["votable", "json", "arrow", "tsv"] {
        encode(&["-f", format]);
    }
    let out = folder.path("stars.parquet");
    encode(&["-f", "parquet", "-o", &out]);
    assert_eq!(&std::fs::read(&out).unwrap()[..4], b"PAR1");
}

#[test]
fn rows_and_columns_are_chosen_from_the_result() {
    let url = SERVER.url();
    let query = ["encode", &url, "-q", "SELECT * FROM stars", "-f", "csv"];
    let chosen = ["--select", "name, mag", "--where", "mag < -1 AND id = 1"];
    let run = taploom(&[&query[..], &chosen].concat());
    run.succeeds();
    assert_eq!(run.stdout, b"name,mag\r\nSirius,-1.46\r\n");
    for threads in ["1", "2"] {
        let query = "SELECT n, 'row ' || n AS words FROM generate_series(1, 50000000) n";
        let run = taploom(&[
            "encode",
            &url,
            "-q",
            query,
            "--maxrec",
            "2",
            "-f",
            "tsv",
            "--threads",
            threads,
        ]);
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        assert_eq!(run.stdout, b"n\twords\n1\trow 1\n2\trow 2\n");
    }
}

#[test]
fn a_password_may_come_from_the_environment() {
    let url = format!("postgresql://taploom@127.0.0.1:{}/test", SERVER.port());
    let run = |password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taploom"));
        command.args(["encode", &url, "-q", "SELECT 1 AS n", "-f", "csv"]);
        command.env("PGPASSWORD", password).output().unwrap()
    };
    assert_eq!(run(Postgres::PASSWORD).stdout, b"n\r\n1\r\n");
    assert_eq!(run("another").status.code(), Some(2));
}

#[test]
fn what_is_refused_never_shows_the_password() {
    let url = SERVER.url();
    for (url, query, status, words) in [
        (url.clone(), "SELECT nothing FROM stars", 2, &["42703", "nothing"][..]),
        (format!("{url}?sslmode=require"), "SELECT 1", 2, &["no TLS"]),
        (format!("{url}?tls=1"), "SELECT 1", 2, &["tls", "sslmode"]),
        (url.replace("/test", "/elsewhere"), "SELECT 1", 2, &["3D000", "elsewhere"]),
        (url.replace("taploom:", "nobody:"), "SELECT 1", 2, &["28P01"]),
        (
            "postgres://taploom:p%40ss@127.0.0.1:1/test?connect_retries=0".into(),
            "SELECT 1",
            1,
            &["127.0.0.1:1"],
        ),
    ] {
        let run = taploom(&["encode", &url, "-q", query]);
        run.fails_with(status, words);
        assert!(!run.stderr.contains("p%40ss") && !run.stderr.contains("p@ss"), "{}", run.stderr);
    }
    taploom(&["encode", &url]).fails_with(2, &["-q"]);
    let run = taploom(&["encode", &url, "-q", "SELECT 'infinity'::date AS d", "-f", "csv"]);
    run.line_says(1, &["column \"d\"", "row 1", "--columns"]);
}

/// Runs a job, and returns the statuses that it prints.
fn job(database: &str, query: &str, destination: &str) -> Vec<Value> {
    let folder = Folder::new();
    let message = json!({
        "jobID": "uws1", "ownerID": "me", "query": query, "resultDestination": destination,
        "resultFormat": {
            "format": {"type": "VOTable", "serialization": "BINARY2"},
            "envelope": {"header": "<H/>", "footer": "<F/>", "footerOverflow": "<O/>"},
            "columnTypes": [{"name": "id", "datatype": "long"}, {"name": "name", "datatype": "char", "arraysize": "*"}],
        },
    });
    let path = folder.write("job.json", &message.to_string());
    let run = taploom(&["job", &path, "--database", database, "--attempts", "1"]);
    let text = String::from_utf8(run.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_job_reads_its_rows_from_postgresql() {
    let (destination, store) = common::store();
    let statuses = job(&SERVER.url(), "SELECT id, name FROM stars WHERE id = 1", &destination);
    assert_eq!(statuses.last().unwrap()["status"], "COMPLETED", "{statuses:?}");
    let (_, body) = store.join().unwrap();
    assert!(body.starts_with(b"<H/><DATA>") && body.ends_with(b"<F/>"));

    let guest = SERVER.url().replace("taploom:p%40ss%2Fw%3Ard", "guest:p%40ss");
    for (query, code, words) in [
        ("SELECT n, 'a' FROM nowhere", "backend_sql_error", "42P01"),
        ("SELECT n, 'a' FROM closed", "backend_sql_error", "not open to this service"),
    ] {
        let statuses = job(&guest, query, "http://127.0.0.1:1/");
        let error = &statuses.last().unwrap()["errorInfo"];
        assert_eq!(error["errorCode"], code, "{statuses:?}");
        let shown = error["errorMessage"].as_str().unwrap();
        assert!(shown.contains(words), "{statuses:?}");
        assert!(!shown.contains("guest") && !shown.contains("127.0.0.1"), "{shown}");
    }
}
