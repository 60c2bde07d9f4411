//! `-`: standard input, for every file format.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::common::{Folder, taploom};

/// Sends bytes through a pipe, in pieces.
fn piped(arguments: &[&str], bytes: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        let (first, rest) = bytes.split_at(bytes.len().min(3));
        // The program closes the pipe when it has read enough.
        let _ = stdin.write_all(first).and_then(|()| stdin.write_all(rest));
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[test]
fn every_kind_is_read_from_a_pipe_and_from_a_file_as_standard_input() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=3000&nulls=0", folder.columns());
    let expected = folder.path("expected.csv");
    taploom(&["encode", &source, "-o", &expected]).succeeds();
    let expected = std::fs::read(&expected).unwrap();
    for name in [
        "a.parquet",
        "a.arrow",
        "a.vot",
        "a.fits",
        "a.csv",
        "a.tsv",
        "a.ecsv",
        "a.jsonl",
        "a.csv.gz",
        "a.fits.gz",
        "a.parquet.zst",
    ] {
        let path = folder.path(name);
        taploom(&["encode", &source, "-o", &path]).succeeds();
        let output = piped(&["encode", "-", "-f", "csv"], &std::fs::read(&path).unwrap());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        assert!(output.stdout == expected, "{name} through a pipe");
        let output = Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(["encode", "-", "-f", "csv"])
            .stdin(File::open(&path).unwrap())
            .output()
            .unwrap();
        assert!(output.stdout == expected, "{name} as standard input");
    }
}

#[test]
fn what_is_not_known_or_cut_short_is_said() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=3000&nulls=0", folder.columns());
    let path = folder.path("a.parquet");
    taploom(&["encode", &source, "-o", &path]).succeeds();
    let parquet = std::fs::read(&path).unwrap();
    for (bytes, status, words) in [
        (
            &b"\0\x01\x02 nothing that is known"[..],
            2,
            "source standard input: its content does not look like",
        ),
        (b"", 1, "source standard input: it is empty"),
        (&parquet[..parquet.len() / 2], 1, "source standard input: not a whole Parquet file"),
        (
            b"SQLite format 3\0",
            2,
            "standard input: a SQLite database; save it to a file and call it sqlite:FILE",
        ),
    ] {
        let output = piped(&["encode", "-", "-f", "csv"], bytes);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(words), "no {words:?} in: {stderr}");
    }
}
