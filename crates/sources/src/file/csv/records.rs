//! Reads the records of separated text.

use std::io::BufRead;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use taploom_model::{Error, ErrorKind, Result};

use super::blanks::Input;
use super::cells::Cell;
use super::dialect::{Dialect, Quotes};
use super::watch::{LineBeginning, QuoteTracker};
use crate::error::damaged;

/// Maximum size of a record. An unclosed quote would make one record of the rest of the file.
const RECORD_BYTES: usize = 256 << 20;
/// Maximum size of a record with the names of the columns.
const NAMES_BYTES: usize = 16 << 20;
/// Maximum number of values in a record. A file without line breaks is a single record.
const MOST_VALUES: usize = 100_000;

/// Reads the records of a file, one after the other.
///
/// csv-core splits records into values. Other readers do not tell whether an empty value was quoted.
pub(in crate::file) struct Records<R> {
    input: Input<R>,
    reader: Reader,
    name: String,
    quotes: Quotes,
    comment: Option<u8>,
    null: Option<Vec<u8>>,
    /// Whether a record with too few values is completed with nulls.
    fills: bool,
    /// The number of values that every record must have.
    expected: Option<usize>,
    /// The number of records read, including the record with the names.
    read: u64,
    /// Whether the first record has the names of the columns.
    has_header: bool,
    /// The number of empty lines before the next record. In a table of one column, each of them is a null.
    empty_lines: u64,
    /// The record that follows these lines.
    waiting: Option<Record>,
    /// Whether the last record ended with a carriage return.
    ended_with_cr: bool,
}

/// The values of a record.
#[derive(Default)]
pub(in crate::file) struct Record {
    /// Its length is the length of the longest record so far.
    text: Vec<u8>,
    ends: Vec<usize>,
    quoted: Vec<bool>,
}

impl Record {
    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Total length of the values, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.text.len() + self.len() * (size_of::<usize>() + size_of::<bool>())
    }

    pub(super) fn cell(&self, index: usize) -> Cell<'_> {
        let from = if index == 0 { 0 } else { self.ends[index - 1] };
        Cell { text: &self.text[from..self.ends[index]], is_quoted: self.quoted[index] }
    }
}

impl Record {
    /// The values, as names of columns.
    pub(in crate::file) fn names(&self, source: &str) -> Result<Vec<String>> {
        let names = (0..self.len()).map(|index| match std::str::from_utf8(self.cell(index).text) {
            Ok(name) => Ok(name.to_owned()),
            Err(_) => {
                Err(damaged(format!("source {source}: the names of its columns are not UTF-8")))
            }
        });
        names.collect()
    }

    /// Makes this a record with a single null.
    fn set_null(&mut self) {
        (self.ends, self.quoted) = (vec![0], vec![false]);
    }
}

impl<R: BufRead> Records<R> {
    /// Starts at the first record; a byte order mark is skipped.
    pub(in crate::file) fn new(mut input: R, name: &str, dialect: &Dialect) -> Result<Self> {
        let beginning = input.fill_buf().map_err(|error| unreadable(name, error))?;
        if beginning.starts_with("\u{feff}".as_bytes()) {
            input.consume("\u{feff}".len());
        }
        let mut reader = ReaderBuilder::new();
        reader.delimiter(dialect.separator).comment(dialect.comment);
        match dialect.quotes {
            Quotes::Around(quote) => reader.quote(quote),
            Quotes::WithinValue | Quotes::None => reader.quoting(false),
        };
        Ok(Self {
            input: Input::new(input, dialect),
            reader: reader.build(),
            name: name.to_owned(),
            quotes: dialect.quotes,
            comment: dialect.comment,
            null: dialect.null.clone().map(String::into_bytes),
            fills: dialect.fills,
            expected: None,
            read: 0,
            has_header: dialect.has_header,
            empty_lines: 0,
            waiting: None,
            ended_with_cr: false,
        })
    }

