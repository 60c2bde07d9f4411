//! Arrays of numbers, booleans and strings.

use std::sync::Arc;

use arrow_array::{
    BinaryArray, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    StringArray,
};
use serde_json::json;

use super::{Case, array, case, cut, row, row3};

use crate::support::lists;

#[allow(clippy::too_many_lines, reason = "a table")]
pub(super) fn cases() -> Vec<Case> {
    vec![
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
