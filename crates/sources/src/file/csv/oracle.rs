//! Compares the records that are read with those that csv-core finds, in random text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

use std::io::BufReader;

use csv_core::{ReadFieldResult, ReaderBuilder};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::block::{Block, Span};
use super::dialect::{Dialect, Quotes};
use super::records::Records;

/// The text of a value, and whether it was quoted.
type Value = (Vec<u8>, bool);

/// The bytes of a value as they are written, and its text.
type Written = (Vec<u8>, Vec<u8>);

/// The records of a text, with the error that ends them.
#[derive(Debug, PartialEq)]
struct Table {
    records: Vec<Vec<Value>>,
    error: Option<String>,
}

/// Reads in blocks.
fn read(text: &[u8], dialect: &Dialect, block_bytes: usize, most: usize) -> Table {
    // Byte order marks have to be in the first read.
    let input = BufReader::with_capacity(block_bytes + 6, text);
    let mut reader = Records::new(input, "t", dialect).unwrap().with_blocks(block_bytes);
    let mut records = Vec::new();
    let mut block = Block::default();
    loop {
        match reader.read(&mut block, most) {
            Ok(false) => return Table { records, error: None },
            Err(error) => return Table { records, error: Some(error.to_string()) },
            Ok(true) => (),
        }
        assert!((1..=most).contains(&block.records()));
        for record in 0..block.records() {
            let spans = &block.spans[record * block.width()..][..block.width()];
            let value =
                |span: &Span| (block.text[span.from()..span.to()].to_vec(), span.is_quoted());
            records.push(spans.iter().map(value).collect());
        }
        reader.expect(block.width());
    }
}

/// Reads with csv-core, value by value, and watches what it does not tell: whether a value begins with a quote, and
/// the empty lines before a record.
struct Oracle<'a> {
    reader: csv_core::Reader,
    dialect: &'a Dialect,
    rest: &'a [u8],
    ended_with_return: bool,
    table: Table,
}

impl<'a> Oracle<'a> {
    fn read(text: &'a [u8], dialect: &'a Dialect) -> Table {
        let mut reader = ReaderBuilder::new();
        reader.delimiter(dialect.separator).comment(dialect.comment);
        match dialect.quotes {
            Quotes::Around(quote) => reader.quote(quote),
            Quotes::WithinValue | Quotes::None => reader.quoting(false),
        };
        let mark = "\u{feff}".as_bytes();
        let rest = text.strip_prefix(mark).unwrap_or(text);
        let rest = rest.strip_prefix(mark).unwrap_or(rest);
        let mut reader = reader.build();
        // csv-core looks for a byte order mark only in the first text.
        assert_eq!(reader.read_field(b"\n", &mut [0]).0, ReadFieldResult::InputEmpty);
        let table = Table { records: Vec::new(), error: None };
        let mut oracle = Self { reader, dialect, rest, ended_with_return: false, table };
        while let Some(record) = oracle.record() {
            match oracle.checked(record) {
                Ok(record) => oracle.table.records.push(record),
                Err(error) => {
                    let row = oracle.table.records.len() + usize::from(!dialect.has_header);
                    let place = if row == 0 { String::new() } else { format!("row {row}: ") };
                    oracle.table.error = Some(format!("{place}source t: {error}"));
                    break;
                }
            }
        }
        oracle.table
    }

