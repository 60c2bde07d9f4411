//! Cells of every datatype, in every shape and serialization.

use taploom_model::ErrorKind;
use taploom_votable::{Charset, CountOf, ReadOptions, VotableReader};

use crate::common::{binary, cells, document, hex, read, table_data};

/// FIELD attributes, text of a TD, bytes in BINARY, and the cell.
const CELLS: &[(&str, &str, &str, &str)] = &[
    (r#"datatype="boolean""#, "T", "54", "true"),
    (r#"datatype="boolean""#, " false ", "46", "false"),
    (r#"datatype="boolean" arraysize="3""#, "T ? 0", "74 20 30", "[true, null, false]"),
    (r#"datatype="boolean" arraysize="*""#, "1 F", "00000002 31 66", "[true, false]"),
    (
        r#"datatype="boolean" arraysize="2x*""#,
        "t f T F",
        "00000004 54 46 54 46",
        "[true, false, true, false]",
    ),
    (r#"datatype="bit""#, "1", "80", "true"),
    (
        r#"datatype="bit" arraysize="10""#,
        "1010 000001",
        "a0 40",
        "[true, false, true, false, false, false, false, false, false, true]",
    ),
    (r#"datatype="bit" arraysize="*""#, "0 1 1", "00000003 60", "[false, true, true]"),
    (r#"datatype="unsignedByte""#, "0xfF", "ff", "255"),
    (r#"datatype="unsignedByte" arraysize="1""#, "7", "07", "7"),
    (r#"datatype="unsignedByte" arraysize="2*""#, "\n7\t8 ", "00000002 07 08", "[7, 8]"),
    (r#"datatype="short""#, "-32768", "8000", "-32768"),
    (r#"datatype="short" arraysize="2""#, "+1 -1", "0001 ffff", "[1, -1]"),
    (r#"datatype="int""#, "0x7fffffff", "7fffffff", "2147483647"),
    (
        r#"datatype="int" arraysize="2x2""#,
        "1 2 3 4",
        "00000001 00000002 00000003 00000004",
        "[1, 2, 3, 4]",
    ),
    (
        r#"datatype="int" arraysize="3x*""#,
        "1 2 3",
        "00000003 00000001 00000002 00000003",
        "[1, 2, 3]",
    ),
    (r#"datatype="long""#, "-9223372036854775808", "8000000000000000", "-9223372036854775808"),
    (
        r#"datatype="long" arraysize="*""#,
        "9223372036854775807",
        "00000001 7fffffffffffffff",
        "[9223372036854775807]",
    ),
    (r#"datatype="float""#, "1.5e0", "3fc00000", "1.5"),
    (r#"datatype="float""#, "NaN", "7fc00000", "NaN"),
    (r#"datatype="float" arraysize="2""#, "+Inf -Inf", "7f800000 ff800000", "[inf, -inf]"),
    (r#"datatype="double""#, ".1", "3fb999999999999a", "0.1"),
    (
        r#"datatype="double" arraysize="*""#,
        "-0 1E300",
        "00000002 8000000000000000 7e37e43c8800759c",
        "[-0.0, 1e300]",
    ),
    (r#"datatype="floatComplex""#, "1.5 -2", "3fc00000 c0000000", "[1.5, -2.0]"),
    (
        r#"datatype="floatComplex" arraysize="2""#,
        "1 2 3 4",
        "3f800000 40000000 40400000 40800000",
        "[1.0, 2.0, 3.0, 4.0]",
    ),
    (
        r#"datatype="doubleComplex" arraysize="*""#,
        "0 NaN",
        "00000001 0000000000000000 7ff8000000000000",
        "[0.0, NaN]",
    ),
    (r#"datatype="char""#, "a", "61", "a"),
    (r#"datatype="char" arraysize="5""#, "abc", "6162630000", "abc"),
    (r#"datatype="char" arraysize="5""#, "abcde", "6162636465", "abcde"),
    (
        r#"datatype="char" arraysize="*""#,
        " a &lt;&#233;&#x20ac;<![CDATA[&<]]> ",
        "0000000c 2061203c c3a9 e282ac 26 3c 20",
        " a <é€&< ",
    ),
    (r#"datatype="char" arraysize="4*""#, "ab", "00000004 61620063", "ab"),
    (r#"datatype="char" arraysize="3x2""#, "ab cde", "616200 636465", "[ab, cde]"),
    (r#"datatype="char" arraysize="2x*""#, "abc", "00000004 61 62 63 00", "[ab, c]"),
    (r#"datatype="unicodeChar""#, "é", "00e9", "é"),
    (r#"datatype="unicodeChar" arraysize="4""#, "a𝄞", "0061 d834dd1e 0000", "a𝄞"),
    (r#"datatype="unicodeChar" arraysize="*""#, "αβ", "00000002 03b1 03b2", "αβ"),
    (r#"datatype="unicodeChar" arraysize="2x2""#, "𝄞a ", "d834dd1e 0061 0000", "[𝄞, a]"),
];

#[test]
fn every_datatype_and_shape_in_every_serialization() {
    for (field, text, bytes, expected) in CELLS {
        let fields = format!("<FIELD name=\"x\" {field}/><FIELD name=\"y\" datatype=\"short\"/>");
        let after = [0x12, 0x34];
        let in_binary = [&hex(bytes)[..], &after].concat();
        for data in [
            table_data(&format!("<TR><TD>{text}</TD><TD>4660</TD></TR>")),
            binary("BINARY", &in_binary),
            binary("BINARY2", &[&[0], &in_binary[..]].concat()),
        ] {
            let rows = read(&document(&fields, &data));
            let rows = rows.unwrap_or_else(|error| panic!("{field} in {data}: {error:#}"));
            assert_eq!(rows, [[*expected, "4660"]], "{field} in {data}");
        }
    }
}

#[test]
fn null_of_every_datatype_and_shape() {
    for (field, _, bytes, _) in CELLS {
        let fields = format!("<FIELD name=\"x\" {field}/><FIELD name=\"y\" datatype=\"short\"/>");
        // A null cell has bytes as well, and they may have any value.
        let in_binary2 = [&[0x80], &hex(bytes)[..], &[0, 9]].concat();
        for data in [
            table_data("<TR><TD></TD><TD>9</TD></TR>"),
            table_data("<TR><TD/><TD>9</TD></TR>"),
            binary("BINARY2", &in_binary2),
        ] {
            let rows = read(&document(&fields, &data)).unwrap();
            assert_eq!(rows, [["null", "9"]], "{field} in {data}");
        }
    }
}

#[test]
fn values_null_is_null_where_there_are_no_flags() {
    let fields = r#"<FIELD name="n" datatype="int"><VALUES null="-1"/></FIELD>
        <FIELD name="list" datatype="short" arraysize="2"><VALUES null="7"/></FIELD>
        <FIELD name="x" datatype="double"><VALUES null="-999.0"/></FIELD>
        <FIELD name="y" datatype="float"><VALUES null="-99.9"/></FIELD>"#;
    let bytes = hex("ffffffff 0007 0008 c08f380000000000 c2c7cccd");
    for (data, expected) in [
        (
            table_data("<TR><TD>-1</TD><TD>7 8</TD><TD>-9.99e2</TD><TD>-99.9</TD></TR>"),
            ["null", "[null, 8]", "null", "null"],
        ),
        (binary("BINARY", &bytes), ["null", "[null, 8]", "null", "null"]),
        // The flags say that the cells are not null; elements have none.
        (binary("BINARY2", &[&[0], &bytes[..]].concat()), ["-1", "[null, 8]", "-999.0", "-99.9"]),
    ] {
        assert_eq!(read(&document(fields, &data)).unwrap(), [expected], "{data}");
    }
}

/// Cells of TABLEDATA may have the bytes of BINARY, in base64.
#[test]
fn cells_in_base64() {
    let fields =
        r#"<FIELD name="x" datatype="float"/><FIELD name="n" datatype="short" arraysize="*"/>"#;
    let data = table_data(
        "<TR><TD encoding='base64'> P8A\nAAA== </TD><TD encoding='base64'>AAAAAgABAAI=</TD></TR>\
         <TR><TD encoding='base64'/><TD>3</TD></TR>",
    );
    let rows = read(&document(fields, &data)).unwrap();
    assert_eq!(rows, [["1.5", "[1, 2]"], ["null", "[3]"]]);
}

/// VOTable has no words for the null of floats, but IRSA writes two.
#[test]
fn words_for_the_null_of_floats() {
    let fields =
        r#"<FIELD name="x" datatype="double"/><FIELD name="y" datatype="float" arraysize="2"/>"#;
    let data =
        table_data("<TR><TD>null</TD><TD>NULL 1.5</TD></TR><TR><TD>-</TD><TD>-1 -</TD></TR>");
    let rows = read(&document(fields, &data)).unwrap();
    assert_eq!(rows, [["null", "[null, 1.5]"], ["null", "[-1.0, null]"]]);
}

#[test]
fn booleans_in_every_spelling() {
    for (text, expected) in [
        ("T", "true"),
        ("t", "true"),
        ("1", "true"),
        ("true", "true"),
        ("TRUE", "true"),
        ("F", "false"),
        ("f", "false"),
        ("0", "false"),
        ("False", "false"),
        ("?", "null"),
        (" ", "null"),
    ] {
        let data = table_data(&format!("<TR><TD>{text}</TD></TR>"));
        let rows = read(&document(r#"<FIELD name="b" datatype="boolean"/>"#, &data)).unwrap();
        assert_eq!(rows, [[expected]], "{text:?}");
    }
    let fields = r#"<FIELD name="b" datatype="boolean" arraysize="*"/>"#;
    let rows = read(&document(fields, &binary("BINARY", b"\0\0\0\x09Tt1Ff0\0 ?"))).unwrap();
    assert_eq!(rows, [["[true, true, true, false, false, false, null, null, null]"]]);
}

#[test]
fn a_cell_that_is_no_value_is_named() {
    for (field, data, message) in [
        (
            r#"datatype="short""#,
            table_data("<TR><TD>40000</TD></TR>"),
            r#""40000" is not of type short"#,
        ),
        (r#"datatype="int""#, table_data("<TR><TD>1.0</TD></TR>"), r#""1.0" is not of type int"#),
        (r#"datatype="int""#, table_data("<TR><TD>1 2</TD></TR>"), r#""1 2" is not of type int"#),
        (r#"datatype="int""#, table_data("<TR><TD>0x-1</TD></TR>"), r#""0x-1" is not of type int"#),
        (
            r#"datatype="double""#,
            table_data("<TR><TD>1e999</TD></TR>"),
            r#""1e999" is not of type double"#,
        ),
        (
            r#"datatype="float" arraysize="*""#,
            table_data("<TR><TD>1,2</TD></TR>"),
            r#""1,2" is not of type float"#,
        ),
        (
            r#"datatype="boolean""#,
            table_data("<TR><TD>yes</TD></TR>"),
            r#""yes" is not a boolean; allowed are T, F, 1, 0, true, false and ?"#,
        ),
        (
            r#"datatype="bit" arraysize="*""#,
            table_data("<TR><TD>012</TD></TR>"),
            "'2' is not a bit; allowed are 0 and 1",
        ),
        (
            r#"datatype="int" arraysize="3""#,
            table_data("<TR><TD>1 2</TD></TR>"),
            "2 values do not fit int of arraysize 3",
        ),
        (
            r#"datatype="int" arraysize="2x*""#,
            table_data("<TR><TD>1 2 3</TD></TR>"),
            "3 values do not fit int of arraysize 2x*",
        ),
        (
            r#"datatype="floatComplex""#,
            table_data("<TR><TD>1</TD></TR>"),
            "0 values do not fit floatComplex",
        ),
        (
            r#"datatype="char" arraysize="2x2""#,
            table_data("<TR><TD>aé</TD></TR>"),
            "'é' crosses the end of a string of 2",
        ),
        (
            r#"datatype="int""#,
            table_data(r#"<TR><TD encoding="base64">AAAA</TD></TR>"#),
            "3 bytes are not 1 values of int",
        ),
        (
            r#"datatype="int" arraysize="*""#,
            table_data(r#"<TR><TD encoding="base64">AAAA</TD></TR>"#),
            "fewer bytes than the count of its values",
        ),
        (
            r#"datatype="int""#,
            table_data(r#"<TR><TD encoding="gzip">AAAA</TD></TR>"#),
            r#"a TD of encoding "gzip" is not supported; base64 and text are"#,
        ),
        (r#"datatype="int""#, table_data("<TR><TD>1<b/></TD></TR>"), "an element b within a TD"),
        (
            r#"datatype="boolean""#,
            binary("BINARY", b"x"),
            "0x78 is not a boolean; allowed are T, F, 1, 0 and ?",
        ),
        (
            r#"datatype="unicodeChar""#,
            binary("BINARY", &[0xd8, 0x34]),
            "0xd834 is half a surrogate pair; unicodeChar is UTF-16",
        ),
        (
            r#"datatype="char" arraysize="2""#,
            binary("BINARY", &[b'a', 0xe9]),
            "byte 0xe9 at place 2 of the text is not UTF-8; if char is ISO 8859-1, say so (Charset::Latin1)",
        ),
        (
            r#"datatype="char" arraysize="2x*""#,
            binary("BINARY", b"\0\0\0\x03abc"),
            "3 characters can't be divided into strings of 2",
        ),
        (
            r#"datatype="int" arraysize="1*""#,
            binary("BINARY", &hex("00000002 00000001 00000002")),
            "2 values do not fit int of arraysize 1*",
        ),
    ] {
        let document = document(&format!("<FIELD name=\"x\" {field}/>"), &data);
        let error = read(&document).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error:?}");
        assert_eq!(error.to_string(), format!("column \"x\", row 1: {message}"));
    }
}

#[test]
fn counts_may_be_of_the_outer_dimension() {
    let fields = r#"<FIELD name="x" datatype="short" arraysize="2x*"/>"#;
    let document = document(fields, &binary("BINARY", &hex("00000002 0001 0002 0003 0004")));
    let options = ReadOptions::default().with_count_of(CountOf::Outer);
    let mut reader = VotableReader::with_options(document.as_bytes(), options).unwrap();
    assert_eq!(cells(&mut reader).unwrap(), [["[1, 2, 3, 4]"]]);
    // According to the standard, two values make one row, and the rest is not a row.
    assert_eq!(read(&document).unwrap_err().row(), Some(2));
}

#[test]
fn char_may_be_latin_1() {
    let fields = r#"<FIELD name="x" datatype="char" arraysize="3"/>"#;
    let document = document(fields, &binary("BINARY2", &[0, b'a', 0xe9, 0]));
    let options = ReadOptions::default().with_charset(Charset::Latin1);
    let mut reader = VotableReader::with_options(document.as_bytes(), options).unwrap();
    assert_eq!(cells(&mut reader).unwrap(), [["aé"]]);
}

#[test]
fn rows_with_other_numbers_of_cells_are_named() {
    let fields = r#"<FIELD name="a" datatype="int"/><FIELD name="b" datatype="int"/>"#;
    for (row, found) in [
        ("<TR><TD>1</TD></TR>", "1 TD"),
        ("<TR><TD>1</TD><TD>2</TD><TD>3</TD></TR>", "3 or more TDs"),
    ] {
        let whole = "<TR><TD>1</TD><TD>2</TD></TR>";
        let error = read(&document(fields, &table_data(&[whole, row].concat()))).unwrap_err();
        let message = format!("row 2: the row has {found}, and the TABLE 2 FIELDs");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidValue, message));
    }
}
