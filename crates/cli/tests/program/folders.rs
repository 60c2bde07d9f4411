//! `-o DIR/`: one table in many files.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use crate::common::{Folder, taploom};

/// The names of the files in a folder, and the number of rows of each, counted by another run of the
/// program.
fn files(folder: &str) -> Vec<(String, usize)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let rows = taploom(&["encode", &format!("{folder}/{name}"), "-f", "csv", "--quiet"]);
            rows.succeeds();
            let lines = rows.stdout.split(|byte| *byte == b'\n').count();
            (name, lines - 2)
        })
        .collect()
}

#[test]
fn no_rows_one_row_and_whole_files() {
    let folder = Folder::new();
    for (sql, split, rows) in [
        ("SELECT hip, ra FROM stars WHERE vmag > 100", &["--split-rows", "10"][..], &[0][..]),
        ("SELECT hip, ra FROM stars LIMIT 3", &["--split-rows", "1"], &[1, 1, 1]),
        ("SELECT hip, ra FROM stars LIMIT 4", &["--split-rows", "2"], &[2, 2]),
        ("SELECT hip, ra FROM stars LIMIT 4", &["--split-rows", "2", "--maxrec", "0"], &[0]),
        ("SELECT hip, ra FROM stars LIMIT 5", &["--split-rows", "2", "--maxrec", "4"], &[2, 2]),
        ("SELECT hip, ra FROM stars LIMIT 5", &[], &[5]),
        ("SELECT hip, ra FROM stars LIMIT 5", &["--split-rows", "9", "--threads", "2"], &[5]),
        (
            "SELECT hip, ra FROM stars LIMIT 5",
            &["--split-rows", "3", "--split-bytes", "1", "--batch-rows", "2"],
            &[2, 2, 1],
        ),
    ] {
        let out = folder.path("parts/");
        let run = ["encode", "demo", "-q", sql, "-f", "votable", "-o", &out];
        taploom(&[&run[..], split].concat()).succeeds();
        let found = files(out.trim_end_matches('/'));
        let counts: Vec<_> = found.iter().map(|(_, rows)| *rows).collect();
        assert_eq!(counts, rows, "{sql} {split:?}");
        let last = found.len() - 1;
        for (part, (name, _)) in found.iter().enumerate() {
            let text = std::fs::read_to_string(Path::new(&out).join(name)).unwrap();
            let overflow = split.contains(&"--maxrec") && part == last;
            assert_eq!(text.contains("OVERFLOW"), overflow, "{sql} {split:?} {name}");
        }
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn a_folder_that_can_not_be_written_is_refused() {
    let folder = Folder::new();
    folder.write("full.csv", "a\n1\n");
    let (file, own, new) = (folder.path("full.csv"), folder.path(""), folder.path("new"));
    let slash = format!("{file}/");
    let before = folder.names();
    for (arguments, words) in [
        (
            &["--split-rows", "9"][..],
            &["--split-rows writes files into a folder", "name it with -o DIR/"][..],
        ),
        (&["--split-bytes", "1MB", "-o", "-"], &["--split-bytes", "-o DIR/"]),
        (&["--split-rows", "9", "-o", &new], &["end its name with a slash: -o", "new/"]),
        (&["-o", &own], &["is not empty (it has full.csv)", "name a new folder"]),
        (&["-o", own.trim_end_matches('/')], &["is a folder; with a slash at the end"]),
        (&["-o", &slash], &["full.csv", "not a folder"]),
        (&["-o", "/nowhere/at/all/"], &["can't write /nowhere/at/all/"]),
        (&["--split-rows", "0"], &["--split-rows", "a whole number from 1, such as 1000000"]),
        (&["--split-rows", "1M"], &["a whole number from 1, such as 1000000"]),
        (&["--split-bytes", "many"], &["--split-bytes", "64MiB, 1GiB, 500kB"]),
        (&["--split-bytes", "0"], &["64MiB, 1GiB, 500kB"]),
    ] {
        taploom(&[&["encode", "demo"], arguments].concat()).fails_with(2, words);
        assert_eq!(folder.names(), before, "{arguments:?}");
    }
    let source = format!("synth:{}?rows=1000000000", folder.columns());
    let before = folder.names();
    let new = folder.path("new/");
    taploom(&["encode", &source, "-o", &new, "--split-rows", "9"]).fails_with(
        2,
        &["--split-rows 9 makes 111111112 files", "at most 100000", "give 10000 or more"],
    );
    assert_eq!(folder.names(), before);

    // Hidden files don't count, because sources ignore them.
    let hidden = folder.path("hidden");
    std::fs::create_dir(&hidden).unwrap();
    std::fs::write(format!("{hidden}/.keep"), "").unwrap();
    let summary = format!("{hidden}/summary.json");
    taploom(&[
        "encode",
        "demo",
        "-f",
        "csv",
        "-o",
        &hidden,
        "--split-rows",
        "300",
        "--summary",
        &summary,
    ])
    .fails_with(2, &["in the folder of the rows", "write it elsewhere"]);
    let rows = ["encode", "demo", "-f", "csv", "-o", &hidden, "--split-rows", "300"];
    taploom(&rows).succeeds();
    let mut names: Vec<_> = std::fs::read_dir(&hidden)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".keep", "part-00000.csv", "part-00001.csv"]);
    taploom(&rows).fails_with(2, &["is not empty"]);
}

