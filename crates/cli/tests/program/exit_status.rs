//! The exit status: 1 for a damaged input and 2 for a wrong request, whatever the source.

use crate::common::{Folder, taploom};

/// A kind of file: how it is written, and how it is damaged.
struct Kind {
    name: &'static str,
    format: &'static str,
    damage: fn(Vec<u8>) -> Vec<u8>,
}

/// The first three fifths of a file.
fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() * 3 / 5);
    bytes
}

/// A file without its last bytes.
fn cut_at_end(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 20);
    bytes
}

/// A file whose first block alone is there.
fn cut_in_header(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(3000);
    bytes
}

fn with_open_quote(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend_from_slice(b"\"");
    bytes
}

fn with_short_record(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend_from_slice(b"1\n");
    bytes
}

fn without_names(mut bytes: Vec<u8>) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let comments = lines.take_while(|line| line.starts_with(b"#")).map(<[u8]>::len).sum();
    bytes.truncate(comments);
    bytes
}

fn empty(_: Vec<u8>) -> Vec<u8> {
    Vec::new()
}

fn with_zeros_amid(mut bytes: Vec<u8>) -> Vec<u8> {
    let from = bytes.len() / 2;
    let to = bytes.len().min(from + 300);
    bytes[from..to].fill(0);
    bytes
}

const KINDS: &[Kind] = &[
    Kind { name: "a.parquet", format: "voparquet", damage: cut },
    Kind { name: "b.parquet", format: "voparquet", damage: cut_at_end },
    Kind { name: "c.parquet", format: "voparquet", damage: empty },
    Kind { name: "a.arrow", format: "arrow", damage: cut },
    Kind { name: "b.arrow", format: "arrow", damage: cut_at_end },
    Kind { name: "a.fits", format: "fits", damage: cut },
    Kind { name: "b.fits", format: "fits", damage: cut_in_header },
    Kind { name: "a.vot", format: "votable", damage: cut },
    Kind { name: "b.vot", format: "votable/td", damage: cut },
    Kind { name: "c.vot", format: "votable/td", damage: cut_at_end },
    Kind { name: "a.csv", format: "csv", damage: with_open_quote },
    Kind { name: "b.csv", format: "csv", damage: with_short_record },
    Kind { name: "c.csv", format: "csv", damage: empty },
    Kind { name: "a.tsv", format: "tsv", damage: with_short_record },
    Kind { name: "a.ecsv", format: "ecsv", damage: without_names },
    Kind { name: "b.ecsv", format: "ecsv", damage: with_short_record },
    Kind { name: "a.jsonl", format: "jsonl", damage: cut_at_end },
    Kind { name: "b.jsonl", format: "jsonl", damage: with_zeros_amid },
    Kind { name: "a.csv.gz", format: "csv", damage: cut },
    Kind { name: "b.parquet.gz", format: "voparquet", damage: cut },
    Kind { name: "a.csv.zst", format: "csv", damage: cut },
    Kind { name: "a.vot.gz", format: "votable", damage: with_zeros_amid },
    Kind { name: "a.jsonl.zst", format: "jsonl", damage: cut },
];

#[test]
fn a_damaged_database_is_1_and_a_wrong_query_is_2() {
    let folder = Folder::new();
    let file = folder.path("a.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (a INTEGER, b TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO t SELECT i, 'text ' || i FROM n;",
        )
        .unwrap();
    drop(connection);
    let source = format!("sqlite:{file}");
    let run = |query: &str| taploom(&["encode", &source, "-q", query, "-f", "csv"]);
    run("SELECT c FROM t").fails_with(2, &["the query is wrong", "tables: t"]);
    run("SELCT a FROM t").fails_with(2, &["the query is wrong"]);
    run("DROP TABLE t").fails_with(2, &["SELECT"]);
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[5000..40000].fill(0xff);
    std::fs::write(&file, damaged).unwrap();
    taploom(&[
        "encode",
        &source,
        "-q",
        "SELECT a, b FROM t",
        "-f",
        "csv",
        "-o",
        &folder.path("x.csv"),
    ])
    .fails_with(1, &["malformed"]);
    // The schema is on the first page.
    let mut damaged = whole;
    damaged[100..4096].fill(0xff);
    std::fs::write(&file, damaged).unwrap();
    run("SELECT a, b FROM t").fails_with(1, &["a.db"]);
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn damage_is_1_and_a_wrong_request_is_2_for_every_kind_of_file() {
        let folder = Folder::new();
        for Kind { name, format, damage } in KINDS {
            let whole = folder.path(name);
            let query = "SELECT name, vmag, ra FROM stars";
            // FITS can't store Greek letters, and says so.
            let run =
                taploom(&["encode", "demo", "-q", query, "-f", format, "-o", &whole, "--quiet"]);
            run.succeeds();
            let other = folder.path(&format!("no-{name}"));
            for (arguments, word) in [
                (&["--select", "nmae"][..], "nmae"),
                (&["--where", "nmae = 'Vega'"], "nmae"),
                (&["--where", "name + 1 = 2"], "name"),
                (&["--table", "seventh"], "table"),
                (&["--input-format", "word"], "word"),
                (&["-q", "SELECT 1"], "SQL"),
            ] {
                let arguments = [&["encode", &whole, "-f", "csv"], arguments].concat();
                let run = taploom(&arguments);
                run.line_says(2, &[]);
                assert!(run.stderr.to_lowercase().contains(&word.to_lowercase()), "{}", run.stderr);
            }
            taploom(&["encode", &other, "-f", "csv"]).fails_with(2, &["no such file"]);
            taploom(&["show", &other]).fails_with(2, &["no such file"]);

            let bytes = std::fs::read(&whole).unwrap();
            std::fs::write(&whole, damage(bytes)).unwrap();
            let out = folder.path("out.csv");
            for arguments in [
                &["encode", &whole, "-o", &out][..],
                &["encode", &whole, "-o", &out, "--where", "vmag < 100 OR vmag IS NULL"],
                &["sample", &whole, "-g", "name", "-i", "vmag", "-n", "1", "-o", &out],
            ] {
                taploom(arguments).fails_with(1, &[name]);
            }
            assert!(!folder.names().contains(&"out.csv".to_owned()), "{name}");
        }
    }
}
