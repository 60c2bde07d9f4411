//! The same rows, notes and errors whether or not rows are read without the parser.

use std::io::{self, Read};

use arrow_array::RecordBatch;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::LONGEST;
use super::plain_row::{Found, PlainRow};
use crate::reader::{ReadOptions, Rows, VotableReader};

/// A document as it arrives: in pieces, perhaps with an error of the source after a number of bytes.
#[derive(Debug, Clone)]
struct Arriving<'a> {
    bytes: &'a [u8],
    piece: usize,
    fails_after: Option<usize>,
}

impl Read for Arriving<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.fails_after == Some(0) {
            // Later bytes arrive: the error has to be reported at the first byte that is missing.
            self.fails_after = None;
            return Err(io::Error::other("the line is dead"));
        }
        let most = self.piece.min(self.fails_after.unwrap_or(usize::MAX)).min(out.len());
        let read = self.bytes.read(&mut out[..most])?;
        if let Some(left) = &mut self.fails_after {
            *left -= read;
        }
        Ok(read)
    }
}

/// All that a reader says of a document.
#[derive(Debug, PartialEq)]
struct Reading {
    batches: Vec<RecordBatch>,
    error: Option<String>,
    notes: Vec<String>,
    overflowed: bool,
}

/// Reads a document. Rows longer than `longest` bytes are read by the parser.
fn reading(source: Arriving<'_>, limit: usize, longest: usize) -> Reading {
    let options = ReadOptions::default().with_memory_limit(limit);
    let mut reading =
        Reading { batches: Vec::new(), error: None, notes: Vec::new(), overflowed: false };
    let describe = |error| Some(format!("{error:#}\n{error:?}"));
    let mut reader = match VotableReader::with_options(source, options) {
        Ok(reader) => reader,
        Err(error) => return Reading { error: describe(error), ..reading },
    };
    if let Rows::TableData(rows) = &mut reader.rows {
        rows.longest = rows.longest.min(longest);
    }
    loop {
        match reader.next_batch(3) {
            Ok(Some(batch)) => reading.batches.push(batch),
            Ok(None) => break,
            Err(error) => {
                reading.error = describe(error);
                break;
            }
        }
    }
    Reading { notes: reader.passed_over(), overflowed: reader.overflowed(), ..reading }
}

fn document(fields: &str, rows: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<VOTABLE version='1.4'><RESOURCE><TABLE>{fields}<DATA><TABLEDATA>{rows}\
         </TABLEDATA></DATA></TABLE><INFO name='QUERY_STATUS' value='OVERFLOW'/></RESOURCE></VOTABLE>\n"
    )
}

#[test]
fn plain_rows_do_not_need_the_parser() {
    let find = |text: &str| PlainRow::default().find(text.as_bytes(), 2);
    for row in [
        "<TR><TD>1</TD><TD>2</TD></TR>",
        " \r\n\t<TR> <TD> 1 </TD>\n<TD></TD> </TR>",
        "<TR><TD/><TD /></TR>",
        "<TR><TD>&lt;&#65;&#x1d11e;\r\n\r</TD><TD>é > ]]></TD></TR>",
    ] {
        assert_eq!(find(&format!("{row}\n<TR>")), Found::Row(row.len()), "{row}");
    }
    for row in [
        "<TR><TD>1</TD></TR>",
        "<TR><TD>1</TD><TD>2</TD><TD>3</TD></TR>",
        "<TR ><TD>1</TD><TD>2</TD></TR>",
        "<TR/>",
        "<v:TR>",
        "<TR><TD encoding='base64'>1</TD><TD>2</TD></TR>",
        "<TR><TD>1</TD><TD>2</TD ></TR>",
        "<TR><TD>1<!-- --></TD><TD>2</TD></TR>",
        "<TR><TD><![CDATA[1]]></TD><TD>2</TD></TR>",
        "<TR><TD>&unknown;</TD><TD>2</TD></TR>",
        "<TR>1<TD>1</TD><TD>2</TD></TR>",
        "<TR><TH>1</TH><TD>2</TD></TR>",
        "</TABLEDATA>",
    ] {
        assert_eq!(find(&format!("{row}\n</TABLEDATA>")), Found::Other, "{row}");
    }
}

/// The search continues where it needed more bytes.
#[test]
fn rows_may_arrive_byte_by_byte() {
    let text = "<TR> <TD>a&amp;b</TD><TD>&#x1d11e;\r\n\r</TD><TD/></TR>\n<TR";
    let mut row = PlainRow::default();
    for length in 0..text.len() {
        assert_eq!(row.find(&text.as_bytes()[..length], 3), Found::Part, "{length}");
    }
    let length = text.len() - 4;
    assert_eq!(row.find(text.as_bytes(), 3), Found::Row(length));
    let texts: Vec<&str> = row.texts(&text.as_bytes()[..length]).unwrap().collect();
    assert_eq!(texts, ["a&b", "𝄞\n\n", ""]);
}