#[test]
fn a_failure_leaves_no_file() {
    let folder = Folder::new();
    let csv = folder.write("a.csv", &format!("n\n{}x\n", "1\n".repeat(3000)));
    std::fs::create_dir(folder.path("empty")).unwrap();
    let before = folder.names();
    for out in ["new/", "empty/"] {
        for threads in ["1", "2"] {
            let out = folder.path(out);
            let run = ["encode", &csv, "-f", "votable", "-o", &out, "--split-rows", "7"];
            let run = [&run[..], &["--batch-rows", "100", "--threads", threads]].concat();
            taploom(&run).fails_with(1, &["row 3001"]);
            assert_eq!(folder.names(), before);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path("empty")).unwrap().count(), 0);
}

/// `nohup` lets a program go on after the end of its terminal.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    let folder = Folder::new();
    let source = format!("synth:{}?rows=1000000000", folder.columns());
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_taploom")])
        .args(["encode", &source, "-f", "csv", "-o", &folder.path("new/")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    for (signal, status) in [("-HUP", None), ("-INT", None), ("-TERM", Some(143))] {
        std::thread::sleep(Duration::from_millis(500));
        assert!(child.try_wait().unwrap().is_none(), "it has ended before {signal}");
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        if status.is_some() {
            assert_eq!(child.wait().unwrap().code(), status);
        }
    }
    assert_eq!(folder.names(), ["columns.json"]);
}

fn hidden_folders(folder: &str) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".taploom-")).count()
}

