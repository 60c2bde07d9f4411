//! Compares every datatype in every shape, cell by cell, with bytes and text that were written by
//! hand from VOTable 1.4, 5 and 6.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod support;

use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeListArray, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, UInt8Array,
};
use serde_json::{Value, json};

use self::support::{Column, between, encode, hex, lists};

/// A column of three rows.
struct Case {
    name: &'static str,
    field: Value,
    array: ArrayRef,
    rows: [Row; 3],
    truncated_cells: u64,
}

/// One cell.
struct Row {
    /// Flags and cell, in hexadecimal digits.
    binary2: &'static str,
    /// The cell without flags; `None` if it is the same as in BINARY2.
    binary: Option<&'static str>,
    text: &'static str,
}

const fn row(binary2: &'static str, text: &'static str) -> Row {
    Row { binary2, binary: None, text }
}

const fn row3(binary2: &'static str, binary: &'static str, text: &'static str) -> Row {
    Row { binary2, binary: Some(binary), text }
}

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
        ("BINARY2", include_str!("golden/datatypes.binary2.vot")),
        ("BINARY", include_str!("golden/datatypes.binary.vot")),
        ("TABLEDATA", include_str!("golden/datatypes.tabledata.vot")),
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

#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case =
        |name, field, array: ArrayRef, rows| Case { name, field, array, rows, truncated_cells: 0 };
    let cut =
        |name, field, array: ArrayRef, rows| Case { name, field, array, rows, truncated_cells: 1 };
    let of = |datatype: &str| json!({"datatype": datatype});
    let array =
        |datatype: &str, arraysize: &str| json!({"datatype": datatype, "arraysize": arraysize});
    let texts = |cells: [Option<&str>; 3]| Arc::new(StringArray::from(cells.to_vec())) as ArrayRef;
    vec![
        case(
            "boolean",
            of("boolean"),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
            [row("00 54", "T"), row("80 00", ""), row("00 46", "F")],
        ),
        case(
            "bit",
            of("bit"),
            Arc::new(BooleanArray::from(vec![true, false, true])),
            [row("00 80", "1"), row("00 00", "0"), row("00 80", "1")],
        ),
        case(
            "unsignedByte",
            of("unsignedByte"),
            Arc::new(UInt8Array::from(vec![Some(0), None, Some(254)])),
            [row("00 00", "0"), row3("80 00", "ff", ""), row("00 fe", "254")],
        ),
        case(
            "short",
            of("short"),
            Arc::new(Int16Array::from(vec![Some(1), None, Some(-2)])),
            [row("00 0001", "1"), row3("80 0000", "8000", ""), row("00 fffe", "-2")],
        ),
        case(
            "int",
            of("int"),
            Arc::new(Int32Array::from(vec![Some(1), None, Some(-2)])),
            [
                row("00 00000001", "1"),
                row3("80 00000000", "80000000", ""),
                row("00 fffffffe", "-2"),
            ],
        ),
        case(
            "int with a null value",
            json!({"datatype": "int", "null": "-9"}),
            Arc::new(Int32Array::from(vec![Some(1), None, Some(-9)])),
            [
                row("00 00000001", "1"),
                row3("80 00000000", "fffffff7", ""),
                row("00 fffffff7", "-9"),
            ],
        ),
        case(
            "long",
            of("long"),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX)])),
            [
                row("00 0000000000000001", "1"),
                row3("80 0000000000000000", "8000000000000000", ""),
                row("00 7fffffffffffffff", "9223372036854775807"),
            ],
        ),
        case(
            "float",
            of("float"),
            Arc::new(Float32Array::from(vec![Some(1.5), None, Some(f32::NEG_INFINITY)])),
            [row("00 3fc00000", "1.5"), row("80 7fc00000", ""), row("00 ff800000", "-Inf")],
        ),
        case(
            "double",
            of("double"),
            Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::NAN)])),
            [
                row("00 3fb999999999999a", "0.1"),
                row("80 7ff8000000000000", ""),
                row("00 7ff8000000000000", "NaN"),
            ],
        ),
        cut(
            "one char",
            of("char"),
            texts([Some("a"), None, Some("bc")]),
            [row("00 61", "a"), row("80 00", ""), row("00 62", "b")],
        ),
        cut(
            "char of fixed length",
            array("char", "3"),
            texts([Some("aé"), None, Some("ééb")]),
            [row("00 61c3a9", "aé"), row("80 000000", ""), row("00 c3a900", "é")],
        ),
        cut(
            "char of bounded length",
            array("char", "3*"),
            texts([Some(""), None, Some("ééé")]),
            [row("00 00000000", ""), row("80 00000000", ""), row("00 00000002 c3a9", "é")],
        ),
        case(
            "char of any length",
            array("char", "*"),
            texts([Some("a<"), None, Some("&>\r")]),
            [
                row("00 00000002 613c", "a&lt;"),
                row("80 00000000", ""),
                row("00 00000003 263e0d", "&amp;&gt;&#13;"),
            ],
        ),
        cut(
            "unicodeChar of fixed length",
            array("unicodeChar", "2"),
            texts([Some("é"), None, Some("a😀")]),
            [row("00 00e90000", "é"), row("80 00000000", ""), row("00 00610000", "a")],
        ),
        case(
            "unicodeChar of any length",
            array("unicodeChar", "*"),
            texts([Some("😀"), None, Some("")]),
            [row("00 00000002 d83dde00", "😀"), row("80 00000000", ""), row("00 00000000", "")],
        ),
        case(
            "floatComplex",
            of("floatComplex"),
            Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
                [Some([Some(1.0), Some(-2.5)]), None, Some([None, Some(f32::INFINITY)])],
                2,
            )),
            [
                row("00 3f800000 c0200000", "1.0 -2.5"),
                row("80 7fc00000 7fc00000", ""),
                row("00 7fc00000 7f800000", "NaN +Inf"),
            ],
        ),
        case(
            "doubleComplex of fixed length",
            array("doubleComplex", "2"),
            lists::<_, Float64Array>(&[
                Some(&[Some(1.0), Some(0.0), Some(0.0), Some(2.0)]),
                None,
                Some(&[Some(0.0), Some(0.0), Some(-1.0), Some(0.0)]),
            ]),
            [
                row(
                    "00 3ff0000000000000 0000000000000000 0000000000000000 4000000000000000",
                    "1.0 0.0 0.0 2.0",
                ),
                row("80 7ff8000000000000 7ff8000000000000 7ff8000000000000 7ff8000000000000", ""),
                row(
                    "00 0000000000000000 0000000000000000 bff0000000000000 0000000000000000",
                    "0.0 0.0 -1.0 0.0",
                ),
            ],
        ),
        case(
            "floatComplex of any length",
            array("floatComplex", "*"),
            lists::<_, Float32Array>(&[
                Some(&[Some(1.0), Some(0.0), Some(0.0), Some(2.0)]),
                None,
                Some(&[]),
            ]),
            [
                row("00 00000002 3f800000 00000000 00000000 40000000", "1.0 0.0 0.0 2.0"),
                row("80 00000000", ""),
                row("00 00000000", ""),
            ],
        ),
        case(
            "boolean of fixed length",
            array("boolean", "3"),
            lists::<_, BooleanArray>(&[
                Some(&[Some(true), None, Some(false)]),
                None,
                Some(&[Some(false), Some(false), Some(true)]),
            ]),
            [row("00 540046", "T ? F"), row("80 000000", ""), row("00 464654", "F F T")],
        ),
        case(
            "boolean of any length",
            array("boolean", "*"),
            lists::<_, BooleanArray>(&[Some(&[Some(true), None]), None, Some(&[])]),
            [row("00 00000002 5400", "T ?"), row("80 00000000", ""), row("00 00000000", "")],
        ),
        case(
            "bit of fixed length",
            array("bit", "9"),
            lists::<_, BooleanArray>(&[
                Some(&[true, false, false, false, false, false, false, true, true].map(Some)),
                Some(&[Some(false); 9]),
                Some(&[Some(true); 9]),
            ]),
            [
                row("00 8180", "1 0 0 0 0 0 0 1 1"),
                row("00 0000", "0 0 0 0 0 0 0 0 0"),
                row("00 ff80", "1 1 1 1 1 1 1 1 1"),
            ],
        ),
        case(
            "bit of any length",
            array("bit", "*"),
            lists::<_, BooleanArray>(&[Some(&[true, false, true].map(Some)), None, Some(&[])]),
            [row("00 00000003 a0", "1 0 1"), row("80 00000000", ""), row("00 00000000", "")],
        ),
        case(
            "bytes",
            json!({}),
            Arc::new(BinaryArray::from_opt_vec(vec![Some(&[1, 255]), None, Some(&[])])),
            [row("00 00000002 01ff", "1 255"), row("80 00000000", ""), row("00 00000000", "")],
        ),
        case(
            "short of fixed length",
            json!({"datatype": "short", "arraysize": "2", "null": "-1"}),
            lists::<_, Int16Array>(&[Some(&[Some(1), Some(2)]), None, Some(&[Some(3), None])]),
            [
                row("00 0001 0002", "1 2"),
                row3("80 0000 0000", "ffff ffff", ""),
                row("00 0003 ffff", "3 -1"),
            ],
        ),
        case(
            "int of bounded length",
            json!({"datatype": "int", "arraysize": "3*", "null": "0"}),
            lists::<_, Int32Array>(&[Some(&[Some(1), None]), None, Some(&[])]),
            [
                row("00 00000002 00000001 00000000", "1 0"),
                row("80 00000000", ""),
                row("00 00000000", ""),
            ],
        ),
        case(
            "long of two dimensions",
            array("long", "2x2"),
            lists::<_, Int64Array>(&[
                Some(&[1, 2, 3, 4].map(Some)),
                None,
                Some(&[-1, -1, -1, -1].map(Some)),
            ]),
            [
                row(
                    "00 0000000000000001 0000000000000002 0000000000000003 0000000000000004",
                    "1 2 3 4",
                ),
                row3(
                    "80 0000000000000000 0000000000000000 0000000000000000 0000000000000000",
                    "8000000000000000 8000000000000000 8000000000000000 8000000000000000",
                    "",
                ),
                row(
                    "00 ffffffffffffffff ffffffffffffffff ffffffffffffffff ffffffffffffffff",
                    "-1 -1 -1 -1",
                ),
            ],
        ),
        case(
            "float of fixed length",
            array("float", "2"),
            lists::<_, Float32Array>(&[
                Some(&[Some(1.0), None]),
                None,
                Some(&[Some(f32::NAN), Some(0.5)]),
            ]),
            [
                row("00 3f800000 7fc00000", "1.0 NaN"),
                row("80 7fc00000 7fc00000", ""),
                row("00 7fc00000 3f000000", "NaN 0.5"),
            ],
        ),
        case(
            "double of two dimensions",
            array("double", "2x*"),
            lists::<_, Float64Array>(&[Some(&[1.0, 2.0, -1.0, -2.0].map(Some)), None, Some(&[])]),
            [
                row(
                    "00 00000004 3ff0000000000000 4000000000000000 bff0000000000000 c000000000000000",
                    "1.0 2.0 -1.0 -2.0",
                ),
                row("80 00000000", ""),
                row("00 00000000", ""),
            ],
        ),
        cut(
            "strings of char",
            array("char", "4x*"),
            lists::<_, StringArray>(&[
                Some(&[Some("ab"), None]),
                None,
                Some(&[Some("abcé"), Some("abcde")]),
            ]),
            [
                row("00 00000008 61620000 00000000", "ab      "),
                row("80 00000000", ""),
                row("00 00000008 61626300 61626364", "abc abcd"),
            ],
        ),
        case(
            "two strings of char",
            array("char", "3x2"),
            lists::<_, StringArray>(&[
                Some(&[Some("é"), Some("b<")]),
                None,
                Some(&[Some("abc"), Some("")]),
            ]),
            [
                row("00 c3a900 623c00", "é b&lt; "),
                row("80 000000 000000", ""),
                row("00 616263 000000", "abc   "),
            ],
        ),
        case(
            "strings of unicodeChar",
            array("unicodeChar", "2x*"),
            lists::<_, StringArray>(&[Some(&[Some("é"), Some("😀")]), None, Some(&[])]),
            [
                row("00 00000004 00e90000 d83dde00", "é 😀"),
                row("80 00000000", ""),
                row("00 00000000", ""),
            ],
        ),
    ]
}
