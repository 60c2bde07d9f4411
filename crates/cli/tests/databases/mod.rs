//! The program with a database server as the source. The test program for a server includes this module, and defines
//! `Server`, a type that implements [`Database`], and `SERVER`, the running server that all tests share.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{self, Folder, taploom};
use crate::{SERVER, Server};

/// What differs between the servers. Each has a table `stars`, which the user `guest` may read, and a table `closed`, which
/// that user may not read.
pub(crate) trait Database {
    /// The schemes of URLs.
    const SCHEMES: [&'static str; 2];
    /// The environment variable for the password.
    const PASSWORD_VARIABLE: &'static str;
    /// The option of a URL that requires TLS, with its value.
    const TLS_REQUIRED: &'static str;
    /// The name of the option of a URL for the number of further attempts to connect.
    const CONNECT_RETRIES: &'static str;

    // Codes of errors.
    const UNKNOWN_COLUMN: &'static str;
    const UNKNOWN_DATABASE: &'static str;
    const WRONG_PASSWORD: &'static str;
    /// Words of the error of a job whose query names a table that does not exist, if `guest` runs it.
    const UNKNOWN_TABLE_OF_GUEST: &'static str;

    /// A table expression with the numbers from 1 to `rows` in its column `n`.
    fn numbers(rows: u32) -> String;
}

#[test]
fn every_format_on_one_thread_and_on_two() {
    let folder = Folder::new();
    let url = SERVER.url();
    let query = "SELECT id, name, ra, bright, seen, mag FROM stars ORDER BY id; -- all of them";
    let encode = |arguments: &[&str]| {
        let run = taploom(&[&["encode", &url, "-q", query], arguments].concat());
        run.succeeds();
        run.stdout
    };
    let csv = "id,name,ra,bright,seen,mag\r\n\
               1,Sirius,101.287,true,2025-05-23T17:00:35.025,-1.46\r\n\
               2,α Cen,,false,,\r\n";
    assert_eq!(String::from_utf8(encode(&["-f", "csv"])).unwrap(), csv);
    assert_eq!(String::from_utf8(encode(&["-f", "csv", "--threads", "2"])).unwrap(), csv);
    let votable = String::from_utf8(encode(&["-f", "votable"])).unwrap();
    assert!(votable.contains("xtype=\"timestamp\""), "{votable}");
    for format in ["json", "arrow", "tsv"] {
        assert!(!encode(&["-f", format]).is_empty(), "{format}");
    }
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
    let query =
        format!("SELECT n, CONCAT('row ', n) AS words FROM {}", Server::numbers(50_000_000));
    for threads in ["1", "2"] {
        let two_rows = ["encode", &url, "-q", &query, "--maxrec", "2", "-f", "tsv"];
        let two_rows = [&two_rows[..], &["--threads", threads]].concat();
        for (more, expected) in [
            (&["--columns", &columns][..], "n\ttext\n1\trow 1\n2\trow 2\n"),
            (&[], "n\twords\n1\trow 1\n2\trow 2\n"),
        ] {
            let run = taploom(&[&two_rows[..], more].concat());
            assert_eq!(run.status, Some(0), "{}", run.stderr);
            assert_eq!(String::from_utf8(run.stdout).unwrap(), expected);
        }
    }
    let query = "SELECT 70000, 'a'";
    let run = taploom(&["encode", &url, "-q", query, "--columns", &columns, "-f", "csv"]);
    run.line_says(1, &["column \"n\"", "row 1", "70000", "short"]);
}

#[test]
fn rows_and_columns_are_selected_from_the_result() {
    let url = SERVER.url();
    let query = ["encode", &url, "-q", "SELECT * FROM stars", "-f", "csv"];
    let selection = ["--select", "name, ra", "--where", "ra > 100 AND id = 1"];
    let run = taploom(&[&query[..], &selection].concat());
    run.succeeds();
    assert_eq!(run.stdout, b"name,ra\r\nSirius,101.287\r\n");
}

#[test]
fn a_password_may_come_from_the_environment() {
    for scheme in Server::SCHEMES {
        let url = format!("{scheme}://taploom@127.0.0.1:{}/test", SERVER.port());
        let run = |password: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_taploom"));
            command.args(["encode", &url, "-q", "SELECT 1 AS n", "-f", "csv"]);
            command.env(Server::PASSWORD_VARIABLE, password).output().unwrap()
        };
        assert_eq!(run(Server::PASSWORD).stdout, b"n\r\n1\r\n", "{scheme}");
        assert_eq!(run("another").status.code(), Some(2), "{scheme}");
    }
}

#[test]
fn errors_never_show_the_password() {
    let url = SERVER.url();
    let tls = Server::TLS_REQUIRED;
    let (tls_mode, _) = tls.split_once('=').unwrap();
    let ([scheme, _], retries) = (Server::SCHEMES, Server::CONNECT_RETRIES);
    let unused_port = format!("{scheme}://taploom:p%40ss@127.0.0.1:1/test?{retries}=0");
    for (url, query, status, words) in [
        (&url, "SELECT nothing FROM stars", 2, &[Server::UNKNOWN_COLUMN, "nothing"][..]),
        (&format!("{url}?{tls}"), "SELECT 1", 2, &["no TLS"]),
        (&format!("{url}?tls=1"), "SELECT 1", 2, &["tls", tls_mode]),
        (
            &url.replace("/test", "/elsewhere"),
            "SELECT 1",
            2,
            &[Server::UNKNOWN_DATABASE, "elsewhere"],
        ),
        (&url.replace("taploom:", "nobody:"), "SELECT 1", 2, &[Server::WRONG_PASSWORD]),
        (&unused_port, "SELECT 1", 1, &["127.0.0.1:1"]),
    ] {
        let run = taploom(&["encode", url, "-q", query]);
        run.fails_with(status, words);
        assert!(!run.stderr.contains("p%40ss") && !run.stderr.contains("p@ss"), "{}", run.stderr);
    }
    taploom(&["encode", &url]).fails_with(2, &["-q"]);
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
fn a_job_reads_its_rows_from_the_server() {
    let (destination, store) = common::store();
    let statuses = job(&SERVER.url(), "SELECT id, name FROM stars WHERE id = 1", &destination);
    assert_eq!(statuses.last().unwrap()["status"], "COMPLETED", "{statuses:?}");
    let (_, body) = store.join().unwrap();
    assert!(body.starts_with(b"<H/><DATA>") && body.ends_with(b"<F/>"));

    let guest = SERVER.url().replace("taploom:p%40ss%2Fw%3Ard", "guest:p%40ss");
    for (query, words) in [
        ("SELECT n, 'a' FROM nowhere", Server::UNKNOWN_TABLE_OF_GUEST),
        ("SELECT n, 'a' FROM closed", "not open to this service"),
    ] {
        let statuses = job(&guest, query, "http://127.0.0.1:1/");
        let error = &statuses.last().unwrap()["errorInfo"];
        assert_eq!(error["errorCode"], "backend_sql_error", "{statuses:?}");
        let shown = error["errorMessage"].as_str().unwrap();
        assert!(shown.contains(words), "{statuses:?}");
        assert!(!shown.contains("guest") && !shown.contains("127.0.0.1"), "{shown}");
    }
}
