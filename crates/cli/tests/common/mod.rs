//! Runs the program, in a temporary folder.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test that fails panics, and no test uses all of this"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

/// The outcome of a run.
pub(crate) struct Run {
    arguments: String,
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

pub(crate) fn taploom(arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_taploom"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        arguments: arguments.join(" "),
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// Checks that the run succeeded without messages.
    pub(crate) fn succeeds(&self) {
        assert_eq!((self.status, &*self.stderr), (Some(0), ""), "taploom {}", self.arguments);
    }

    /// Checks that the run failed without any output.
    pub(crate) fn fails_with(&self, status: i32, words: &[&str]) {
        self.line_says(status, words);
        assert!(self.stdout.is_empty(), "taploom {} writes to stdout", self.arguments);
    }

    /// Checks that the run failed with one line on standard error.
    pub(crate) fn line_says(&self, status: i32, words: &[&str]) {
        let Self { arguments, stderr, .. } = self;
        assert_eq!(self.status, Some(status), "taploom {arguments}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "taploom {arguments}: {stderr}");
        assert!(stderr.starts_with("taploom: "), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "taploom {arguments}: no {word:?} in: {stderr}");
        }
    }
}

/// A folder that is removed at the end of the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }

    /// A list of columns for `synth:`.
    pub(crate) fn columns(&self) -> String {
        let json = r#"{"columns": [
            {"name": "id", "datatype": "long"}, {"name": "ra", "datatype": "double"},
            {"name": "flag", "datatype": "boolean"}, {"name": "mag", "datatype": "float"},
            {"name": "band", "datatype": "char", "arraysize": "*"}]}"#;
        self.write("columns.json", json)
    }

    /// A list of many columns for `synth:`, called `PREFIX0`, `PREFIX1` and so on.
    pub(crate) fn many_columns(&self, number: usize, prefix: &str, datatype: &str) -> String {
        let column = |n| format!(r#"{{"name": "{prefix}{n}", "datatype": "{datatype}"}}"#);
        let columns: Vec<String> = (0..number).map(column).collect();
        self.write("wide.json", &format!("{{\"columns\": [{}]}}", columns.join(",")))
    }

    /// The names of all entries of the folder, including hidden ones.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(Path::new(self.0.path())).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

/// Accepts one PUT, answers it, and returns its head and body.
pub(crate) fn store() -> (String, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/result?signature=5ec3e7", listener.local_addr().unwrap());
    let store = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut taken = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the request ends early");
            taken.extend_from_slice(&chunk[..read]);
            let Some(end) = taken.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8(taken[..end].to_vec()).unwrap().to_ascii_lowercase();
            let (_, length) = head.split_once("content-length: ").unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if taken.len() == end + 4 + length {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                return (head, taken.split_off(end + 4));
            }
        }
    });
    (url, store)
}
