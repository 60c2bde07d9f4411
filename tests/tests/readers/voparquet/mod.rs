//! Old and new readers read Parquet and VOParquet. `docs/src/readers-parquet.md` has the results for every type,
//! filter, encoding and codec.
//!
//! `TAPLOOM_REWRITE=1 cargo test -p taploom-tests --test readers voparquet::` rewrites the page. The program is
//! built by `cargo build`; `cargo xtask test` does so first.

mod encodings;
mod page;
mod stil;
mod types;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use self::page::{Cell, Page};
use parquet::basic::Encoding;
use taploom_tests::Reader;

const FROM: &str = "<!-- from here on written by the test `voparquet` -->\n";

#[test]
fn the_page_says_who_reads_which_parquet() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/readers-parquet.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, said) = text.split_once(FROM).unwrap();
    let found = tables();
    if std::env::var_os("TAPLOOM_REWRITE").is_some() {
        std::fs::write(&path, format!("{head}{FROM}{found}")).unwrap();
        return;
    }
    let of_one = |sign: &str, lines: &str, other: &str| -> Vec<String> {
        let lines = lines.lines().filter(|line| !other.lines().any(|other| other == *line));
        lines.map(|line| format!("{sign} {line}")).collect()
    };
    let differ = [of_one("-", said, &found), of_one("+", &found, said)].concat();
    assert!(
        said == found,
        "readers-parquet.md says otherwise; TAPLOOM_REWRITE=1 writes it anew:\n{}",
        differ.join("\n")
    );
}

fn tables() -> String {
    let mut page = Page::default();
    page.heading("Types and filters");
    let columns = of_types(&mut page, &types::Table::of_every_type(), &Reader::OF_PARQUET);
    check_auto(&columns);
    page.heading("Bloom filters");
    of_types(&mut page, &types::Table::with_bloom_filters(), &types::BLOOM_FILTERS);
    let readers = encodings::readers();
    for (heading, tried) in
        [("Encodings", encodings::encodings()), ("Compression", encodings::codecs())]
    {
        page.heading(heading);
        page.head(&[heading, "of"], &readers);
        for row in tried {
            page.row(&[&row.encoding, row.of], &readers, &row.cells);
        }
    }
    page.finish()
}

/// Adds a table with the results of every reader for every column, and returns the results by reader
/// and name.
fn of_types(page: &mut Page, table: &types::Table, readers: &[Reader]) -> Vec<Columns> {
    let columns: Vec<Columns> = readers.iter().map(|reader| table.cells(*reader)).collect();
    page.head(&["type"], readers);
    for (name, data_type) in table.columns() {
        let cells: Vec<Cell> = columns.iter().map(|column| column[&name].clone()).collect();
        page.row(&[&data_type.to_string()], readers, &cells);
    }
    columns
}

/// The results of a reader, by column.
type Columns = BTreeMap<String, Cell>;

/// Checks that every reader except fastparquet reads the same columns with the encodings of `auto` as
/// with the compatible ones.
fn check_auto(compatible: &[Columns]) {
    let table = types::Table::with_auto();
    let encodings = table.encodings();
    let delta = [Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_LENGTH_BYTE_ARRAY];
    assert!(delta.iter().any(|encoding| encodings.contains(encoding)), "{encodings:?}");
    let is_read = |cell: &Cell| !matches!(cell, Cell::No(why) if !why.starts_with("filter "));
    for (reader, compatible) in Reader::OF_PARQUET.iter().zip(compatible) {
        if *reader == Reader::Fastparquet {
            continue;
        }
        for (name, cell) in table.cells(*reader) {
            assert!(
                is_read(&cell) || !is_read(&compatible[&name]),
                "{reader:?} does not read {name} with encodings of auto: {cell:?}"
            );
        }
    }
}

/// Runs the program, which must succeed without output.
fn run_taploom(arguments: &[&str], output: &Path) {
    let program = taploom_tests::target().join("debug/taploom");
    assert!(program.exists(), "the program is not built: run `cargo build`");
    let run = Command::new(program).args(arguments).arg("-o").arg(output).output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "taploom {}: {stderr}", arguments.join(" "));
}
