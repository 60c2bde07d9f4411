//! Temporary files: they stay within their limits, failures to write them are reported, and none remain.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Folder, taploom};

/// Arguments for rows that don't fit in a budget of 2 MiB, in row groups of about 4 MiB.
fn encode<'a>(source: &'a str, output: &'a str, scratch: &'a str) -> Vec<&'a str> {
    let format = ["-f", "voparquet", "--memory-budget", "2MiB", "--scratch-dir", scratch];
    [&["encode", source, "-o", output], &format[..]].concat()
}

#[test]
fn a_row_group_larger_than_the_budget_goes_through_scratch() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=300000", folder.columns());
    let scratch = folder.path("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let (one, other) = (folder.path("one.parquet"), folder.path("other.parquet"));
    taploom(&encode(&source, &one, &scratch)).succeeds();
    taploom(&[&encode(&source, &other, &scratch)[..], &["--threads", "2"]].concat()).succeeds();
    assert!(
        std::fs::read(&one).unwrap() == std::fs::read(&other).unwrap(),
        "threads change the file"
    );
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
}

#[test]
fn a_cap_on_scratch_is_kept_and_told() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=300000", folder.columns());
    let (output, scratch) = (folder.path("out.parquet"), folder.path(""));
    let run =
        taploom(&[&encode(&source, &output, &scratch)[..], &["--scratch-budget", "1MiB"]].concat());
    run.fails_with(1, &["voparquet", "scratch", "1048576", "row groups smaller"]);
    assert_eq!(folder.names(), ["columns.json"]);
}

#[test]
fn a_budget_that_can_not_do_is_refused_before_the_first_row() {
    let folder = Folder::new();
    let output = folder.path("out.parquet");
    let run =
        taploom(&["encode", "demo", "-f", "parquet", "-o", &output, "--memory-budget", "64KiB"]);
    run.fails_with(2, &["voparquet", "memory budget of 65536 bytes", "give it at least"]);
    let enough = run.stderr.rsplit_once("at least ").unwrap().1.split(' ').next().unwrap();
    let enough = format!("{enough}B");
    let encode = ["encode", "demo", "-f", "parquet", "-o", &output, "--memory-budget", &enough];
    taploom(&encode).succeeds();
    std::fs::remove_file(&output).unwrap();
    let wrong = ["--memory-budget", "2MiB", "--scratch-budget", "much"];
    let run = taploom(&[&["encode", "demo", "-f", "parquet", "-o", &output], &wrong[..]].concat());
    assert_eq!(run.status, Some(2));
    assert!(folder.names().is_empty());
}

/// A full folder, similar to `/dev/full`: a tmpfs of 1 MiB in a separate mount namespace.
#[test]
fn a_full_disk_under_scratch_is_told() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=300000", folder.columns());
    let (output, scratch) = (folder.path("out.parquet"), folder.path("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    let script = "mount -t tmpfs -o size=1m none \"$1\" || exit 77; shift; exec \"$@\"";
    let run = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh", &scratch])
        .arg(env!("CARGO_BIN_EXE_taploom"))
        .args(encode(&source, &output, &scratch))
        .output()
        .unwrap();
    let stderr = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in ["scratch", &scratch, "No space left"] {
        assert!(stderr.contains(word), "no {word:?} in: {stderr}");
    }
    assert_eq!(folder.names(), ["columns.json", "scratch"]);
}

#[test]
fn a_killed_program_leaves_nothing() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=100000000", folder.columns());
    let (output, scratch) = (folder.path("out.parquet"), folder.path("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
        .args(encode(&source, &output, &scratch))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    // A scratch file has no name, so it only shows up among the open files of the process.
    let scratch_is_open = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        let targets = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        targets.filter(|target| target.starts_with(&scratch)).count() > 0
    };
    let started = Instant::now();
    while !scratch_is_open() {
        assert!(started.elapsed() < Duration::from_secs(60), "no scratch file was made");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "scratch has a name");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(folder.names(), ["columns.json", "scratch"]);
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
}

#[test]
fn options_of_single_columns() {
    let folder = Folder::new();
    let output = folder.path("out.parquet");
    let format = ["encode", "demo", "-f", "parquet", "-o", &output, "--option"];
    let encode = |option: &str| taploom(&[&format[..], &[option]].concat());
    encode("column_compression=ra=zstd(3),dec=none").succeeds();
    encode("bloom_filters=ra, dec").succeeds();
    encode("column_encoding=ra=byte_stream_split,dec=plain").succeeds();
    encode("encoding=plain").succeeds();
    encode("row_group_bytes=1000").succeeds();
    encode("bloom_filters=rra").fails_with(2, &["bloom_filters", "rra"]);
    encode("column_compression=rra=none").fails_with(2, &["column_compression", "rra"]);
    encode("column_compression=ra=lzma").fails_with(2, &["column_compression", "ra=lzma"]);
    encode("column_encoding=rra=plain").fails_with(2, &["column_encoding", "rra"]);
    encode("column_encoding=ra=delta").fails_with(2, &["ra", "DOUBLE", "byte_stream_split"]);
    encode("column_encoding=ra=auto").fails_with(2, &["ra", "auto", "a column takes plain"]);
    encode("encoding=sometimes").fails_with(2, &["encoding", "auto, smallest, compatible"]);
    encode("row_group_bytes=0").fails_with(2, &["row_group_bytes"]);
}