#[test]
fn a_sample_is_divided_too() {
    let folder = Folder::new();
    let out = folder.path("sample.tsv/");
    let sample = ["sample", "demo", "-g", "con", "-i", "hip", "-n", "1", "-o", &out];
    taploom(&[&sample[..], &["--split-rows", "40"]].concat()).succeeds();
    let found = files(out.trim_end_matches('/'));
    assert!(found.len() > 1, "{found:?}");
    assert!(found[..found.len() - 1].iter().all(|(_, rows)| *rows == 40), "{found:?}");
    assert_eq!(found[0].0, "part-00000.tsv");
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn a_file_ends_when_it_has_reached_its_size() {
        let folder = Folder::new();
        let source = format!("synth:{}?rows=80000&nulls=0", folder.columns());
        // Files exceed the limit by a batch or a row group; the expected sizes are specific to this table.
        for (name, limit, most, more) in [
            ("csv/", 300_000, 460_000, &["-f", "csv"][..]),
            ("threads/", 300_000, 460_000, &["-f", "csv", "--threads", "3"]),
            ("b.parquet/", 300_000, 800_000, &["--option", "row_group_rows=4500"]),
            ("vot.gz/", 300_000, 460_000, &["-f", "votable"]),
            ("fits/", 300_000, 460_000, &["-f", "fits"]),
            // FITS counts the rows before compression, which makes a file smaller than the limit.
            ("fits.gz/", 50_000, 300_000, &["-f", "fits"]),
        ] {
            let out = folder.path(name);
            let size = limit.to_string();
            taploom(&[&["encode", &source, "-o", &out, "--split-bytes", &size], more].concat())
                .succeeds();
            let names: Vec<_> =
                files(out.trim_end_matches('/')).into_iter().map(|file| file.0).collect();
            let sizes: Vec<_> = names
                .iter()
                .map(|name| std::fs::metadata(Path::new(&out).join(name)).unwrap().len())
                .collect();
            assert!(sizes.len() > 2, "{name}: {sizes:?}");
            let least = if name == "fits.gz/" { limit / 2 } else { limit };
            for size in &sizes[..sizes.len() - 1] {
                assert!((least..most).contains(size), "{name}: {sizes:?}");
            }
            for part in names.iter().filter(|_| name == "b.parquet/") {
                let file = File::open(Path::new(&out).join(part)).unwrap();
                let file = SerializedFileReader::new(file).unwrap();
                let groups: Vec<_> =
                    file.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
                let whole = part != names.last().unwrap() || groups.len() > 1;
                assert!(groups[0] == 4500 || !whole, "{groups:?}");
                let last = names.last() == Some(part);
                assert!(last || groups.iter().all(|rows| *rows == 4500), "{part}: {groups:?}");
            }
        }
    }

    #[test]
    fn a_table_in_seven_files_is_the_table() {
        let folder = Folder::new();
        let source = format!("synth:{}?rows=20000&nulls=0.1", folder.columns());
        let csv = folder.path("whole.csv");
        taploom(&["encode", &source, "-o", &csv]).succeeds();
        let whole = std::fs::read(&csv).unwrap();
        for (name, extension, more) in [
            ("a.parquet/", "parquet", &["--option", "row_group_rows=1200"][..]),
            ("a.csv.gz/", "csv.gz", &["--batch-rows", "977"]),
            ("votable/", "vot", &["-f", "votable", "--threads", "2"]),
            ("fits.zst/", "fits.zst", &["-f", "fits"]),
        ] {
            let (out, summary) = (folder.path(name), folder.path("summary.json"));
            let run =
                ["encode", &source, "-o", &out, "--split-rows", "2858", "--summary", &summary];
            taploom(&[&run[..], more].concat()).succeeds();
            let expected: Vec<_> = (0..7)
                .map(|part| {
                    (format!("part-0000{part}.{extension}"), if part == 6 { 2852 } else { 2858 })
                })
                .collect();
            assert_eq!(files(out.trim_end_matches('/')), expected, "{name}");
            // Together the files are one table, with the same cells in the same order as a single file.
            let one = folder.path(&format!("one.{extension}"));
            taploom(&["encode", &source, "-o", &one]).succeeds();
            let one = taploom(&["encode", &one, "-f", "csv"]);
            one.succeeds();
            let back = taploom(&["encode", &out, "-f", "csv"]);
            back.succeeds();
            assert!(back.stdout == one.stdout, "{name}");
            // FITS does not distinguish null from empty text.
            assert!(back.stdout == whole || name == "fits.zst/", "{name}");

            let summary: serde_json::Value =
                serde_json::from_slice(&std::fs::read(&summary).unwrap()).unwrap();
            assert_eq!(summary["rows"], 20_000);
            let parts = summary["files"].as_array().unwrap();
            assert_eq!(parts.len(), 7);
            for (part, (name, rows)) in parts.iter().zip(&expected) {
                assert_eq!(
                    (&part["file"], &part["rows"]),
                    (&name.as_str().into(), &(*rows).into())
                );
                let size = std::fs::metadata(Path::new(&out).join(name)).unwrap().len();
                assert_eq!(part["bytes"], size, "{name}");
            }
        }
        let part = File::open(folder.path("a.parquet/part-00003.parquet")).unwrap();
        let part = SerializedFileReader::new(part).unwrap();
        let groups = part.metadata().row_groups().iter().map(RowGroupMetaData::num_rows);
        assert_eq!(groups.collect::<Vec<_>>(), [1200, 1200, 458]);
        // The folder has the rights of any new folder, not the rights of a temporary one.
        std::fs::create_dir(folder.path("new")).unwrap();
        let rights = |name: &str| std::fs::metadata(folder.path(name)).unwrap().permissions();
        assert_eq!(rights("a.parquet"), rights("new"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_that_is_told_to_end_leaves_no_folder() {
        let folder = Folder::new();
        let place = folder.path("place");
        std::fs::create_dir(&place).unwrap();
        let source = format!("synth:{}?rows=1000000000", folder.columns());
        for (signal, status) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129), ("-QUIT", 131)] {
            for out in ["new/", "there/"] {
                let out = format!("{place}/{out}");
                if out.ends_with("there/") {
                    std::fs::create_dir(&out).unwrap();
                }
                // Tests that run in the background inherit signals that are ignored, and the program leaves these ignored.
                let mut child = Command::new("env")
                    .args(["--default-signal=HUP,INT,QUIT,TERM", env!("CARGO_BIN_EXE_taploom")])
                    .args(["encode", &source, "-f", "csv", "-o", &out, "--split-rows", "20000"])
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                std::thread::sleep(Duration::from_millis(700));
                assert!(child.try_wait().unwrap().is_none(), "it works for much longer than this");
                let parts = hidden_folders(if out.ends_with("there/") { &out } else { &place });
                assert_eq!(parts, 1, "the files are made in a hidden folder");
                let id = child.id().to_string();
                assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
                assert_eq!(child.wait().unwrap().code(), Some(status), "{signal} {out}");
                if out.ends_with("there/") {
                    std::fs::remove_dir(&out).expect("it is empty");
                }
                assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "{signal} {out}");
            }
        }
    }
}
