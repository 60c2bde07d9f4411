//! Damaged documents give an error or the rows, never a panic, and memory stays within the limit.
//!
//! This program has only one test, because it measures the peak of the whole program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod common;

use std::io::Read;

use common::{binary, document, hex, table_data};
use peak_alloc::PeakAlloc;
use taploom_model::{ErrorKind, Result};
use taploom_votable::{ReadOptions, VotableReader};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The memory limit of the reader in these tests.
const LIMIT: usize = 4 << 20;

/// The largest heap for a document at that limit: a tag in the parser, its parsed attributes, and a
/// buffer that grows by doubling.
const PEAK: usize = 4 * LIMIT;

/// Reads a whole document, and returns the number of rows.
fn drain(source: impl Read) -> Result<u64> {
    let options = ReadOptions::default().with_memory_limit(LIMIT);
    let mut reader = VotableReader::with_options(source, options)?;
    let mut rows = 0;
    while let Some(batch) = reader.next_batch(1000)? {
        rows += batch.num_rows() as u64;
    }
    let _ = reader.passed_over();
    Ok(rows)
}

#[test]
fn damage_is_an_error_and_no_memory() {
    let documents = documents();
    for text in &documents {
        assert_eq!(drain(text.as_bytes()).unwrap(), 2, "{text}");
        every_truncation(text);
    }
    flipped(&documents, 5_000);
    garbage(1_000_000);
    endless();
}

/// A document for every serialization, with most of the possible elements.
fn documents() -> Vec<String> {
    let fields = r#"<DESCRIPTION>d</DESCRIPTION>
        <FIELD name="a" datatype="int" ID="i" unit="m"><VALUES null="1"><MIN value="0"/></VALUES></FIELD>
        <FIELD name="b" datatype="char" arraysize="*"/><FIELD name="c" datatype="float" arraysize="2x*"/>
        <FIELD name="d" datatype="bit" arraysize="9"/><FIELD name="e" datatype="unicodeChar" arraysize="2x2"/>
        <FIELD name="f" datatype="doubleComplex"/><FIELD name="g" datatype="boolean"/>
        <GROUP><PARAM name="p" datatype="int" value="1"/><FIELDref ref="i"/></GROUP><LINK href="&amp;"/>"#;
    let row = "00000001 00000002 6162 00000002 3f800000 40000000 ff80 d834dd1e00610000 \
               3ff0000000000000 4000000000000000 54";
    let row2 = format!("05 {row}");
    let text = "<TR><TD>0x1</TD><TD>a&#98;<![CDATA[c]]></TD><TD>1 2</TD><TD>111111111</TD>\
                <TD>𝄞a </TD><TD>1 2</TD><TD>T</TD></TR>";
    [
        table_data(&text.repeat(2)),
        binary("BINARY", &hex(&row.repeat(2))),
        binary("BINARY2", &hex(&row2.repeat(2))),
    ]
    .iter()
    .map(|data| {
        document(fields, data).replace("</TABLE>", "<INFO name='i' value='j'>k</INFO></TABLE>")
    })
    .collect()
}

