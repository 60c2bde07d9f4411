//! Compares every datatype in every shape, cell by cell, with bytes and text that were written by
//! hand from VOTable 1.4, 5 and 6.

mod cases;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray};
use serde_json::{Value, json};

use self::cases::cases;

use crate::support::{Column, between, encode, hex, lists};

#[test]
fn cells_are_those_of_the_standard() {
    for case in cases() {
        let name = case.name;
        let column: [Column; 1] = [(name, case.field, case.array)];
        let digits = |text: &str| text.replace(' ', "");
        let binary2 = case.rows.each_ref().map(|row| digits(row.binary2)).concat();
        let binary = case.rows.each_ref().map(|row| match row.binary {
            Some(binary) => digits(binary),
            None => digits(row.binary2)[2..].to_owned(),
        });
        let text = case.rows.each_ref().map(|row| format!("<TR><TD>{}</TD></TR>\n", row.text));

        let (document, summary) = encode(&column, &["serialization=binary2"]).unwrap();
        assert_eq!(hex(&document), binary2, "{name} in BINARY2");
        assert_eq!(summary.truncated_cells, case.truncated_cells, "{name} in BINARY2");
        let (document, summary) = encode(&column, &["serialization=binary"]).unwrap();
        assert_eq!(hex(&document), binary.concat(), "{name} in BINARY");
        assert_eq!(summary.truncated_cells, case.truncated_cells, "{name} in BINARY");
        let (document, summary) = encode(&column, &["serialization=tabledata"]).unwrap();
        let rows = between(&document, "<TABLEDATA>\n", "</TABLEDATA>");
        assert_eq!(rows, text.concat(), "{name} in TABLEDATA");
        assert_eq!(summary.truncated_cells, case.truncated_cells, "{name} in TABLEDATA");
        assert_eq!((summary.rows, summary.data_bytes), (3, rows.len() as u64));
    }
}

/// Columns that readers misread, together with everything after them: STILTS 3.4.7 has no scalar
/// bits and counts halves of complex numbers, and votlint has no bits before the end of an array.
const MISREAD: [&str; 3] = ["bit", "bit of any length", "floatComplex of any length"];

/// All other columns side by side, as golden files that STILTS has read.
#[test]
fn documents_are_those_that_were_read() {
    let cases = || cases().into_iter().filter(|case| !MISREAD.contains(&case.name));
    let columns: Vec<Column> = cases().map(|case| (case.name, case.field, case.array)).collect();
    for (serialization, expected) in [
        ("BINARY2", include_str!("../../golden/datatypes.binary2.vot")),
        ("BINARY", include_str!("../../golden/datatypes.binary.vot")),
        ("TABLEDATA", include_str!("../../golden/datatypes.tabledata.vot")),
    ] {
        let option = format!("serialization={serialization}");
        let (document, summary) = encode(&columns, &[&option, "line_length=76"]).unwrap();
        if let Some(folder) = std::env::var_os("TAPLOOM_BLESS") {
            let name = format!("datatypes.{}.vot", serialization.to_lowercase());
            std::fs::write(std::path::Path::new(&folder).join(name), &document).unwrap();
            continue;
        }
        assert_eq!(document, expected, "{serialization}");
        let truncated: u64 = cases().map(|case| case.truncated_cells).sum();
        assert_eq!(summary.truncated_cells, truncated, "{serialization}");
    }
}

/// The count of an array of variable length, with `array_count=outer`.
#[test]
fn outer_counts_the_last_dimension() {
    let count = |field: Value, array: ArrayRef| {
        let column: [Column; 1] = [("x", field, array)];
        let counts = ["array_count=primitives", "array_count=outer"].map(|option| {
            let (document, _) = encode(&column, &[option]).unwrap();
            u32::from_str_radix(&hex(&document)[2..10], 16).unwrap()
        });
        (counts[0], counts[1])
    };
    let doubles = |n| lists::<_, Float64Array>(&[Some(&vec![Some(0.0); n])]);
    let bits = lists::<_, BooleanArray>(&[Some(&[Some(true); 16])]);
    let texts = |n| lists::<_, StringArray>(&[Some(&vec![Some("a"); n])]);
    assert_eq!(count(json!({"datatype": "double", "arraysize": "2x*"}), doubles(4)), (4, 2));
    assert_eq!(count(json!({"datatype": "double", "arraysize": "2x3x*"}), doubles(12)), (12, 2));
    assert_eq!(count(json!({"datatype": "double", "arraysize": "*"}), doubles(4)), (4, 4));
    assert_eq!(
        count(json!({"datatype": "doubleComplex", "arraysize": "2x*"}), doubles(12)),
        (6, 3)
    );
    assert_eq!(count(json!({"datatype": "bit", "arraysize": "8x*"}), bits), (16, 2));
    assert_eq!(count(json!({"datatype": "char", "arraysize": "5x*"}), texts(3)), (15, 3));
    assert_eq!(count(json!({"datatype": "unicodeChar", "arraysize": "5x3x2*"}), texts(6)), (30, 2));
}