/// In a document whose elements have a prefix, a TR without it is a foreign element.
#[test]
fn rows_without_the_prefix_of_the_document_are_not_rows() {
    let text = document("<FIELD name='n' datatype='int'/>", "<TR><TD>1</TD></TR>");
    let text = ["VOTABLE", "RESOURCE", "TABLE", "FIELD", "DATA", "INFO"].iter().fold(
        text,
        |text, name| {
            text.replace(&format!("<{name}"), &format!("<v:{name}"))
                .replace(&format!("</{name}"), &format!("</v:{name}"))
        },
    );
    let source = Arriving { bytes: text.as_bytes(), piece: usize::MAX, fails_after: None };
    let read = reading(source, LONGEST, LONGEST);
    assert!(read.batches.is_empty() && read.error.is_none(), "{read:?}");
    assert!(read.notes.iter().any(|note| note.starts_with("element TR")), "{read:?}");
}

/// Documents cut at every byte, and read in pieces of every size.
#[test]
fn every_cut_and_every_piece() {
    let fields = "<FIELD name='n' datatype='int'/><FIELD name='t' datatype='char' arraysize='*'/>";
    let text = document(
        fields,
        "\n<TR><TD>1</TD><TD>a&#x1d11e;\r\nb</TD></TR>\n<TR> <TD/>\r\n<TD>é<![CDATA[<&]]></TD></TR>\
         <TR a='b'><TD>3</TD><TD>&amp;</TD></TR><TR><TD>4</TD><TD></TD></TR><X/>",
    );
    let bytes = text.as_bytes();
    for place in text.find("<TABLEDATA>").unwrap()..=bytes.len() {
        for (bytes, fails_after) in [(&bytes[..place], None), (bytes, Some(place))] {
            for piece in [1, 7, usize::MAX] {
                let source = Arriving { bytes, piece, fails_after };
                let plain = reading(source.clone(), LONGEST, LONGEST);
                assert_eq!(plain, reading(source, LONGEST, 0), "{place}, {piece}");
            }
        }
    }
    for piece in 1..bytes.len() {
        let source = Arriving { bytes, piece, fails_after: None };
        let read = reading(source, LONGEST, LONGEST);
        assert_eq!(read.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 4, "{read:?}");
        assert!(read.error.is_none() && read.overflowed, "{read:?}");
    }
}

/// Attributes and children of a FIELD, and values of it.
const FIELDS: &[(&str, &str, &[&str])] = &[
    ("datatype='int'", "", &["1", "-2147483648", " 7\n", "0x1F", ""]),
    ("datatype='unsignedByte'", "<VALUES null='7'/>", &["0", "7", "255", ""]),
    ("datatype='long' arraysize='*'", "", &["9223372036854775807", "1 -2  3", "1\r\n2", " "]),
    (
        "datatype='double'",
        "",
        &["1.5", "-1e-300", "NaN", "null", "-", "0.1000000000000000055511151", ""],
    ),
    ("datatype='float' arraysize='2x*'", "", &["1 2", "-Inf +Inf 0 1e38", ""]),
    ("datatype='float'", "<VALUES null='-1'/>", &["-1", "-1.0", "16777217", "1e-46", ""]),
    ("datatype='boolean'", "", &["T", "false", "0", "?", ""]),
    ("datatype='bit' arraysize='*'", "", &["0", "1 0\t1", ""]),
    ("datatype='char' arraysize='*'", "", &["a", "é &amp; &#x1d11e;", "\r\n\r", " &#32;", ""]),
    ("datatype='unicodeChar' arraysize='2x*'", "", &["ab", "abc", "&#x1d11e;a", ""]),
    ("datatype='doubleComplex'", "", &["1 -1.5", "NaN 0", ""]),
];

/// Pieces of cells that need the parser, have to be decoded, or are wrong for some FIELDs.
const ODD: &[&str] = &[
    "1",
    "x",
    "&amp;",
    "&#49;",
    "&lt",
    "&",
    "&x;",
    "&#0000000000000049;",
    "\r\n",
    "\r",
    "<![CDATA[1<&]]>",
    "<![CDATA[]]]>",
    "<!-- > -->",
    "<?p ?>",
    "é",
    "𝄞",
    ">",
    "]]>",
    "<X/>",
    "<X>1</X>",
    "99999999999",
    "1e999",
    "\u{1}",
    "\u{a0}",
];

