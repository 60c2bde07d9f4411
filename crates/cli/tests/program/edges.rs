//! Edge cases of the program: damaged input, full disks, links, MAXREC in the document.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use crate::common::{Folder, taploom};

#[test]
fn a_parquet_file_that_is_cut_short_or_damaged_leaves_nothing() {
    let folder = Folder::new();
    let whole = folder.path("whole.parquet");
    let source = format!("synth:{}?rows=5000", folder.columns());
    taploom(&["encode", &source, "-o", &whole]).succeeds();
    let bytes = fs::read(&whole).unwrap();
    let (cut, damaged) = (folder.path("cut.parquet"), folder.path("damaged.parquet"));
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    // The footer is undamaged, so the damage is only found when the pages are read.
    let mut pages = bytes.clone();
    pages[4..4000].fill(0xff);
    fs::write(&damaged, pages).unwrap();
    let before = folder.names();
    for format in ["votable", "csv", "tsv", "voparquet"] {
        let out = folder.path("out");
        let encode = |source: &str| taploom(&["encode", source, "-f", format, "-o", &out]);
        encode(&cut).fails_with(1, &["cut.parquet", "not a whole Parquet file"]);
        encode(&damaged).fails_with(1, &["damaged.parquet"]);
        assert_eq!(folder.names(), before, "{format}");
    }
}

#[test]
fn a_failure_in_any_batch_leaves_the_file_that_was_there() {
    let folder = Folder::new();
    for row in [1, 17, 2000, 2001, 4321] {
        let source = numbers(&folder, row);
        for format in ["votable", "csv", "tsv", "voparquet"] {
            for threads in ["1", "2"] {
                let out = folder.write("out", "before");
                let before = folder.names();
                let sql = "SELECT id, n FROM t ORDER BY id";
                let work = ["encode", &source, "-q", sql, "-f", format, "-o", &out];
                taploom(&[&work[..], &["--threads", threads]].concat())
                    .fails_with(1, &["column \"n\"", &format!("row {row}:"), "many"]);
                assert_eq!(fs::read(&out).unwrap(), b"before", "{format}");
                assert_eq!(folder.names(), before, "{format}");
            }
        }
    }
}

/// A complete output ends with a line break, so an output without one has been cut short.
#[test]
fn text_cut_short_on_standard_output_ends_within_a_record() {
    let folder = Folder::new();
    let source = numbers(&folder, 4321);
    for format in ["csv", "tsv"] {
        for sql in ["SELECT id, n FROM t ORDER BY id", "SELECT n FROM t ORDER BY id"] {
            let run = taploom(&["encode", &source, "-q", sql, "-f", format]);
            run.line_says(1, &["row 4321:"]);
            assert!(run.stdout.len() > 1000, "rows before it are out");
            assert!(!run.stdout.ends_with(b"\n"), "{format}, {sql}: reads as a whole file");
        }
    }
}

#[test]
fn a_full_standard_output_is_told() {
    let folder = Folder::new();
    let columns = folder.columns();
    for format in ["votable", "csv", "tsv", "voparquet"] {
        // A small and a large number of rows: less than a buffer, and more.
        for rows in [1, 5000] {
            let output = Command::new(env!("CARGO_BIN_EXE_taploom"))
                .args(["encode", &format!("synth:{columns}?rows={rows}"), "-f", format])
                .stdout(full())
                .output()
                .unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{format}, {rows} rows: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.contains("No space left"), "{stderr}");
        }
    }
}

#[test]
fn a_full_standard_error_changes_no_exit_status() {
    for (arguments, status) in [
        (&["encode", "demo", "-f", "nope"][..], 2),
        (&["encode", "demo", "-f", "csv", "--maxrec", "1"], 0),
        (&["encode"], 2),
    ] {
        let exit = Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(full())
            .status()
            .unwrap();
        assert_eq!(exit.code(), Some(status), "taploom {}", arguments.join(" "));
    }
}

#[test]
fn a_votable_says_overflow_only_where_rows_were_left_out() {
    let sql = "SELECT hip FROM stars LIMIT 20";
    for (maxrec, overflow) in
        [("0", true), ("10", true), ("19", true), ("20", false), ("21", false)]
    {
        let run = taploom(&["encode", "demo", "-q", sql, "--maxrec", maxrec]);
        run.succeeds();
        let text = String::from_utf8(run.stdout).unwrap();
        assert_eq!(text.contains("value=\"OVERFLOW\""), overflow, "MAXREC={maxrec}");
        assert!(text.contains("value=\"OK\""), "MAXREC={maxrec}");
    }
}