/// A document that is cut short anywhere is an error.
fn every_truncation(text: &str) {
    for length in 0..text.len() {
        let error = drain(&text.as_bytes()[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source, "{length} bytes: {error:#}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

/// Damages documents `times` times: bits are flipped, bytes are replaced, pieces are left out or
/// repeated.
fn flipped(documents: &[String], times: u64) {
    let mut random = Random(1);
    let mut refused = 0_u64;
    HEAP.reset_peak_usage();
    for _ in 0..times {
        let mut bytes = documents[random.below(documents.len())].clone().into_bytes();
        for _ in 0..=random.below(3) {
            let place = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[place] ^= 1 << random.below(8),
                1 => bytes[place] = random.below(256) as u8,
                2 => drop(bytes.drain(place..(place + random.below(40)).min(bytes.len()))),
                _ => {
                    let from = random.below(bytes.len());
                    let piece = bytes[from..(from + random.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(place..place, piece);
                }
            }
        }
        refused += u64::from(drain(&bytes[..]).is_err());
    }
    let peak = HEAP.peak_usage();
    println!("{times} damaged documents, {refused} of them refused: {peak} bytes at most");
    assert!(refused > times / 2 && refused < times, "{refused} of {times} refused");
    assert!(peak < PEAK, "{peak} bytes");
}

/// Rows of random bytes, in every serialization and outside of any.
fn garbage(rows: u64) {
    let fields: String = ["int", "double", "short", "unsignedByte"]
        .iter()
        .enumerate()
        .map(|(index, datatype)| format!("<FIELD name='c{index}' datatype='{datatype}'/>"))
        .collect();
    let noise = || {
        std::iter::repeat_with({
            let mut random = Random(7);
            move || {
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                    [random.below(64)]
            }
        })
    };
    // 15 bytes per row are 20 characters.
    let length = rows * 20;
    for element in ["BINARY", "TABLEDATA", "", "<"] {
        let empty = match element {
            "BINARY" => "<BINARY><STREAM encoding='base64'></STREAM></BINARY>".to_owned(),
            element => table_data(element),
        };
        let (start, end) = split(&document(&fields, &empty));
        let mut noise = noise().take(length as usize).collect::<Vec<u8>>();
        let (start, end) =
            if element.is_empty() { (String::new(), String::new()) } else { (start, end) };
        if element == "TABLEDATA" {
            noise
                .iter_mut()
                .filter(|byte| **byte < b'A')
                .for_each(|byte| *byte = b"<>&/T"[usize::from(*byte % 5)]);
        }
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        let read = drain(start.as_bytes().chain(&noise[..]).chain(end.as_bytes()));
        let peak = HEAP.peak_usage() - before;
        println!("{length} bytes of garbage in {element:?}: {peak} bytes at most, {read:?}");
        assert!(peak < PEAK, "{element}: {peak} bytes");
        // In BINARY, any bytes are valid numbers.
        assert_eq!(read.ok(), (element == "BINARY").then_some(rows));
    }
}

/// The parts of a document before and after its rows.
fn split(document: &str) -> (String, String) {
    let place = document.find("</STREAM>").or(document.find("</TABLEDATA>")).unwrap();
    (document[..place].to_owned(), document[place..].to_owned())
}

/// Inputs that never end, or that claim to be long.
fn endless() {
    let field = |attributes: &str| format!("<FIELD name='x' {attributes}/>");
    let start = |fields: &str, data: &str| {
        let text = document(fields, "@").replace('@', data);
        text[..text.find("</DATA>").unwrap()].to_owned()
    };
    let stream = |fields: &str, bytes: &[u8]| {
        let data = binary("BINARY", bytes);
        start(fields, &data[..data.find("</STREAM>").unwrap()])
    };
    let any = field("datatype='int' arraysize='*'");
    for (what, before, repeated, expected) in [
        ("a count of 2^31", stream(&any, &[0x80, 0, 0, 0, 0, 0]), "A", Some(ErrorKind::Resources)),
        (
            "a count of 2^32-1",
            stream(&any, &[0xff, 0xff, 0xff, 0xff, 0, 0]),
            "A",
            Some(ErrorKind::Resources),
        ),
        (
            "a count of 2^20 and no bytes",
            stream(&any, &[0, 0x0f, 0xff, 0xff, 0, 0]),
            "",
            Some(ErrorKind::Source),
        ),
        (
            "a large arraysize",
            stream(
                &field("datatype='double' arraysize='4294967295x4294967295x4294967295'"),
                &[0; 3],
            ),
            "A",
            Some(ErrorKind::Resources),
        ),
        (
            "a large arraysize of char",
            stream(&field("datatype='char' arraysize='4000000000'"), &[0; 3]),
            "A",
            Some(ErrorKind::Resources),
        ),
        ("an attribute", "<VOTABLE ID='".into(), "x", Some(ErrorKind::Resources)),
        ("attributes", "<VOTABLE ".into(), "a='' ", Some(ErrorKind::Resources)),
        ("a name", "<".into(), "V", Some(ErrorKind::Resources)),
        ("a comment", "<!--".into(), "- ", Some(ErrorKind::Resources)),
        ("a comment in the rows", start(&any, "<TABLEDATA><!--"), "- ", Some(ErrorKind::Source)),
        ("depth", "<VOTABLE>".into(), "<RESOURCE>", Some(ErrorKind::Source)),
        ("depth of what is passed over", "<VOTABLE>".into(), "<x>", Some(ErrorKind::Source)),
        ("foreign elements", "<VOTABLE>".into(), "<x/><y z='1'/>", Some(ErrorKind::Source)),
        ("INFOs", "<VOTABLE>".into(), "<INFO/>", Some(ErrorKind::Resources)),
        (
            "FIELDs",
            "<VOTABLE><RESOURCE><TABLE>".into(),
            "<FIELD datatype='int'/>",
            Some(ErrorKind::Resources),
        ),
        (
            "OPTIONs",
            "<VOTABLE><RESOURCE><TABLE><FIELD datatype='int'><VALUES>".into(),
            "<OPTION/>",
            Some(ErrorKind::Resources),
        ),
        ("a description", "<VOTABLE><DESCRIPTION>".into(), "&amp;a", Some(ErrorKind::Resources)),
        (
            "a CDATA section",
            "<VOTABLE><DESCRIPTION><![CDATA[".into(),
            "]]a",
            Some(ErrorKind::Resources),
        ),
        ("text outside of elements", "<VOTABLE>".into(), "words ", Some(ErrorKind::Source)),
        ("a reference", "<VOTABLE>&".into(), "x", Some(ErrorKind::Source)),
        ("a cell", start(&any, "<TABLEDATA><TR><TD>"), "1 ", Some(ErrorKind::Resources)),
        ("space in a STREAM", stream(&any, &[]), " \n", Some(ErrorKind::Source)),
        ("rows", start(&any, "<TABLEDATA>"), "<TR><TD>1 2</TD></TR>", Some(ErrorKind::Source)),
        ("rows in BINARY", stream(&any, &[]), "AAAAAQAAAAAA", None),
    ] {
        HEAP.reset_peak_usage();
        let heap = HEAP.current_usage();
        let repeated = Repeated { text: repeated.as_bytes(), place: 0 };
        let read = drain(before.as_bytes().chain(repeated.take(12 << 20)));
        let peak = HEAP.peak_usage() - heap;
        let error = read.unwrap_err();
        println!("{what}: {peak} bytes at most; {error}");
        assert!(expected.is_none_or(|kind| kind == error.kind()), "{what}: {error}");
        assert!(peak < PEAK, "{what}: {peak} bytes");
    }
}

/// A text that is repeated.
struct Repeated<'a> {
    text: &'a [u8],
    place: usize,
}

impl Read for Repeated<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.text.is_empty() {
            return Ok(0);
        }
        for byte in &mut *out {
            *byte = self.text[self.place];
            self.place = (self.place + 1) % self.text.len();
        }
        Ok(out.len())
    }
}

/// Pseudorandom numbers, the same in every run; Steele and Vigna, `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