/// What may be between elements.
const BETWEEN: &[&str] = &["\r\n  ", "\t", "x", "<!-- -->", "<X/>", "&#32;"];

/// One of the common texts, and now and then one of the rare ones.
fn pick(
    common: &'static [&'static str],
    rare: &'static [&'static str],
) -> impl Strategy<Value = &'static str> {
    prop_oneof![40 => select(common), 1 => select(rare)]
}

/// A TD with a value, with the white space before it.
fn cell(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let odd = proptest::collection::vec(select(ODD), 0..3).prop_map(|parts| parts.concat());
    let text = prop_oneof![40 => select(values).prop_map(str::to_owned), 1 => odd];
    let tags = prop_oneof![
        60 => Just(("<TD>", "</TD>")),
        1 => select(&[
            ("<TD>", "</TD >"),
            ("<TD >", "</TD>"),
            ("<TD encoding='base64'>", "</TD>"),
            ("<TD encoding='gzip'>", "</TD>"),
            ("<TD a='&gt;'>", "</TD>"),
            ("<td>", "</td>"),
            ("<v:TD>", "</v:TD>"),
            ("<TD>", ""),
            ("", "</TD>"),
        ][..]),
    ];
    let cell = prop_oneof![
        12 => (tags, text).prop_map(|((open, close), text)| format!("{open}{text}{close}")),
        3 => select(&["<TD/>", "<TD />", "<TD></TD>", "<TD\n/>"][..]).prop_map(str::to_owned),
    ];
    (pick(&["", "\n"], BETWEEN), cell).prop_map(|(between, cell)| between.to_owned() + &cell)
}

/// A row of these FIELDs, now and then with a cell too many or too few.
fn row(fields: &[&'static [&'static str]]) -> impl Strategy<Value = String> + use<> {
    let cells: Vec<_> = fields.iter().map(|values| cell(values).boxed()).collect();
    let tags = pick(&["<TR>"], &["<TR >", "<TR ID='i'>", "<TR/>", "<TH>", ""]);
    let ends = pick(&["</TR>"], &["</TR >", "</TH>", "", "</TD>", "<TD>0</TD></TR>", "<TD/></TR>"]);
    let between = || pick(&["", "\n"], BETWEEN);
    let is_short = proptest::bool::weighted(0.02);
    (between(), tags, cells, is_short, between(), ends).prop_map(
        |(before, tag, mut cells, is_short, after, end)| {
            if is_short {
                cells.pop();
            }
            format!("{before}{tag}{}{after}{end}", cells.concat())
        },
    )
}

/// A document of a few FIELDs and rows.
fn table() -> impl Strategy<Value = String> {
    let fields = prop_oneof![1 => Just(0..1), 20 => Just(1..5)];
    let fields = fields.prop_flat_map(|number| proptest::collection::vec(select(FIELDS), number));
    fields.prop_flat_map(|fields| {
        let values: Vec<_> = fields.iter().map(|(_, _, values)| *values).collect();
        let fields: String = fields
            .iter()
            .map(|(attributes, children, _)| {
                format!("<FIELD name='c' {attributes}>{children}</FIELD>")
            })
            .collect();
        proptest::collection::vec(row(&values), 0..8)
            .prop_map(move |rows| document(&fields, &rows.concat()))
    })
}

/// A byte at a place, as a share of the document, that replaces the one there.
fn damage() -> impl Strategy<Value = Option<(f64, u8)>> {
    let byte = prop_oneof![select(&b"<>&/;\r\n\"' TRD1\xff\x80"[..]), any::<u8>()];
    proptest::option::weighted(0.3, (0.0..1.0, byte))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_rows_are_read_alike(
        text in table(),
        damage in damage(),
        piece in prop_oneof![1_usize..40, Just(usize::MAX)],
        fails in proptest::option::weighted(0.1, 0.0..1.0_f64),
        // Below about 10,000 bytes, the metadata of the document do not fit.
        limit in prop_oneof![8_000_usize..20_000, Just(LONGEST)],
        longest in prop_oneof![1_usize..120, Just(LONGEST)],
    ) {
        let mut bytes = text.into_bytes();
        let place = |share: f64| (bytes.len() as f64 * share) as usize;
        let fails_after = fails.map(place);
        if let Some((place, byte)) = damage.map(|(share, byte)| (place(share), byte)) {
            bytes[place] = byte;
        }
        let source = Arriving { bytes: &bytes, piece, fails_after };
        let plain = reading(source.clone(), limit, longest);
        prop_assert_eq!(plain, reading(source, limit, 0));
    }
}