#[test]
fn csv_has_no_place_for_an_overflow_so_a_line_says_it() {
    let encode = |maxrec| taploom(&["encode", "demo", "-f", "csv", "--maxrec", maxrec]);
    let ten = encode("10");
    assert_eq!(ten.stdout.iter().filter(|byte| **byte == b'\n').count(), 11);
    ten.line_says(0, &["--maxrec"]);
    // Only the metadata were requested.
    let none = encode("0");
    none.succeeds();
    assert_eq!(none.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
    encode("401").succeeds();
}

#[test]
fn a_file_may_be_encoded_into_itself() {
    let folder = Folder::new();
    let file = folder.path("stars.parquet");
    taploom(&["encode", "demo", "-o", &file]).succeeds();
    let before = taploom(&["encode", &file, "-f", "csv"]).stdout;
    taploom(&["encode", &file, "-o", &file]).succeeds();
    assert_eq!(taploom(&["encode", &file, "-f", "csv"]).stdout, before);
}

#[test]
fn a_link_to_a_file_that_is_not_there_yet_is_followed() {
    let folder = Folder::new();
    let (link, target) = (folder.path("link.csv"), folder.path("target.csv"));
    std::os::unix::fs::symlink("target.csv", &link).unwrap();
    taploom(&["encode", "demo", "-q", "SELECT 1 AS a", "-o", &link]).succeeds();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"a\r\n1\r\n");
}