    /// The next record, with its values as they are written, or an error.
    fn record(&mut self) -> Option<Result<Vec<Written>, &'static str>> {
        let mut record = Vec::new();
        let (mut raw, mut content) = (Vec::new(), Vec::new());
        loop {
            let mut output = vec![0; self.rest.len() + 1];
            let is_end = self.rest.is_empty();
            let (result, taken, given) = self.reader.read_field(self.rest, &mut output);
            raw.extend_from_slice(&self.rest[..taken]);
            content.extend_from_slice(&output[..given]);
            self.rest = &self.rest[taken..];
            let ReadFieldResult::Field { record_end } = result else {
                if result == ReadFieldResult::End {
                    self.pass_lines(&raw);
                    return None;
                }
                continue;
            };
            let ends_with_return = raw.last() == Some(&b'\r');
            if record.is_empty() {
                let lines = self.pass_lines(&raw);
                raw.drain(..lines);
                // csv-core finds a record in a comment that the file ends with.
                if is_end && raw.is_empty() {
                    return None;
                }
            }
            let is_open = match self.dialect.quotes {
                Quotes::Around(quote) if raw.first() == Some(&quote) => {
                    // The first run of an odd number of quotes closes.
                    let runs = raw[1..].split(|byte| *byte != quote);
                    runs.map(<[u8]>::len).all(|quotes| quotes % 2 == 0)
                }
                _ => false,
            };
            if is_end && is_open {
                return Some(Err("the file ends within quotes"));
            }
            record.push((std::mem::take(&mut raw), std::mem::take(&mut content)));
            if record_end {
                self.ended_with_return = ends_with_return;
                return Some(Ok(record));
            }
        }
    }

    /// How many of these bytes precede a record: empty lines and comments. In a table of one column, an empty line
    /// is a null.
    fn pass_lines(&mut self, bytes: &[u8]) -> usize {
        let is_narrow = self.table.records.first().is_some_and(|record| record.len() == 1);
        let mut after_return = std::mem::take(&mut self.ended_with_return);
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' if is_narrow => self.table.records.push(vec![(Vec::new(), false)]),
                b'\r' | b'\n' => {}
                _ if Some(*byte) == self.dialect.comment => {
                    let end = bytes[at..].iter().position(|byte| *byte == b'\n');
                    at += end.unwrap_or(bytes.len() - at);
                }
                _ => break,
            }
            after_return = *byte == b'\r';
            at += 1;
        }
        at.min(bytes.len())
    }

    /// The values of a record, after the quotes of TSV and the words for null.
    fn checked(&self, record: Result<Vec<Written>, &'static str>) -> Result<Vec<Value>, String> {
        let mut values = Vec::new();
        for (raw, mut content) in record? {
            let mut is_quoted = match self.dialect.quotes {
                Quotes::Around(quote) => raw.first() == Some(&quote),
                Quotes::WithinValue | Quotes::None => false,
            };
            if self.dialect.quotes == Quotes::WithinValue && content.first() == Some(&b'"') {
                let text = content[1..].to_vec();
                let doubled =
                    |at: usize| text.get(at) == Some(&b'"') && text.get(at + 1) == Some(&b'"');
                let (mut at, mut inner) = (0, Vec::new());
                while at < text.len() && (text[at] != b'"' || doubled(at)) {
                    inner.push(text[at]);
                    at += if doubled(at) { 2 } else { 1 };
                }
                if at >= text.len() {
                    return Err("a value begins with a quote and does not end with one; if the quote is a part of the \
                                text, give --input-format 'tsv;quote=none', and if it encloses a TAB or a line \
                                break, 'tsv;quote=\"'"
                        .to_owned());
                }
                if at + 1 == text.len() {
                    (is_quoted, content) = (true, inner);
                }
            }
            let is_name = self.dialect.has_header && self.table.records.is_empty();
            let null = self.dialect.null.as_deref().filter(|_| !is_name);
            if !is_quoted && null.map(str::as_bytes) == Some(&content) {
                content.clear();
            }
            values.push((content, is_quoted));
        }
        let Some(expected) = self.table.records.first().map(Vec::len) else { return Ok(values) };
        while self.dialect.fills && values.len() < expected {
            values.push((Vec::new(), false));
        }
        if values.len() != expected {
            let names = if self.dialect.has_header {
                "named by the first record"
            } else {
                "of the first record"
            };
            return Err(format!(
                "values in the record: {}; columns {names}: {expected}",
                values.len()
            ));
        }
        Ok(values)
    }
}

/// Dialects without blanks that do not count: those are left out before records are found.
fn dialects() -> Vec<Dialect> {
    let (csv, tsv) = (Dialect::csv(), Dialect::tsv());
    vec![
        csv.clone(),
        tsv.clone(),
        Dialect { fills: true, has_header: false, ..csv.clone() },
        Dialect { fills: true, null: Some("a".to_owned()), ..tsv },
        Dialect { comment: Some(b'#'), null: Some("a".to_owned()), ..csv.clone() },
        Dialect { quotes: Quotes::None, comment: Some(b'#'), fills: true, ..csv.clone() },
        Dialect { quotes: Quotes::Around(b'\''), separator: b'\t', fills: true, ..csv },
    ]
}

