//! Reads the tables in the files of astropy, pyvo and mocpy: the cells equal those that astropy reads, or
//! the table is refused for a reason that is listed here. `tests/readers/corpus.py` lists the files.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A table, and Taploom's error for it.
type Found = (String, String);

/// The output of `tests/readers/corpus.py`.
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

/// Tables that are refused: the error, and the clause of the standard that the file violates.
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

/// Maximum percentage of tables that may be refused.
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
    // Checks that the files were found, and that their contents were compared.
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
