//! What the program writes, and that it depends only on the request.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Folder, taploom};

#[test]
fn the_format_is_that_of_the_option_else_of_the_name_else_votable() {
    let folder = Folder::new();
    let sql = "SELECT name, vmag FROM stars WHERE vmag < -1";
    let csv = taploom(&["encode", "demo", "-q", sql, "-f", "text/csv;header=absent"]);
    csv.succeeds();
    assert_eq!(csv.stdout, b"Sirius,-1.44\r\n");

    let tsv = folder.path("sirius.tsv");
    taploom(&["encode", "demo", "-q", sql, "-o", &tsv]).succeeds();
    assert_eq!(std::fs::read(&tsv).unwrap(), b"name\tvmag\nSirius\t-1.44\n");

    let default = taploom(&["encode", "demo", "-q", sql]);
    default.succeeds();
    let asked = "application/x-votable+xml; serialization=binary2";
    assert_eq!(taploom(&["encode", "demo", "-q", sql, "-f", asked]).stdout, default.stdout);
    assert!(default.stdout.starts_with(b"<?xml"));
    taploom(&["encode", "demo", "-o", &folder.path("x.docx")]).fails_with(2, &[".docx"]);
}

#[test]
fn a_summary_says_what_was_done() {
    let folder = Folder::new();
    let (out, file) = (folder.path("out.parquet"), folder.path("summary.json"));
    for (maxrec, status, rows) in [("5", "overflow", 5), ("6", "complete", 6), ("0", "overflow", 0)]
    {
        taploom(&[
            "encode",
            "demo",
            "-q",
            "SELECT hip, ra FROM stars LIMIT 6",
            "-f",
            "parquet",
            "-o",
            &out,
            "--maxrec",
            maxrec,
            "--summary",
            &file,
        ])
        .succeeds();
        let summary: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(summary["format"], "voparquet");
        assert_eq!(summary["content_type"], "application/vnd.apache.parquet");
        assert_eq!(summary["status"], status, "MAXREC={maxrec}");
        assert_eq!(summary["rows"], rows);
        assert_eq!(summary["columns"], 2);
        assert_eq!(summary["total_bytes"], std::fs::metadata(&out).unwrap().len());
        assert!(summary["data_bytes"].as_u64() <= summary["total_bytes"].as_u64());
        assert_eq!(summary["truncated_cells"], 0);
        assert!(summary["elapsed_seconds"].as_f64().unwrap() > 0.0);

        let reader = parquet::file::serialized_reader::SerializedFileReader::new(
            std::fs::File::open(&out).unwrap(),
        );
        let reader = reader.unwrap();
        let metadata = parquet::file::reader::FileReader::metadata(&reader).file_metadata();
        let keys = metadata.key_value_metadata().unwrap();
        let content = keys.iter().find(|key| key.key == "IVOA.VOTable-Parquet.content").unwrap();
        let overflow = content.value.as_ref().unwrap().contains("value=\"OVERFLOW\"");
        assert_eq!(overflow, status == "overflow");
        assert_eq!(metadata.num_rows(), rows);
    }
}

#[test]
fn the_bytes_depend_on_neither_batches_nor_threads() {
    let folder = Folder::new();
    let columns = folder.columns();
    let bytes = |format: &str, seed: u32, more: &[&str]| {
        let source = format!("synth:{columns}?rows=5000&seed={seed}");
        let run = taploom(&[&["encode", &source, "-f", format], more].concat());
        run.succeeds();
        run.stdout
    };
    for format in ["votable", "csv", "tsv", "voparquet"] {
        let once = bytes(format, 1, &[]);
        assert_eq!(bytes(format, 1, &[]), once, "{format} again");
        assert_eq!(bytes(format, 1, &["--threads", "2"]), once, "{format} on two threads");
        assert_eq!(bytes(format, 1, &["--batch-rows", "7"]), once, "{format} in batches of 7");
        assert_ne!(bytes(format, 2, &[]), once, "{format} of another seed");
    }
}

#[test]
fn a_file_that_was_there_is_replaced_by_a_whole_one_alone() {
    let folder = Folder::new();
    let out = folder.write("stars.csv", "before");
    taploom(&["encode", "demo", "-q", "SELECT * FROM suns", "-o", &out]).fails_with(2, &["suns"]);
    assert_eq!(std::fs::read(&out).unwrap(), b"before");
    let link = folder.path("link.csv");
    std::os::unix::fs::symlink(&out, &link).unwrap();
    taploom(&["encode", "demo", "-q", "SELECT 1 AS a, 2 AS b", "-o", &link]).succeeds();
    assert_eq!(std::fs::read(&out).unwrap(), b"a,b\r\n1,2\r\n");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(folder.names(), ["link.csv", "stars.csv"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=1000000", folder.columns());
    for format in ["votable", "csv", "voparquet"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(["encode", &source, "-f", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut head = [0; 100];
        let read = child.stdout.take().unwrap().read(&mut head);
        assert!(read.unwrap() > 0);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{format}: {:?}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
}

#[test]
fn a_killed_program_leaves_nothing() {
    let folder = Folder::new();
    let place = folder.path("place");
    std::fs::create_dir(&place).unwrap();
    let source = format!("synth:{}?rows=1000000000", folder.columns());
    for format in ["votable", "csv", "voparquet"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(["encode", &source, "-f", format, "-o", &format!("{place}/out")])
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "it works for much longer than this");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "{format}");
    }
}

#[test]
fn formats_are_listed_for_people_and_for_programs() {
    let people = taploom(&["formats"]);
    people.succeeds();
    let text = String::from_utf8(people.stdout).unwrap();
    for words in ["voparquet", "application/x-votable+xml", "votable/b2", "row_group_rows", "tsv"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let programs = taploom(&["formats", "--json"]);
    programs.succeeds();
    let formats: serde_json::Value = serde_json::from_slice(&programs.stdout).unwrap();
    let ids: Vec<&str> =
        formats.as_array().unwrap().iter().map(|format| format["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        ["arrow", "csv", "ecsv", "fits", "json", "jsonl", "tsv", "voparquet", "votable"]
    );
    for format in formats.as_array().unwrap() {
        for key in ["media_types", "short_names", "extensions"] {
            assert!(!format[key].as_array().unwrap().is_empty(), "{key} of {format}");
        }
    }
    taploom(&["--version"]).succeeds();
    taploom(&["encode", "--help"]).succeeds();
}

#[test]
fn cut_cells_are_counted_and_told() {
    let folder = Folder::new();
    let columns = folder.write(
        "c.json",
        r#"{"columns": [{"datatype": "char", "arraysize": "4*"}, {"datatype": "int"}]}"#,
    );
    let sql = "SELECT name, hip FROM stars WHERE name IN ('Sirius', 'Vega')";
    let summary = folder.path("summary.json");
    let run = taploom(&[
        "encode",
        "demo",
        "-q",
        sql,
        "-f",
        "votable",
        "--columns",
        &columns,
        "--summary",
        &summary,
    ]);
    assert_eq!(run.status, Some(0));
    let warning = "1 cell in 1 column (name) did not fit the arraysize of the column, or \
                   had a NUL inside; cut";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&summary).unwrap()).unwrap();
    assert_eq!(summary["truncated_cells"], 1);
    let losses = serde_json::json!([
        {"column": "name", "truncated_cells": 1, "altered_cells": 0, "name_altered": false},
    ]);
    assert_eq!(summary["losses"], losses);
}