    /// Requires this number of values in all further records.
    pub(in crate::file) fn expect(&mut self, values: usize) {
        self.expected = Some(values);
    }

    /// Reads the next record. Returns `false` at the end of the file.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] naming the row if the file can't be read, a record has a wrong number of
    /// values, or a quote is not closed.
    pub(in crate::file) fn read(&mut self, record: &mut Record) -> Result<bool> {
        if self.empty_lines == 0 {
            let found = match self.waiting.take() {
                Some(waiting) => {
                    *record = waiting;
                    true
                }
                None => self.read_next(record)?,
            };
            if self.expected != Some(1) {
                self.empty_lines = 0;
            }
            if self.empty_lines == 0 {
                self.read += u64::from(found);
                return Ok(found);
            }
            self.waiting = found.then(|| std::mem::take(record));
        }
        self.empty_lines -= 1;
        record.set_null();
        self.read += 1;
        Ok(true)
    }

    /// Reads the next record that is not empty, and counts the empty lines before it.
    fn read_next(&mut self, record: &mut Record) -> Result<bool> {
        record.ends.clear();
        record.quoted.clear();
        let (mut from, mut filled) = (0, 0);
        let quote = match self.quotes {
            Quotes::Around(quote) => Some(quote),
            Quotes::WithinValue | Quotes::None => None,
        };
        let mut beginning = LineBeginning::new(self.comment, self.ended_with_cr);
        let mut value = QuoteTracker::new(quote);
        let has_names = self.has_header && self.read == 0;
        let most = if has_names { NAMES_BYTES } else { RECORD_BYTES };
        loop {
            let input = match self.input.fill_buf() {
                Ok(input) => input,
                Err(error) => return Err(self.broken("can't read the file").with_source(error)),
            };
            let is_end = input.is_empty();
            let (result, taken, given) = self.reader.read_field(input, &mut record.text[filled..]);
            let seen = &input[..taken];
            let ended_with_cr = seen.last() == Some(&b'\r');
            let skipped = if record.ends.is_empty() { beginning.pass(seen) } else { 0 };
            value.see(&seen[skipped..]);
            self.input.consume(taken);
            filled += given;
            match result {
                ReadFieldResult::InputEmpty => (),
                ReadFieldResult::OutputFull if filled >= most => {
                    let which =
                        if has_names { "the names of the columns have" } else { "a record has" };
                    return Err(self.broken(&format!(
                        "{which} more than {most} bytes, the most that is read; check that lines end in line breaks \
                         and that every quote is closed"
                    )));
                }
                ReadFieldResult::Field { .. } if record.ends.len() >= MOST_VALUES => {
                    return Err(self.broken(&format!(
                        "a record has more than {MOST_VALUES} values, the most that are read; check that lines end in \
                         line breaks"
                    )));
                }
                ReadFieldResult::OutputFull => {
                    record.text.resize((2 * filled).max(1 << 10), 0);
                }
                ReadFieldResult::Field { record_end } => {
                    if is_end && value.is_open() {
                        return Err(self.broken("the file ends within quotes"));
                    }
                    let mut is_quoted = value.is_quoted();
                    if self.quotes == Quotes::WithinValue {
                        (is_quoted, filled) = self.unquote(&mut record.text, from, filled)?;
                    }
                    if !is_quoted && self.null.as_deref() == Some(&record.text[from..filled]) {
                        filled = from;
                    }
                    record.ends.push(filled);
                    record.quoted.push(is_quoted);
                    from = filled;
                    value = QuoteTracker::new(quote);
                    if record_end {
                        self.ended_with_cr = ended_with_cr;
                        break;
                    }
                }
                ReadFieldResult::End => {
                    self.empty_lines = beginning.empty_lines;
                    return Ok(false);
                }
            }
        }
        self.empty_lines = beginning.empty_lines;
        if let Some(expected) = self.expected.filter(|_| self.fills) {
            while record.len() < expected {
                record.ends.push(filled);
                record.quoted.push(false);
            }
        }
        if let Some(expected) = self.expected.filter(|expected| *expected != record.len()) {
            let values = record.len();
            let names =
                if self.has_header { "named by the first record" } else { "of the first record" };
            return Err(self
                .broken(&format!("values in the record: {values}; columns {names}: {expected}")));
        }
        Ok(true)
    }

