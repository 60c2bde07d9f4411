//! Compressed outputs, and the replacement of existing files.

use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::common::{Folder, taploom};

fn decompressed(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match name.ends_with(".gz") {
        true => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
        false => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap(),
    };
    out
}

#[test]
fn a_name_of_another_compression_is_refused() {
    let folder = Folder::new();
    for (name, words) in [
        ("x.csv.bz2", ".gz and .zst; or pipe the output: taploom encode ... | bzip2 > "),
        ("x.vot.XZ", "| xz > "),
        ("x.parquet.zip", ".zip is not among the compressions"),
        ("parts.csv.xz/", "| xz > "),
    ] {
        let out = folder.path(name);
        for format in [&[][..], &["-f", "csv"]] {
            let arguments = [&["encode", "demo", "-o", &out], format].concat();
            taploom(&arguments).fails_with(2, &[words, name.trim_end_matches('/')]);
        }
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_failure_leaves_no_compressed_file() {
    let folder = Folder::new();
    let csv = folder.write("a.csv", &format!("n\n{}x\n", "1\n".repeat(3000)));
    let before = folder.names();
    taploom(&["encode", &csv, "-o", &folder.path("a.vot.gz")]).fails_with(1, &["row 3001"]);
    assert_eq!(folder.names(), before);
    // A full disk is detected at the end, when the compressor writes its last bytes.
    let link = folder.path("full.csv.gz");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    taploom(&["encode", "demo", "-o", &link]).fails_with(1, &["No space left"]);
}

#[test]
fn a_name_that_says_another_format_is_hinted_at() {
    let folder = Folder::new();
    for (name, format, hint) in [
        (
            "a.parquet",
            "csv",
            Some(
                "written in the format csv (by -f), but .parquet is the extension of voparquet; better use .csv",
            ),
        ),
        ("a.parquet.gz", "csv", Some("but .parquet is the extension of voparquet")),
        ("a.csv.gz", "csv", None),
        ("a.dat", "csv", None),
        ("a.gz", "csv", None),
        ("a.xml", "votable/td", None),
    ] {
        let run = taploom(&["encode", "demo", "-f", format, "-o", &folder.path(name)]);
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        match hint {
            Some(hint) => assert!(run.stderr.contains(hint), "{}", run.stderr),
            None => assert_eq!(run.stderr, "", "{name}"),
        }
    }
}

#[test]
fn a_replaced_file_keeps_its_mode_and_a_read_only_one_is_kept() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "before");
    let mode =
        |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o640);
    let owner = std::fs::metadata(&path).unwrap().uid();
    taploom(&["encode", "demo", "-o", &path]).succeeds();
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid()), (0o640, owner));
    mode(0o444);
    taploom(&["encode", "demo", "-o", &path]).fails_with(2, &["can't write", "it is read-only"]);
}

/// The next run would also read the rows that this run writes.
#[test]
fn an_output_among_the_files_that_are_read_is_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).unwrap();
    for name in ["in/1.csv", "in/2.csv", "3.csv"] {
        std::fs::write(folder.path(name), "x\n1\n").unwrap();
    }
    let (all, out) = (folder.path("in"), folder.path("in/all.csv"));
    let (first, third) = (folder.path("in/1.csv"), folder.path("3.csv"));
    let pattern = folder.path("in/*.csv");
    for (sources, out) in [
        (vec![all.as_str()], &out),
        (vec![third.as_str(), all.as_str()], &out),
        (vec![pattern.as_str()], &first),
        (vec![first.as_str(), third.as_str()], &third),
    ] {
        let before = std::fs::read(out).ok();
        let words = ["so the next run would read its rows too; write it to another folder"];
        taploom(&[&["encode"], &sources[..], &["-o", out]].concat()).fails_with(2, &words);
        assert_eq!(std::fs::read(out).ok(), before, "{sources:?}");
    }
    // A new file that the pattern would match at the next run is allowed.
    taploom(&["encode", &all, "-o", &folder.path("all.csv")]).succeeds();
    // Subfolders are not read.
    taploom(&["encode", &all, "-o", &format!("{all}/within/"), "--split-rows", "1"]).succeeds();
    // A single input file may be replaced by the output.
    taploom(&["encode", &third, "-o", &third]).succeeds();
}

/// A folder or a file may have the name of a source.
#[test]
fn a_folder_called_demo_is_not_the_demo_catalogue() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("demo")).unwrap();
    std::fs::write(folder.path("demo/1.csv"), "x,y\n1,2\n").unwrap();
    let here = |arguments: &[&str], place: &str| {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(arguments)
            .current_dir(folder.path(place))
            .output()
            .unwrap();
        let stderr = String::from_utf8(run.stderr).unwrap();
        assert!(run.status.success(), "{arguments:?}: {stderr}");
        String::from_utf8(run.stdout).unwrap()
    };
    here(&["encode", "demo", "--select", "hip", "-o", "demo/stars.csv"], ".");
    let stars = std::fs::read_to_string(folder.path("demo/stars.csv")).unwrap();
    assert_eq!(stars.lines().count(), 402, "{stars}");
    assert_eq!(here(&["encode", "demo/1.csv", "-f", "csv"], "."), "x,y\r\n1,2\r\n");
    // A pattern finds files, whatever they are called.
    std::fs::create_dir(folder.path("files")).unwrap();
    std::fs::write(folder.path("files/demo"), "x,y\n3,4\n").unwrap();
    assert_eq!(here(&["encode", "d*", "-f", "csv"], "files"), "x,y\r\n3,4\r\n");
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn every_format_is_written_compressed() {
        let folder = Folder::new();
        let source = format!("synth:{}?rows=3000", folder.columns());
        for extension in ["vot", "csv", "tsv", "parquet", "arrow", "fits", "ecsv", "json", "jsonl"]
        {
            let plain = folder.path(&format!("plain.{extension}"));
            taploom(&["encode", &source, "-o", &plain]).succeeds();
            let plain = std::fs::read(&plain).unwrap();
            for compression in ["gz", "zst"] {
                let (name, summary) =
                    (folder.path(&format!("a.{extension}.{compression}")), folder.path("s.json"));
                taploom(&["encode", &source, "-o", &name, "--summary", &summary]).succeeds();
                let bytes = std::fs::read(&name).unwrap();
                assert!(decompressed(&name, &bytes) == plain, "{name}");
                let summary: serde_json::Value =
                    serde_json::from_slice(&std::fs::read(&summary).unwrap()).unwrap();
                assert_eq!(summary["total_bytes"], plain.len());
                assert_eq!(summary["compressed_bytes"], bytes.len());
                assert_eq!(
                    summary["compression"],
                    if compression == "gz" { "gzip" } else { "zstd" }
                );
                // The same rows give the same bytes.
                taploom(&["encode", &source, "-o", &name]).succeeds();
                assert!(std::fs::read(&name).unwrap() == bytes, "{name}");
            }
        }
    }
}
