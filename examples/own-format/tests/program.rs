//! The program has the format in each of its commands, in addition to Taploom's formats.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

const TWO_STARS: &str = "SELECT name, vmag FROM stars ORDER BY vmag LIMIT 2";
const TWO_ROWS: &str = "| name | vmag |\n|---|---|\n| Sirius | -1.44 |\n| Canopus | -0.62 |\n";

/// Runs the program, which must succeed, and returns its output.
fn printed(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_own-format");
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn formats_lists_it() {
    let listed = printed(&["formats"]);
    assert!(listed.contains("\nmarkdown    a table in Markdown\n"), "{listed}");
    assert!(listed.contains("bold: Whether the names of the columns are set in bold"), "{listed}");
    assert!(listed.contains("\nvotable "), "{listed}");
    assert!(printed(&["encode", "--help"]).contains("markdown    a table in Markdown"));
}

#[test]
fn encode_writes_it() {
    assert_eq!(printed(&["encode", "demo", "-q", TWO_STARS, "-f", "md"]), TWO_ROWS);
    let bold = ["encode", "demo", "-q", TWO_STARS, "-f", "text/markdown;bold=true"];
    assert!(printed(&bold).starts_with("| **name** | **vmag** |\n"));
    let file = folder("encode").join("stars.md");
    printed(&["encode", "demo", "-q", TWO_STARS, "-o", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), TWO_ROWS);
}

#[test]
fn bench_measures_it() {
    let measured = printed(&["bench", "demo", "--rows", "50", "--rounds", "1"]);
    for format in ["markdown", "votable", "csv"] {
        assert!(measured.lines().any(|line| line.starts_with(format)), "{format}: {measured}");
    }
}

#[test]
fn job_uploads_it() {
    let folder = folder("job");
    let database = folder.join("stars.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let stars = "CREATE TABLE stars (name TEXT, vmag REAL);
        INSERT INTO stars VALUES ('Canopus', -0.62), ('Sirius', -1.44);";
    connection.execute_batch(stars).unwrap();
    let (url, body) = store();
    let message = format!(
        r#"{{"jobID": "uws1", "ownerID": "me", "query": "{TWO_STARS}", "resultDestination": "{url}",
            "resultFormat": {{"format": {{"type": "markdown"}},
                "envelope": {{"header": "", "footer": "", "footerOverflow": ""}},
                "columnTypes": [{{"name": "name", "datatype": "char", "arraysize": "*"}},
                    {{"name": "vmag", "datatype": "double"}}]}}}}"#
    );
    let job = folder.join("job.json");
    std::fs::write(&job, message).unwrap();
    let source = format!("sqlite:{}", database.display());
    let statuses = printed(&["job", job.to_str().unwrap(), "--database", &source]);
    assert!(statuses.contains(r#""status":"COMPLETED""#), "{statuses}");
    assert_eq!(body.join().unwrap(), TWO_ROWS);
}

/// Starts a store that takes one PUT. Returns its URL, and a handle that returns the body of the
/// request.
fn store() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/result", listener.local_addr().unwrap());
    let store = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut chunk) = (String::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the request ends early: {request}");
            request.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
            let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
            let head = head.to_ascii_lowercase();
            let (_, length) = head.split_once("content-length: ").unwrap();
            if body.len() == length.lines().next().unwrap().parse::<usize>().unwrap() {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                return body.to_owned();
            }
        }
    });
    (url, store)
}