/// Pieces of text with many signs.
const DENSE: [&[u8]; 16] = [
    b"a",
    b"bc",
    b",",
    b",",
    b"\"",
    b"\"",
    b"\n",
    b"\r",
    b"\r\n",
    b"\t",
    b"#",
    b"'",
    b" ",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b"\xff",
];
/// Pieces of text with long values or few signs.
const SPARSE: [&[u8]; 11] = [
    b"a",
    b"a,\"b\"\n",
    b"\"a,\n\"\"b\",",
    b"1234567890123456789012345678901234567890",
    b"x\ty\tz\r\n",
    b"'a''b'",
    b"\"\",\"\"\r\n",
    b"a,b\n",
    b"a,b\n",
    b"# a comment\n",
    b"\n",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![vec(select(&DENSE[..]), 0..150), vec(select(&SPARSE[..]), 0..40)];
    pieces.prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn records_are_those_of_csv_core(
        text in text(),
        block_bytes in 1..=64_usize,
        most in prop_oneof![Just(usize::MAX), 1..4_usize],
    ) {
        for dialect in &dialects() {
            // In csv-core, a comment ends only with a line feed.
            let text = match dialect.comment {
                Some(_) => with_line_ends(&text, b"\n"),
                None => text.clone(),
            };
            let expected = Oracle::read(&text, dialect);
            let found = read(&text, dialect, block_bytes, most);
            prop_assert_eq!(&found, &expected, "{:?} {:?}", String::from_utf8_lossy(&text), dialect);
        }
    }

    #[test]
    fn every_line_end_divides_a_text_the_same_way(text in text(), block_bytes in 1..=64_usize) {
        for dialect in &dialects() {
            let expected = read(&with_line_ends(&text, b"\n"), dialect, 1000, usize::MAX);
            for end in [&b"\r"[..], b"\r\n"] {
                let text = with_line_ends(&text, end);
                let mut found = read(&text, dialect, block_bytes, usize::MAX);
                // Line ends within quotes are part of the value.
                for (value, _) in found.records.iter_mut().flatten() {
                    *value = with_line_ends(value, b"\n");
                }
                prop_assert_eq!(&found, &expected, "{:?} {:?}", String::from_utf8_lossy(&text), dialect);
            }
        }
    }

    /// Leaving out blanks changes values, but not the number of rows.
    #[test]
    fn blanks_at_the_ends_of_lines_make_and_hide_no_rows(
        pieces in vec(select(&[" ", "\t", "a", "b c", "\r", "\n", "\r\n"][..]), 0..30),
        block_bytes in 1..=64_usize,
    ) {
        let text = format!("h\n{}", pieces.concat());
        let trimming = Dialect { trims: true, ..Dialect::csv() };
        let found = read(text.as_bytes(), &trimming, block_bytes, usize::MAX);
        let mut expected = read(text.as_bytes(), &Dialect::csv(), block_bytes, usize::MAX);
        for (value, _) in expected.records.iter_mut().flatten() {
            *value = value.trim_ascii().to_vec();
        }
        prop_assert_eq!(&found, &expected, "{:?}", text);
    }
}

/// A text with other line ends.
fn with_line_ends(text: &[u8], end: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace('\n', std::str::from_utf8(end).unwrap()).into_bytes()
}

#[test]
fn quotes_are_seen_wherever_a_block_ends() {
    let text = "a,\"\",,\"x \"\"y\"\"\r\n\"\r\n\"\",b,,\"c\"\r\n\n\"\",,,\r\n5\" disk,z,,";
    let value = |text: &str, is_quoted| (text.as_bytes().to_vec(), is_quoted);
    let none = || value("", false);
    let records = vec![
        vec![value("a", false), value("", true), none(), value("x \"y\"\r\n", true)],
        vec![value("", true), value("b", false), none(), value("c", true)],
        vec![value("", true), none(), none(), none()],
        vec![value("5\" disk", false), value("z", false), none(), none()],
    ];
    let expected = Table { records, error: None };
    for block_bytes in (1..=70).chain([1000]) {
        for text in [text.to_owned(), format!("\u{feff}{text}")] {
            let found = read(text.as_bytes(), &Dialect::csv(), block_bytes, 3);
            assert_eq!(found, expected, "{block_bytes}");
        }
    }
    let marked_twice = format!("\u{feff}\u{feff}{text}");
    assert_eq!(read(marked_twice.as_bytes(), &Dialect::csv(), 1000, 3), expected);
}

#[test]
fn a_quote_that_is_not_closed_is_an_error() {
    for text in ["a,b\n1,\"x", "a,b\n1,\"x\"\"", "a,b\n1,\"x\n2,3\n"] {
        let error = read(text.as_bytes(), &Dialect::csv(), 100, 10).error;
        assert_eq!(error.as_deref(), Some("row 1: source t: the file ends within quotes"));
    }
}

/// Errors are in the order of the file, although values are converted after the records of a block are found.
#[test]
fn records_before_a_wrong_one_are_read() {
    let table = read(b"a,b\n1,2\n3,4\n5\n6,7\n", &Dialect::csv(), 1000, 1000);
    assert_eq!(table.records.len(), 3);
    let error = table.error.unwrap();
    assert!(error.starts_with("row 3: source t: values in the record: 1;"), "{error}");
}

/// Gives one piece of text, and fails the test if more is asked for.
struct Waits(&'static [u8]);

impl std::io::Read for Waits {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        assert!(!self.0.is_empty(), "the rows that have arrived are held back");
        to[..self.0.len()].copy_from_slice(self.0);
        Ok(std::mem::take(&mut self.0).len())
    }
}

#[test]
fn rows_do_not_wait_for_a_full_block() {
    let input = BufReader::with_capacity(1 << 13, Waits(b"a,b\n1,2\n3,4\n5,"));
    let mut reader = Records::new(input, "t", &Dialect::csv()).unwrap();
    let mut block = Block::default();
    assert!(reader.read(&mut block, 1).unwrap());
    reader.expect(2);
    assert!(reader.read(&mut block, 1000).unwrap());
    assert_eq!(block.records(), 2);
}
