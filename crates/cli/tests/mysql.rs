//! `mysql://` as the source, with a MariaDB that the tests start.

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
use taploom_test_servers::MariaDb;

/// One server for all tests. It is stopped at their end.
static SERVER: LazyLock<MariaDb> = LazyLock::new(|| {
    let server = MariaDb::start().unwrap();
    server
        .sql(
            "CREATE TABLE stars (id BIGINT, name VARCHAR(20), ra DOUBLE, bright BOOLEAN, seen DATETIME(3));
             INSERT INTO stars VALUES (1, 'Sirius', 101.287, 1, '2025-05-23 17:00:35.025'),
                                      (2, 'α Cen', NULL, 0, NULL)",
        )
        .unwrap();
    server
});

#[test]
fn every_format_on_one_thread_and_on_two() {
    let folder = Folder::new();
    let url = SERVER.url();
    let encode = |more: &[&str]| {
        let query = ["encode", &url, "-q", "SELECT * FROM stars ORDER BY id"];
        let run = taploom(&[&query, more].concat());
        run.succeeds();
        run.stdout
    };
    let csv = "id,name,ra,bright,seen\r\n\
               1,Sirius,101.287,true,2025-05-23T17:00:35.025\r\n\
               2,α Cen,,false,\r\n";
    assert_eq!(String::from_utf8(encode(&["-f", "csv"])).unwrap(), csv);
    assert_eq!(String::from_utf8(encode(&["-f", "csv", "--threads", "2"])).unwrap(), csv);
    let votable = String::from_utf8(encode(&["-f", "votable"])).unwrap();
    assert!(votable.contains("xtype=\"timestamp\""), "{votable}");
    let out = folder.path("stars.parquet");
    encode(&["-f", "parquet", "-o", &out]);
    assert_eq!(&std::fs::read(&out).unwrap()[..4], b"PAR1");
}

#[test]
fn declared_columns_and_maxrec() {
    let folder = Folder::new();
    let columns = folder.write(
        "columns.json",
        r#"{"columns": [{"name": "n", "datatype": "short"}, {"name": "text", "datatype": "char", "arraysize": "*"}]}"#,
    );
    let url = SERVER.url();
    for threads in ["1", "2"] {
        let run = taploom(&[
            "encode",
            &url,
            "-q",
            "SELECT seq, CONCAT('row ', seq) FROM seq_1_to_50000000",
            "--columns",
            &columns,
            "--maxrec",
            "2",
            "-f",
            "tsv",
            "--threads",
            threads,
        ]);
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        assert_eq!(run.stdout, b"n\ttext\n1\trow 1\n2\trow 2\n");
    }
    let query = "SELECT 70000, 'a'";
    let run = taploom(&["encode", &url, "-q", query, "--columns", &columns, "-f", "csv"]);
    run.line_says(1, &["column \"n\"", "row 1", "70000", "short"]);
}

#[test]
fn a_password_may_come_from_the_environment() {
    let url = format!("mysql://taploom@127.0.0.1:{}/test", SERVER.port());
    let run = |password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taploom"));
        command.args(["encode", &url, "-q", "SELECT 1 AS n", "-f", "csv"]);
        command.env("MYSQL_PWD", password).output().unwrap()
    };
    assert_eq!(run(MariaDb::PASSWORD).stdout, b"n\r\n1\r\n");
    assert_eq!(run("another").status.code(), Some(2));
}

#[test]
fn what_is_refused_never_shows_the_password() {
    let url = SERVER.url();
    for (url, query, status, words) in [
        (url.clone(), "SELECT nothing FROM stars", 2, &["1054", "nothing"][..]),
        (format!("{url}?ssl-mode=required"), "SELECT 1", 2, &["no TLS"]),
        (format!("{url}?tls=1"), "SELECT 1", 2, &["tls", "ssl-mode"]),
        (url.replace("/test", "/elsewhere"), "SELECT 1", 2, &["1049", "elsewhere"]),
        (url.replace("taploom:", "nobody:"), "SELECT 1", 2, &["1045"]),
        (
            "mysql://taploom:p%40ss@127.0.0.1:1/test?connect-retries=0".into(),
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
}
