//! Records of separated text.

use std::io::BufRead;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use taploom_model::{Error, ErrorKind, Result};

use super::cells::Cell;

/// Maximum size of a record. A quote that is not closed makes one record of everything that follows.
const RECORD_BYTES: usize = 256 << 20;

/// Records of a file, one after the other.
///
/// csv-core reads them value by value, because no other reader shows whether an empty value had quotes.
pub(super) struct Records<R> {
    input: R,
    reader: Reader,
    name: String,
    /// Number of values that every record must have.
    expected: Option<usize>,
    /// Number of records read, including the one with the names.
    read: u64,
}

/// The values of a record.
#[derive(Default)]
pub(super) struct Record {
    /// Keeps the length of the longest record so far.
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

    pub(super) fn cell(&self, index: usize) -> Cell<'_> {
        let from = if index == 0 { 0 } else { self.ends[index - 1] };
        Cell { text: &self.text[from..self.ends[index]], is_quoted: self.quoted[index] }
    }
}

impl<R: BufRead> Records<R> {
    /// Starts at the first record, after a byte order mark if there is one.
    pub(super) fn new(mut input: R, name: &str, separator: u8) -> Result<Self> {
        let beginning = input.fill_buf().map_err(|error| unreadable(name, error))?;
        if beginning.starts_with("\u{feff}".as_bytes()) {
            input.consume("\u{feff}".len());
        }
        let reader = ReaderBuilder::new().delimiter(separator).build();
        Ok(Self { input, reader, name: name.to_owned(), expected: None, read: 0 })
    }

    /// Requires this number of values in all records that follow.
    pub(super) fn expect(&mut self, values: usize) {
        self.expected = Some(values);
    }

    /// Reads the next record; false at the end of the file.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] naming the row where the file can't be read, a record has another number
    /// of values, or a quote is not closed.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool> {
        record.ends.clear();
        record.quoted.clear();
        let mut filled = 0;
        let mut value = QuoteTracker::default();
        loop {
            let input = self.input.fill_buf().map_err(|error| unreadable(&self.name, error))?;
            let is_end = input.is_empty();
            let (result, taken, given) = self.reader.read_field(input, &mut record.text[filled..]);
            value.see(&input[..taken], record.ends.is_empty());
            self.input.consume(taken);
            filled += given;
            match result {
                ReadFieldResult::InputEmpty => (),
                ReadFieldResult::OutputFull if filled >= RECORD_BYTES => {
                    return Err(self.broken(&format!(
                        "a record of more than {RECORD_BYTES} bytes; is a quote not closed?"
                    )));
                }
                ReadFieldResult::OutputFull => {
                    record.text.resize((2 * filled).max(1 << 10), 0);
                }
                ReadFieldResult::Field { record_end } => {
                    if is_end && value.is_open() {
                        return Err(self.broken("the file ends within quotes"));
                    }
                    record.ends.push(filled);
                    record.quoted.push(value.is_quoted());
                    value = QuoteTracker::default();
                    if record_end {
                        break;
                    }
                }
                ReadFieldResult::End => return Ok(false),
            }
        }
        if let Some(expected) = self.expected.filter(|expected| *expected != record.len()) {
            let values = record.len();
            return Err(self.broken(&format!(
                "values in the record: {values}; columns named by the first record: {expected}"
            )));
        }
        self.read += 1;
        Ok(true)
    }

    /// An error in the next record. The first record has the names of the columns and does not count as a row.
    fn broken(&self, message: &str) -> Error {
        let error = Error::new(ErrorKind::Source, format!("source {}: {message}", self.name));
        if self.read == 0 { error } else { error.with_row(self.read) }
    }
}

fn unreadable(name: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Source, format!("source {name}: can't read the file")).with_source(error)
}

/// Watches the bytes of one value for quotes.
#[derive(Default)]
struct QuoteTracker {
    first: Option<u8>,
    quotes: usize,
}

impl QuoteTracker {
    /// Looks at bytes of the value. Those of the first value in a record include the line ends before it.
    fn see(&mut self, bytes: &[u8], is_first: bool) {
        if self.first.is_none() {
            let mut bytes = bytes.iter().copied();
            self.first = bytes.find(|byte| !(is_first && matches!(byte, b'\r' | b'\n')));
        }
        if self.is_quoted() {
            self.quotes += bytes.iter().filter(|byte| **byte == b'"').count();
        }
    }

    fn is_quoted(&self) -> bool {
        self.first == Some(b'"')
    }

    /// Whether a quote is open: an odd number of quotes was read.
    fn is_open(&self) -> bool {
        self.quotes % 2 == 1
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    type Values = Vec<(String, bool)>;

    fn read(text: &str, capacity: usize) -> Result<Vec<Values>> {
        let input = BufReader::with_capacity(capacity, text.as_bytes());
        let mut records = Records::new(input, "x.csv", b',')?;
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
        // Three bytes at least: a mark at the beginning has to be seen at once.
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
