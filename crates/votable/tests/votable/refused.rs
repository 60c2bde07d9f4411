//! Documents that are not whole VOTables: the kind of the error, and its message.

use taploom_model::ErrorKind;

use crate::common::{binary, document, read, table_data, without_places};

const FIELD: &str = r#"<FIELD name="x" datatype="int"/>"#;

/// A document with one column of integers.
fn data(rows: &str) -> String {
    document(FIELD, rows)
}

#[track_caller]
fn refused(text: &str, kind: ErrorKind, message: &str) {
    let error = read(text).err().unwrap_or_else(|| panic!("{text} is read"));
    let found = (error.kind(), without_places(&error.to_string()));
    assert_eq!(found, (kind, message.to_owned()), "{text}");
}

#[test]
fn other_documents_and_damage() {
    for (text, message) in [
        (String::new(), "the document is empty; a VOTable has an element VOTABLE"),
        ("words".into(), "the document does not begin with an element, so it is not a VOTable"),
        (
            "<VOTABLE version=\"2.0\"/>".into(),
            "VOTable version \"2.0\" is not supported; 1.0 to 1.5 are",
        ),
        (
            "<?xml version='1.0' encoding='ISO-8859-1'?><VOTABLE/>".into(),
            "the document is in ISO-8859-1; only UTF-8 is read: convert it first",
        ),
        ("<\0V\0".into(), "the document is in UTF-16; only UTF-8 is read: convert it first"),
        (format!("{}<VOTABLE/>", data(&table_data(""))), "a second root element VOTABLE at byte N"),
        ("<VOTABLE><RESOURCE></VOTABLE>".into(), "not well-formed XML near byte N"),
        (data("<BINARY/>"), "BINARY at byte N has no STREAM"),
        (data(""), "DATA at byte N is empty; it has TABLEDATA, BINARY or BINARY2"),
        (
            data(&binary("BINARY", &[0, 0, 0, 1, 0])),
            "column \"x\", row 2: the STREAM ends within the row",
        ),
        (
            data("<BINARY><STREAM encoding='base64'>AAAA*AAA</STREAM></BINARY>"),
            "column \"x\", row 1: the STREAM is not valid base64 before byte N",
        ),
        (
            data("<BINARY><STREAM encoding='base64'>AAA=AAAA</STREAM></BINARY>"),
            "row 1: the STREAM is not valid base64 before byte N",
        ),
        (
            data("<BINARY><STREAM encoding='base64'>AAAAAA</STREAM></BINARY>"),
            "column \"x\", row 1: the base64 of the STREAM ends within a group of four \
             characters at byte N",
        ),
        (
            data(&table_data("<TR><TD>&nbsp;</TD></TR>")),
            "column \"x\", row 1: an & at byte N does not begin a reference to a character or to \
             one of the entities of XML",
        ),
        (document("", &binary("BINARY", &[0])), "row 1: the TABLE has rows and no FIELD"),
        (
            "<VOTABLE><RESOURCE><TABLE ref='t'/></RESOURCE></VOTABLE>".into(),
            "the TABLE at byte N takes its FIELDs from another one (ref=\"t\"), and no TABLE \
             before it has that ID",
        ),
        (
            "<VOTABLE><RESOURCE><INFO name='QUERY_STATUS' value='ERROR'>no\n such table</INFO>\
             </RESOURCE></VOTABLE>"
                .into(),
            "the document reports a failed query: no such table",
        ),
        (
            data(&table_data(""))
                .replace("</RESOURCE>", "<INFO name='QUERY_STATUS' value='ERROR'/></RESOURCE>"),
            "the document reports a failed query: without saying why",
        ),
    ] {
        refused(&text, ErrorKind::Source, message);
    }
}

