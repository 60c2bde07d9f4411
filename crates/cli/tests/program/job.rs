//! `taploom job`: a message, a database, a store.

use serde_json::{Value, json};

use crate::common::{Folder, store, taploom};

fn message(url: &str) -> Value {
    json!({
        "jobID": "uws1", "ownerID": "me", "query": "SELECT n FROM numbers",
        "resultDestination": url,
        "resultFormat": {
            "format": {"type": "VOTable", "serialization": "BINARY2"},
            "envelope": {"header": "<H/>", "footer": "<F/>", "footerOverflow": "<O/>"},
            "columnTypes": [{"name": "n", "datatype": "int"}],
        },
    })
}

/// Prepares a database and a message, and returns the location of the database and the path of the message.
fn prepare(folder: &Folder, message: &Value) -> (String, String) {
    let database = folder.path("numbers.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute_batch("CREATE TABLE numbers (n INT); INSERT INTO numbers VALUES (7);")
        .unwrap();
    let path = folder.path("job.json");
    std::fs::write(&path, message.to_string()).unwrap();
    (format!("sqlite:{database}"), path)
}

fn lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_job_is_stored_and_says_so() {
    let folder = Folder::new();
    let (url, store) = store();
    let (database, job) = prepare(&folder, &message(&url));
    let run = taploom(&["job", &job, "--database", &database]);
    run.succeeds();
    let statuses = lines(&run.stdout);
    assert_eq!(statuses.len(), 2);
    assert_eq!(
        (&statuses[0]["status"], &statuses[1]["status"]),
        (&json!("EXECUTING"), &json!("COMPLETED"))
    );
    let (head, body) = store.join().unwrap();
    assert!(head.starts_with("put /result?signature=5ec3e7 http/1.1"), "{head}");
    assert!(body.starts_with(b"<H/><DATA>") && body.ends_with(b"<F/>"));
}

#[test]
fn what_goes_wrong_is_one_line_and_a_status() {
    let folder = Folder::new();
    let (database, job) = prepare(&folder, &message("http://127.0.0.1:1/?signature=5ec3e7"));
    let run = taploom(&["job", &job, "--database", &database, "--attempts", "1"]);
    run.line_says(1, &["upload_failed", "refused"]);
    assert!(!run.stderr.contains("5ec3e7"));
    assert_eq!(lines(&run.stdout)[1]["errorInfo"]["errorCode"], "upload_failed");

    let mut wrong = message("http://127.0.0.1:1/");
    wrong["maxrec"] = json!(-1);
    let folder = Folder::new();
    let (database, job) = prepare(&folder, &wrong);
    let run = taploom(&["job", &job, "--database", &database]);
    run.line_says(2, &["maxrec: -1 is not a whole number"]);
    assert_eq!(lines(&run.stdout)[0]["errorInfo"]["errorCode"], "invalid_request");

    let mut wrong = message("http://127.0.0.1:1/");
    wrong["query"] = json!("SELECT n FROM missing");
    let folder = Folder::new();
    let (database, job) = prepare(&folder, &wrong);
    let run = taploom(&["job", &job, "--database", &database]);
    run.line_says(2, &["backend_sql_error", "no such table: missing"]);

    for url in ["oracle://tap:SECRET@db/dp1", "MySQL://tap:SECRET@db/dp1"] {
        let run = taploom(&["job", &job, "--database", url]);
        run.fails_with(2, &["://…: "]);
        assert!(!run.stderr.contains("SECRET"), "{}", run.stderr);
    }
    taploom(&["job", "nowhere.json", "--database", &database]).fails_with(2, &["nowhere.json"]);
}

/// A query that never ends.
#[cfg(target_os = "linux")]
const ENDLESS: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n FROM c) SELECT n FROM c";

#[test]
#[cfg(target_os = "linux")]
fn a_job_that_is_told_to_end_says_so() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let folder = Folder::new();
    let mut endless = message("http://127.0.0.1:1/");
    endless["query"] = json!(ENDLESS);
    let (database, job) = prepare(&folder, &endless);
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut child = Command::new("env")
            .args(["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_taploom")])
            .args(["job", &job, "--database", &database])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut statuses = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut status =
            || -> Value { serde_json::from_str(&statuses.next().unwrap().unwrap()).unwrap() };
        assert_eq!(status()["status"], "EXECUTING");
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(status()["status"], "ABORTED", "{signal}");
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}");
    }
}

/// The statuses have the query, so that the first one fills the pipe. Of it, only one byte is read.
#[test]
#[cfg(target_os = "linux")]
fn a_job_whose_reader_has_stopped_ends_when_it_is_told_to() {
    use std::io::Read;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    let start = |query: &str, url: &str| -> (Folder, Child) {
        let folder = Folder::new();
        let mut long = message(url);
        long["query"] = json!(format!("{query} -- {}", "x".repeat(1 << 18)));
        let (database, job) = prepare(&folder, &long);
        let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(["job", &job, "--database", &database])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        (folder, child)
    };
    let ended = |child: &mut Child| {
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let asked = Instant::now();
        loop {
            match child.try_wait().unwrap() {
                Some(status) => return status.code(),
                None if asked.elapsed() > Duration::from_secs(60) => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    return None;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    };
    let (_folder, mut endless) = start(ENDLESS, "http://127.0.0.1:1/");
    let ended_endless = ended(&mut endless);
    // The work is not held up: only the final status waits for its reader.
    let (url, put) = store();
    let (_folder, mut quick) = start("SELECT n FROM numbers", &url);
    assert!(put.join().unwrap().1.starts_with(b"<H/><DATA>"));
    assert_eq!((ended_endless, ended(&mut quick)), (Some(1), Some(1)));
}

#[test]
fn a_signed_url_goes_to_a_proxy_only_if_told() {
    let run = |url: &str, proxy: &[&str]| {
        let folder = Folder::new();
        let (database, job) = prepare(&folder, &message(url));
        let arguments =
            [&["job", &job, "--database", &database, "--attempts", "1"], proxy].concat();
        std::process::Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(arguments)
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("http_proxy", "http://127.0.0.1:1")
            .env("ALL_PROXY", "http://127.0.0.1:1")
            .output()
            .unwrap()
    };
    let (url, put) = store();
    let ended = run(&url, &[]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(put.join().unwrap().0.starts_with("put /result"));

    let (proxy, put) = store();
    let (proxy, _) = proxy.split_once("/result").unwrap();
    let ended = run("http://store.invalid/result?signature=5ec3e7", &["--proxy", proxy]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let head = put.join().unwrap().0;
    assert!(head.starts_with("put http://store.invalid/result"), "{head}");

    let ended = run("http://store.invalid/", &["--proxy", "mailto:me@example.org"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("proxy"));
}
