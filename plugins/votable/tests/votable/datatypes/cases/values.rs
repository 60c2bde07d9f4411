//! Single numbers, booleans and strings.

use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{
    BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, UInt8Array,
};
use serde_json::json;

use super::{Case, array, case, cut, of, row, row3, texts};

#[allow(clippy::too_many_lines, reason = "a table")]
pub(super) fn cases() -> Vec<Case> {
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
    ]
}