#[test]
fn a_summary_that_cannot_be_written_is_named_and_the_file_is_not_there() {
    let folder = Folder::new();
    let out = folder.path("out.csv");
    taploom(&["encode", "demo", "-o", &out, "--summary", "/dev/full"])
        .fails_with(1, &["/dev/full", "No space left"]);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_summary_replaces_no_input_and_is_not_mixed_with_the_rows() {
    let folder = Folder::new();
    let columns = folder.write("columns.json", r#"{"columns": [{"name": "a"}]}"#);
    let rows = folder.write("rows.csv", "a\n1\n");
    let out = folder.path("out.vot");
    for summary in [&rows, &columns] {
        let before = fs::read(summary).unwrap();
        let arguments = ["encode", &rows, "--columns", &columns, "-o", &out, "--summary", summary];
        taploom(&arguments).fails_with(2, &["--summary", summary]);
        assert_eq!(fs::read(summary).unwrap(), before);
    }
    taploom(&["encode", &rows, "--summary", "-"]).fails_with(2, &["--summary", "standard output"]);
}

/// The next run would lack what this one has read beside the rows.
#[test]
fn an_output_replaces_no_metadata_no_database_and_not_the_file_of_its_sample() {
    let folder = Folder::new();
    let columns = folder.write("columns.json", r#"{"columns": [{"name": "a"}]}"#);
    let envelope = folder.write("e.json", r#"{"header": "", "footer": "", "footerOverflow": ""}"#);
    let rows = folder.write("rows.csv", "a\n1\n");
    let database = numbers(&folder, 1);
    let file = database.trim_start_matches("sqlite:");
    for (arguments, out) in [
        (&["encode", &rows, "--columns", &columns][..], columns.as_str()),
        (&["encode", &rows, "--envelope", &envelope], &folder.path("./e.json")),
        (&["encode", &database, "-q", "SELECT id FROM t", "-f", "csv"], file),
        (&["sample", &rows, "-g", "a", "-i", "a", "-n", "1"], &rows),
    ] {
        let before = fs::read(out).unwrap();
        taploom(&[arguments, &["-o", out]].concat())
            .fails_with(2, &["-o would replace", "which is read; name another file"]);
        assert!(fs::read(out).unwrap() == before);
    }
}

#[test]
fn no_argument_shows_a_password() {
    for arguments in [
        &["formats", "mysql://u:SECRET@h/db"][..],
        &["mysql://u:SECRET@h/db"],
        &["encode", "demo", "--columns", "mysql://u:SECRET@h/db"],
        &["encode", "demo", "-o", "mysql://u:SECRET@h/db"],
    ] {
        let run = taploom(arguments);
        assert!(!run.stderr.contains("SECRET"), "{}", run.stderr);
        assert!(run.stderr.contains("mysql://[hidden]@h"), "{}", run.stderr);
    }
    let joined = taploom(&["encode", "stars.csv", "mysql://u:SECRET@h/db"]);
    joined.fails_with(2, &["source mysql://… can't be joined with other sources"]);
}

#[test]
fn threads_beyond_what_a_system_can_start_give_the_same_bytes() {
    let one = taploom(&["encode", "demo", "-f", "csv"]);
    let many = taploom(&["encode", "demo", "-f", "csv", "--threads", "100000"]);
    assert_eq!(many.status, Some(0), "{}", many.stderr);
    assert_eq!(one.stdout, many.stdout);
}

#[test]
fn a_summary_does_not_take_the_place_of_the_rows() {
    let folder = Folder::new();
    let out = folder.path("out.csv");
    taploom(&["encode", "demo", "-o", &out, "--summary", &out]).fails_with(2, &["--summary"]);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = Folder::new();
    let text = folder.write("text.db", "id\n1\n");
    taploom(&["encode", &format!("sqlite:{text}"), "-q", "SELECT 1", "-f", "csv"])
        .fails_with(2, &["text.db", "not a database"]);
}

#[test]
fn a_query_with_parameters_is_the_callers_fault() {
    taploom(&["encode", "demo", "-q", "SELECT hip FROM stars WHERE hip = ?", "-f", "csv"])
        .fails_with(2, &["parameter"]);
}

#[test]
fn a_negative_maxrec_is_named() {
    taploom(&["encode", "demo", "-f", "csv", "--maxrec", "-1"]).fails_with(2, &["--maxrec"]);
}

#[test]
fn names_with_line_breaks_stay_on_one_line() {
    let odd = "no\nwhere";
    taploom(&["encode", odd, "-f", "csv"]).fails_with(2, &["no", "where"]);
    taploom(&["encode", "demo", "-f", odd]).fails_with(2, &["no", "where"]);
    taploom(&["encode", "demo", "-f", "csv", "--columns", odd]).fails_with(2, &["no", "where"]);
    let out = format!("/{odd}/x.csv");
    taploom(&["encode", "demo", "-o", &out]).fails_with(2, &["no", "where"]);
}

/// A database with 5000 rows, one of which has text in a column of numbers.
fn numbers(folder: &Folder, wrong_row: u32) -> String {
    let path = folder.path("numbers.db");
    let _ = fs::remove_file(&path);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE t (id INTEGER, n INTEGER);
             WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000)
             INSERT INTO t SELECT i, i FROM s;
             UPDATE t SET n = 'many' WHERE id = {wrong_row};"
        ))
        .unwrap();
    format!("sqlite:{path}")
}

/// A device that is always full.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn one_file_by_two_names_is_one_file() {
    let folder = Folder::new();
    let (plain, dotted) = (folder.path("x.csv"), folder.path("./x.csv"));
    taploom(&["encode", "demo", "-o", &dotted, "--summary", &plain])
        .fails_with(2, &["--summary", "-o"]);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_name_as_long_as_names_can_be_is_written() {
    let folder = Folder::new();
    let name = format!("{}.csv", "n".repeat(251));
    taploom(&["encode", "demo", "-o", &folder.path(&name)]).succeeds();
    assert_eq!(folder.names(), [name]);
}

#[test]
fn a_dash_is_standard_output() {
    let run = taploom(&["encode", "demo", "-q", "SELECT 1 AS a", "-f", "csv", "-o", "-"]);
    run.succeeds();
    assert_eq!(run.stdout, b"a\r\n1\r\n");
}

#[test]
fn a_wrong_cell_that_another_thread_encodes_is_reported_in_the_document() {
    let folder = Folder::new();
    let (csv, declared) = (folder.path("lists.csv"), folder.path("lists.json"));
    fs::write(&csv, "l\n1 2\n1 null\n").unwrap();
    fs::write(&declared, r#"{"columns":[{"datatype":"int","arraysize":"*"}]}"#).unwrap();
    for format in ["votable/td", "votable/b2"] {
        let outputs = ["1", "2", "3"].map(|threads| {
            let work = ["encode", &csv, "--columns", &declared, "-f", format];
            taploom(&[&work[..], &["--threads", threads]].concat())
        });
        for output in &outputs {
            output.line_says(1, &["row 2"]);
            let document = String::from_utf8_lossy(&output.stdout);
            assert!(document.contains("value=\"ERROR\""), "{format}: {document}");
            assert!(document.ends_with("</VOTABLE>\n"), "{format}: {document}");
        }
    }
}
