//! Compares the VOTable reader with astropy, on the documents of astropy's tests: it has to return
//! the same cells, or an error or a note that names the part that is not read.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::reader::FileReader;
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

/// Documents that are refused, with words of the error.
const REFUSED: [(&str, &str); 10] = [
    ("custom_datatype", r#"column "foo": "bar" is not a datatype of VOTable"#),
    ("irsa-nph-error", "the document has no TABLE"),
    ("mivot_block_custom_datatype", "the root element is VODML, and a VOTable begins with VOTABLE"),
    ("no_field_not_empty_table", "row 1: the TABLE has rows and no FIELD"),
    ("no_resource", "the document has no TABLE"),
    (
        "parquet_binary",
        "rows in PARQUET (at byte 842) is not read; TABLEDATA is, and BINARY and BINARY2 in base64",
    ),
    (
        "regression.bin.tabledata.truth.1.1",
        r#"column "array", row 3: 8 values do not fit long of arraysize 2x2*"#,
    ),
    (
        "regression.bin.tabledata.truth.1.3",
        r#"column "array", row 3: 8 values do not fit long of arraysize 2x2*"#,
    ),
    ("regression", r#"column "unsignedByte", row 2: "256" is not of type unsignedByte"#),
    ("resource_groups", "the document has no TABLE"),
];

/// Parts that are skipped in the other documents.
const PASSED_OVER: [(&str, &str); 7] = [
    ("gemini", "attribute spurious of OPTION (at byte 3464)"),
    ("mivot_annotated_table", "element VODML (at byte 2505)"),
    ("names", "nrows=18949 of a TABLE with 1 row (at byte 10425)"),
    ("test.order", "element VODML (3 times, first at byte 420)"),
    ("timesys_errors", "TIMESYS without an ID (at byte 387)"),
    ("timesys_errors", "attribute refposition_mispelled of TIMESYS (at byte 277)"),
    ("timesys_errors", "timeorigin \"bad-origin\" of TIMESYS (at byte 181)"),
];

/// The number of empty TDs of integers before VOTable 1.3, which astropy reads as 0.
const ZEROS: u32 = 3;

/// A document that astropy refuses because an ID is missing.
const OURS_ALONE: &str = "timesys_errors";

#[test]
fn documents_of_astropy_are_read_as_astropy_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let documents = dump(folder.path());
    let (mut compared, mut zeros) = (0, 0);
    let (mut refused, mut passed_over) = (Vec::new(), BTreeSet::new());
    for path in documents {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (rows, notes) = match read(&path) {
            Ok(read) => read,
            Err(error) => {
                refused.push((name, error.to_string()));
                continue;
            }
        };
        passed_over.extend(notes.into_iter().map(|note| (name.clone(), note)));
        let dumped = folder.path().join(format!("{name}.arrow"));
        if name == OURS_ALONE {
            assert!(!dumped.exists(), "astropy reads {name}");
            continue;
        }
        let theirs = FileReader::try_new(File::open(dumped).unwrap(), None).unwrap();
        let theirs: Vec<Vec<String>> = theirs.flat_map(|batch| cells(&batch.unwrap())).collect();
        assert_eq!(rows.len(), theirs.len(), "rows of {name}");
        for (row, (ours, theirs)) in rows.iter().zip(&theirs).enumerate() {
            for (ours, theirs) in ours.iter().zip(theirs) {
                let is_zero = (ours.as_str(), theirs.as_str()) == ("null", "0");
                zeros += u32::from(is_zero);
                assert!(
                    ours == theirs || is_zero,
                    "{name}, row {}: {ours}, astropy {theirs}",
                    row + 1
                );
            }
            assert_eq!(ours.len(), theirs.len(), "columns of {name}");
        }
        compared += 1;
    }
    let known = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect()
    };
    assert_eq!(refused, known(&REFUSED));
    assert_eq!(Vec::from_iter(passed_over), known(&PASSED_OVER));
    assert_eq!((compared, zeros), (13, ZEROS));
}

/// Lets astropy write what it reads into a folder. Returns the documents.
fn dump(folder: &Path) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = taploom_tests::target().join("python/bin/python");
    assert!(python.exists(), "astropy is not installed: run `cargo xtask setup`");
    let script = root.join("tests/readers/votable_data.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let data = String::from_utf8(output.stdout).unwrap();
    let entries = std::fs::read_dir(data.trim()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut documents: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "xml")).collect();
    documents.sort();
    documents
}

/// The cells of the first TABLE, and the notes on skipped parts.
fn read(path: &Path) -> taploom::Result<(Vec<Vec<String>>, Vec<String>)> {
    let options = ReadOptions::default().with_table(TableChoice::First);
    let mut reader = VotableReader::with_options(File::open(path).unwrap(), options)?;
    let mut rows = Vec::new();
    while let Some(batch) = reader.next_batch(7)? {
        rows.extend(cells(&batch));
    }
    Ok((rows, reader.passed_over()))
}

/// Cells as text. Values that astropy can't distinguish have the same text: null, NaN, the empty
/// string, and lists that have only such elements.
fn cells(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("null");
    let columns = batch.columns().iter();
    let columns: Vec<ArrayFormatter<'_>> =
        columns.map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let cell = |text: String| {
        let text = text.replace("NaN", "null");
        let elements = text.trim_start_matches('[').trim_end_matches(']');
        let is_null = elements.is_empty() || elements.split(", ").all(|element| element == "null");
        if is_null { "null".to_owned() } else { text }
    };
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| cell(column.value(row).to_string())).collect())
        .collect()
}