/// XML 1.0, 2.2. libxml2, expat (astropy) and Xerces (STIL) refuse them too.
#[test]
fn characters_that_xml_does_not_allow() {
    let text = "<FIELD name='x' datatype='char' arraysize='*'/>";
    let row = |cell: &str| table_data(&format!("<TR><TD>a</TD></TR><TR><TD>{cell}</TD></TR>"));
    let mut wrong = Vec::new();
    let mut expect = |document: String, kind: ErrorKind, message: String| {
        let found = match read(&document) {
            Ok(rows) => format!("{rows:?}"),
            Err(error) => format!("{:?}: {}", error.kind(), without_places(&error.to_string())),
        };
        if found != format!("{kind:?}: {message}") {
            wrong.push((document, found));
        }
    };
    for character in ['\u{1}', '\u{8}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        let number = u32::from(character);
        let has = format!("has the character U+{number:04X}, which XML does not allow");
        for cell in [
            format!("b{character}"),
            format!("&amp;{character}"),
            format!("<![CDATA[{character}]]>"),
        ] {
            let message = format!("column \"x\", row 2: the text of the cell {has}");
            expect(document(text, &row(&cell)), ErrorKind::InvalidValue, message);
        }
        for reference in [format!("&#{number};"), format!("&#x{number:X};")] {
            let message = format!(
                "column \"x\", row 2: the reference {reference} at byte N is to no character of XML"
            );
            expect(document(text, &row(&reference)), ErrorKind::Source, message);
            let attribute = format!("<FIELD name='x' datatype='int' unit='{reference}'/>");
            let message = format!("the attribute unit of FIELD at byte N {has}");
            expect(document(&attribute, &table_data("")), ErrorKind::Source, message);
        }
        let attribute = format!("<FIELD name='a{character}' datatype='int'/>");
        let message = format!("the attribute name of FIELD at byte N {has}");
        expect(document(&attribute, &table_data("")), ErrorKind::Source, message);
        let described = format!("<DESCRIPTION>a{character}</DESCRIPTION>{FIELD}");
        let message = format!("text that ends at byte N {has}");
        expect(document(&described, &table_data("")), ErrorKind::Source, message);
    }
    for number in ["0", "xD800", "x110000"] {
        let message = format!(
            "column \"x\", row 2: the reference &#{number}; at byte N is to no character of XML"
        );
        expect(document(text, &row(&format!("&#{number};"))), ErrorKind::Source, message);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The neighbours of those characters, and those that no font shows.
#[test]
fn characters_that_xml_allows() {
    let text = "<FIELD name='x' datatype='char' arraysize='*'/>";
    let characters = "\t \u{7f}\u{85}\u{9f}\u{d7ff}\u{e000}\u{f000}\u{feff}\u{fffd}\u{10ffff}";
    let references: String =
        characters.chars().map(|character| format!("&#{};", u32::from(character))).collect();
    let rows = [characters, &references].map(|cell| format!("<TR><TD>{cell}</TD></TR>")).concat();
    assert_eq!(read(&document(text, &table_data(&rows))).unwrap(), [[characters], [characters]]);
}

#[test]
fn documents_without_rows_that_can_be_read() {
    for (text, message) in [
        (
            "<html/>".into(),
            "the root element is html, and a VOTable begins with VOTABLE; it may be the page of \
             a server that could not send the file",
        ),
        ("<VOTABLE/>".into(), "the document has no TABLE"),
        (
            data("<FITS><STREAM/></FITS>"),
            "rows in FITS (at byte N) is not read; TABLEDATA is, and BINARY and BINARY2 in base64",
        ),
        (
            data("<BINARY2><STREAM href='file:x' encoding='gzip'/></BINARY2>"),
            "a STREAM elsewhere (href=\"file:x\") (at byte N) is not read; TABLEDATA is, and \
             BINARY and BINARY2 in base64",
        ),
        (
            data("<BINARY><STREAM encoding='gzip'>AAAA</STREAM></BINARY>"),
            "a STREAM of encoding \"gzip\" (at byte N) is not read; TABLEDATA is, and BINARY and \
             BINARY2 in base64",
        ),
        (
            data("<BINARY><STREAM>AAAA</STREAM></BINARY>"),
            "a STREAM without an encoding (at byte N) is not read; TABLEDATA is, and BINARY and \
             BINARY2 in base64",
        ),
    ] {
        refused(&text, ErrorKind::InvalidRequest, message);
    }
}

#[test]
fn fields_that_are_not_of_votable() {
    for (text, message) in [
        (
            document("<FIELD name='x' datatype='banana'/>", ""),
            "column \"x\": \"banana\" is not a datatype of VOTable",
        ),
        (document("<FIELD name='x'/>", ""), "column \"x\": the FIELD has no datatype"),
        (
            document("<FIELD name='x' datatype='int' arraysize='*x2'/>", ""),
            "column \"x\": arraysize \"*x2\" is not of the form 10, 10*, *, 3x4 or 3x*",
        ),
    ] {
        refused(&text, ErrorKind::UnsupportedColumn, message);
    }
}

#[test]
fn the_cause_of_wrong_base64_stands_once() {
    let data = "<BINARY><STREAM encoding='base64'>AAAA*AAA</STREAM></BINARY>";
    let error = read(&document(FIELD, data)).unwrap_err();
    let error = format!("{error:#}");
    assert_eq!(error.matches("nvalid symbol").count(), 1, "{error}");
}
