//! The tables in the files of astropy, pyvo and mocpy: read with the same cells as astropy reads, or refused for a reason that
//! stands here. `tests/readers/corpus.py` says which files these are.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A table, and what Taploom says of it.
type Found = (String, String);

/// What `tests/readers/corpus.py` prints.
#[derive(Debug, Deserialize)]
struct Report {
    tables: usize,
    equal: usize,
    cells: usize,
    units: usize,
    zeros: usize,
    refused: Vec<Found>,
    different: Vec<Found>,
    misbehaved: Vec<(String, String, String)>,
}

/// Tables that are refused: the error, and the clause by which the file is wrong.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "astropy/io/fits/tests/data/vla_logical_pre_fix.fits 1",
        r#"column "flag", row 1: source FILE: a logical value is the byte 1, neither T nor F nor 0"#,
        "FITS 4.0, 7.3.3.1: a logical value is T, F or 0. astropy wrote others before version 6.1",
    ),
    (
        "astropy/io/votable/tests/data/regression.bin.tabledata.truth.1.1.xml 1",
        r#"column "array", row 3: source FILE: 8 values do not fit long of arraysize 2x2*"#,
        "VOTable 1.5, 2.2: the number before * is the largest last dimension",
    ),
    (
        "astropy/io/votable/tests/data/regression.bin.tabledata.truth.1.3.xml 1",
        r#"column "array", row 3: source FILE: 8 values do not fit long of arraysize 2x2*"#,
        "VOTable 1.5, 2.2: the number before * is the largest last dimension",
    ),
    (
        "astropy/io/votable/tests/data/regression.xml 1",
        r#"column "unsignedByte", row 2: source FILE: "256" is not of type unsignedByte"#,
        "VOTable 1.5, 2.1: an unsignedByte is at most 255. astropy makes 255 of 256",
    ),
    (
        "pyvo/dal/tests/data/query/errorstatus.xml 1",
        "source FILE: the document reports a failed query: ERROR",
        "DALI 1.1, 4.4.1: QUERY_STATUS is ERROR. pyvo fails too",
    ),
];

/// Of a hundred tables, so many may be refused.
const MOST_REFUSED: usize = 5;

#[test]
fn tables_of_astropy_pyvo_and_mocpy_are_read_as_astropy_reads_them() {
    let report = report();
    let refused: Vec<(&str, &str)> =
        report.refused.iter().map(|(table, error)| (&**table, &**error)).collect();
    let known: Vec<(&str, &str)> =
        REFUSED.iter().map(|(table, error, _)| (*table, *error)).collect();
    assert_eq!(report.different, []);
    assert_eq!(report.misbehaved, []);
    assert_eq!(refused, known);
    assert_eq!(report.tables, report.equal + report.refused.len());
    assert!(report.refused.len() * 100 <= MOST_REFUSED * report.tables, "{report:?}");
    // The walk has found the files, and what the report counts was compared.
    assert!(report.tables > 100 && report.cells > 10_000 && report.units > 100, "{report:?}");
    assert!(report.zeros > 0, "{report:?}");
}

fn report() -> Report {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = taploom_tests::target().join("debug/taploom");
    assert!(program.exists(), "{} is missing: cargo build -p taploom-cli", program.display());
    let python = taploom_tests::target().join("python/bin/python");
    assert!(python.exists(), "astropy is not installed: run `cargo xtask setup`");
    let script = root.join("tests/readers/corpus.py");
    let output = Command::new(python).arg(script).arg(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