    /// Removes the quotes around a value that begins and ends with one. Returns whether it was quoted, and
    /// its new end.
    fn unquote(&self, text: &mut [u8], from: usize, to: usize) -> Result<(bool, usize)> {
        if text[from..to].first() != Some(&b'"') {
            return Ok((false, to));
        }
        // The value without its quotes is written up to `end`, and has been read up to `at`.
        let (mut end, mut at) = (from, from + 1);
        let mut is_closed = false;
        let mut copy = text[from..to].to_vec();
        while at < to && !is_closed {
            let byte = text[at];
            let is_double = byte == b'"' && text[..to].get(at + 1) == Some(&b'"');
            is_closed = byte == b'"' && !is_double;
            if !is_closed {
                copy[end - from] = byte;
                end += 1;
            }
            at += if is_double { 2 } else { 1 };
        }
        match (is_closed, at == to) {
            (true, true) => {
                text[from..end].copy_from_slice(&copy[..end - from]);
                Ok((true, end))
            }
            // The quotes are part of the text: "A"-frame.
            (true, false) => Ok((false, to)),
            (false, _) => Err(self.broken(
                "a value begins with a quote and does not end with one; if the quote is a part of the text, give \
                 --input-format 'tsv;quote=none', and if it encloses a TAB or a line break, 'tsv;quote=\"'",
            )),
        }
    }

    /// An error in the next record. A record with the names of the columns does not count as a row.
    fn broken(&self, message: &str) -> Error {
        let error = Error::new(ErrorKind::Source, format!("source {}: {message}", self.name));
        match self.read + u64::from(!self.has_header) {
            0 => error,
            row => error.with_row(row),
        }
    }
}

fn unreadable(name: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Source, format!("source {name}: can't read the file")).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    type Values = Vec<(String, bool)>;

    fn read(text: &str, capacity: usize) -> Result<Vec<Values>> {
        let input = BufReader::with_capacity(capacity, text.as_bytes());
        let mut records = Records::new(input, "x.csv", &Dialect::csv())?;
        let (mut record, mut all) = (Record::default(), Vec::new());
        while records.read(&mut record)? {
            let values = (0..record.len()).map(|index| {
                let cell = record.cell(index);
                (String::from_utf8_lossy(cell.text).into_owned(), cell.is_quoted)
            });
            all.push(values.collect());
        }
        Ok(all)
    }

    #[test]
    fn quotes_are_seen_wherever_the_buffer_ends() {
        let text = "a,\"\",,\"x \"\"y\"\"\r\n\"\r\n\"\",b,,\"c\"\r\n\n\"\"\r\n5\" disk,z";
        let value = |text: &str, quoted| (text.to_owned(), quoted);
        let expected = [
            vec![value("a", false), value("", true), value("", false), value("x \"y\"\r\n", true)],
            vec![value("", true), value("b", false), value("", false), value("c", true)],
            vec![value("", true)],
            vec![value("5\" disk", false), value("z", false)],
        ];
        // At least three bytes, because a byte order mark has to be in the first read.
        for capacity in [3, 4, 5, 7, 1000] {
            assert_eq!(read(text, capacity).unwrap(), expected, "{capacity}");
            let marked = format!("\u{feff}{text}");
            assert_eq!(read(&marked, capacity).unwrap(), expected, "{capacity}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_is_an_error() {
        for text in ["a,b\n1,\"x", "a,b\n1,\"x\"\"", "a,b\n1,\"x\n2,3\n"] {
            let error = read(text, 100).unwrap_err();
            assert_eq!(error.to_string(), "row 1: source x.csv: the file ends within quotes");
        }
    }
}
