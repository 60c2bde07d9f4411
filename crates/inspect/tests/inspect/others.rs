//! Arrow and FITS files: complete, cut at any byte, and with any byte changed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use futures::executor::block_on;
use taploom_inspect::{InspectOptions, Inspection, inspect};

fn look(path: &Path, bytes: &[u8]) -> Inspection {
    fs::write(path, bytes).unwrap();
    let options = InspectOptions::default().with_verify(true);
    block_on(inspect(path.to_str().unwrap(), &options)).unwrap()
}

fn batch() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("n", numbers)]).unwrap()
}

/// Two batches, as a file and as a stream.
fn arrow() -> [Vec<u8>; 2] {
    let (mut file, mut stream) = (Vec::new(), Vec::new());
    let mut writer = FileWriter::try_new(&mut file, &batch().schema()).unwrap();
    (0..2).for_each(|_| writer.write(&batch()).unwrap());
    writer.finish().unwrap();
    drop(writer);
    let mut writer = StreamWriter::try_new(&mut stream, &batch().schema()).unwrap();
    (0..2).for_each(|_| writer.write(&batch()).unwrap());
    writer.finish().unwrap();
    drop(writer);
    [file, stream]
}

/// A table of 1,000 rows of 8 bytes, after an empty primary unit.
fn fits() -> Vec<u8> {
    let unit = |cards: &[&str]| {
        let cards = cards.iter().chain(&["END"]).map(|card| format!("{card:<80}"));
        let header: String = cards.collect();
        format!("{header:<2880}").into_bytes()
    };
    let mut bytes = unit(&[
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ]);
    bytes.extend(unit(&[
        "XTENSION= 'BINTABLE'           / a table",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        "NAXIS1  =                    8",
        "NAXIS2  =                 1000",
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        "TFIELDS =                    1",
        "TTYPE1  = 'it''s ra'",
        "TFORM1  = '1D      '",
        "TUNIT1  = 'deg     '",
        "EXTNAME = 'stars   '",
    ]));
    bytes.resize(bytes.len() + 2880 * 3, 0);
    bytes
}

#[test]
fn arrow_files_and_streams_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    for (index, bytes) in arrow().iter().enumerate() {
        let found = look(&folder.path().join("a.arrow"), bytes);
        assert!(found.is_sound(), "{:?}", found.problems);
        let arrow = found.arrow.as_ref().unwrap();
        assert_eq!((found.rows, arrow.batches, arrow.is_file), (Some(6), 2, index == 0));
        assert_eq!(
            (found.columns[0].name.as_str(), found.columns[0].type_name.as_str()),
            ("n", "int")
        );
    }
}

#[test]
fn fits_units_and_columns_are_those_of_the_cards() {
    let folder = tempfile::tempdir().unwrap();
    let found = look(&folder.path().join("a.fits"), &fits());
    assert!(found.is_sound(), "{:?}", found.problems);
    let table = &found.hdus[1];
    assert_eq!(
        (table.kind.as_str(), table.name.as_deref(), table.rows),
        ("BINTABLE", Some("stars"), Some(1000))
    );
    let column = &found.columns[0];
    assert_eq!((column.name.as_str(), column.unit.as_deref()), ("it's ra", Some("deg")));
    let cut = look(&folder.path().join("cut.fits"), &fits()[..2880 * 2 + 805]);
    assert!(cut.problems[0].contains("cut short"), "{:?}", cut.problems);
    assert_eq!(cut.readable.map(|readable| (readable.rows, readable.of)), Some((100, Some(1000))));
}

/// Several TABLEs are no damage. The first one is reported on, and the others are named once they are found.
#[test]
fn a_votable_with_several_tables_is_sound() {
    let table = |name: &str, rows: usize| {
        let rows = "<TR><TD>1</TD></TR>".repeat(rows);
        format!(
            "<TABLE name='{name}'><FIELD name='{name}' datatype='int'/>\
             <DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
        )
    };
    let text = format!(
        "<VOTABLE><RESOURCE>{}{}</RESOURCE><RESOURCE>{}</RESOURCE></VOTABLE>",
        table("a", 3),
        table("b", 1),
        table("c", 2)
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("three.vot");
    let found = look(&path, text.as_bytes());
    assert!(found.is_sound(), "{:?}", found.problems);
    assert_eq!((found.rows, found.columns[0].name.as_str()), (Some(3), "a"));
    assert_eq!(found.readable.map(|readable| (readable.rows, readable.of)), Some((3, Some(3))));
    let [note] = &found.notes[..] else { panic!("{:?}", found.notes) };
    assert!(note.contains("3 TABLEs: \"a\", \"b\", \"c\""), "{note}");
    let damaged = look(&path, text.replace("</TABLE></RESOURCE></VOTABLE>", "").as_bytes());
    assert!(!damaged.is_sound() && damaged.notes.is_empty(), "{:?}", damaged.notes);
}

#[test]
fn damage_of_any_kind_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let [file, stream] = arrow();
    for (name, bytes) in [("a.arrow", file), ("b.arrow", stream), ("a.fits", fits())] {
        let path = folder.path().join(name);
        for length in (10..bytes.len()).step_by(37) {
            look(&path, &bytes[..length]);
        }
        // Without its magic bytes, the format of a file is unknown.
        for at in (10..bytes.len()).step_by(5) {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            look(&path, &changed);
        }
    }
}
