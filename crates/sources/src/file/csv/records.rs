//! Reads the records of separated text, in blocks.

use std::io::{self, BufRead};

use taploom_model::{Error, ErrorKind, Result};

use super::blanks::Input;
use super::block::{Block, Span};
use super::dialect::Dialect;
use super::scanner::{Found, MOST_VALUES, Scanner};

/// Maximum size of a record. An unclosed quote would make one record of the rest of the file.
const RECORD_BYTES: usize = 256 << 20;
/// Maximum size of a record with the names of the columns.
const NAMES_BYTES: usize = 16 << 20;
/// Size of a block, unless a record is longer. Its text and the places of its values fit into a processor's cache.
const BLOCK_BYTES: usize = 64 << 10;

/// Reads the records of a file, block after block.
///
/// A block holds whole records. Its signs, values and characters are found, converted and checked for all of its
/// records together, which takes a fraction of the time that each record by itself would take.
pub(in crate::file) struct Records<R> {
    input: Input<R>,
    scanner: Scanner,
    name: String,
    null: Option<Vec<u8>>,
    /// Whether a record with too few values is completed with nulls.
    fills: bool,
    /// Whether an empty line is a null in a table of one column.
    has_empty_rows: bool,
    /// The number of values that every record must have.
    expected: Option<usize>,
    /// The number of records read, including the record with the names.
    read: u64,
    /// Whether the first record has the names of the columns.
    has_header: bool,
    /// What was read after the last block.
    rest: Vec<u8>,
    /// Whether no more bytes can be read.
    is_over: bool,
    /// Why not, if the end of the file was not reached.
    unreadable: Option<io::Error>,
    /// The error of the record after the last block.
    failure: Option<Error>,
    block_bytes: usize,
}

impl<R: BufRead> Records<R> {
    /// Starts at the first record. A byte order mark is skipped, and the second one of a file that got two.
    pub(in crate::file) fn new(mut input: R, name: &str, dialect: &Dialect) -> Result<Self> {
        for _ in 0..2 {
            let beginning = input.fill_buf().map_err(|error| {
                let message = format!("source {name}: can't read the file");
                Error::new(ErrorKind::Source, message).with_source(error)
            })?;
            if beginning.starts_with("\u{feff}".as_bytes()) {
                input.consume("\u{feff}".len());
            }
        }
        Ok(Self {
            input: Input::new(input, dialect),
            scanner: Scanner::new(dialect),
            name: name.to_owned(),
            null: dialect.null.clone().map(String::into_bytes),
            fills: dialect.fills,
            has_empty_rows: dialect.has_empty_rows,
            expected: None,
            read: 0,
            has_header: dialect.has_header,
            rest: Vec::new(),
            is_over: false,
            unreadable: None,
            failure: None,
            block_bytes: BLOCK_BYTES,
        })
    }

    /// Reads blocks of another size.
    #[cfg(test)]
    pub(super) fn with_blocks(self, bytes: usize) -> Self {
        Self { block_bytes: bytes, ..self }
    }

    /// Requires this number of values in all further records.
    pub(in crate::file) fn expect(&mut self, values: usize) {
        self.expected = Some(values);
    }

    /// Replaces a block by the next one, which has at least one record and at most `most` of them. Returns `false` at
    /// the end of the file.
    ///
    /// If a record is wrong, the records before it are returned first.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] naming the row if the file can't be read, a record has a wrong number of
    /// values, or a quote is not closed.
    pub(in crate::file) fn read(&mut self, block: &mut Block, most: usize) -> Result<bool> {
        let are_names = self.has_header && self.read == 0;
        // Only the first record can have any number of values.
        let most = if self.expected.is_some() { most } else { 1 };
        self.begin(block);
        // An error of the block before is due now.
        while self.failure.is_none() {
            self.scan(block, most);
            if block.records > 0 || self.failure.is_some() || self.is_over {
                break;
            }
            self.fill(block);
        }
        self.rest.extend_from_slice(&block.text[self.scanner.record()..block.filled]);
        block.spans.truncate(block.records * block.width);
        if let Some(null) = self.null.as_ref().filter(|_| !are_names) {
            block.set_nulls(null);
        }
        match self.failure.take_if(|_| block.records == 0) {
            Some(error) => Err(error),
            None => Ok(block.records > 0),
        }
    }

    /// Empties a block, and begins it with the bytes that are left.
    fn begin(&mut self, block: &mut Block) {
        let bytes = self.rest.len();
        // A long record may have made it large.
        if block.text.len() > self.block_bytes.max(bytes) * 4 {
            block.text = Vec::new();
        }
        if block.text.len() < bytes {
            block.text.resize(bytes, 0);
        }
        block.text[..bytes].copy_from_slice(&self.rest);
        self.rest.clear();
        self.rest.shrink_to(self.block_bytes);
        block.filled = bytes;
        block.spans.clear();
        block.records = 0;
        self.scanner.restart();
    }

    /// Reads into the rest of the block. A full block without a record grows.
    fn fill(&mut self, block: &mut Block) {
        if self.is_over {
            return;
        }
        let done = self.scanner.record();
        if done > 0 && block.records == 0 {
            // Comments and empty lines.
            block.text.copy_within(done..block.filled, 0);
            block.filled -= done;
            block.spans.clear();
            self.scanner.restart();
        }
        let mut size = self.block_bytes;
        if block.filled >= size {
            // Large blocks grow slowly to save memory.
            size = block.filled + size.max(block.filled / 8);
        }
        if block.text.len() < size {
            block.text.reserve_exact(size - block.text.len());
            block.text.resize(size, 0);
        }
        while block.filled < size && !self.is_over {
            let room = &mut block.text[block.filled..size];
            match self.input.read(room) {
                Ok(0) => self.is_over = true,
                Ok(bytes) => {
                    block.filled += bytes;
                    // A source that gives less may have to wait for more, and rows should not wait with it.
                    let has_line = memchr::memchr2(b'\n', b'\r', &room[..bytes]).is_some();
                    if bytes < room.len() && has_line {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => (self.is_over, self.unreadable) = (true, Some(error)),
            }
        }
    }

    /// Finds the records of a block, up to the first that is wrong or not complete.
    fn scan(&mut self, block: &mut Block, most: usize) {
        while block.records < most {
            let text = &mut block.text[..block.filled];
            let from = self.scanner.record();
            let mut found = self.scanner.find(text, &mut block.spans);
            let is_last = found == Found::End && self.is_over;
            if is_last {
                if let Some(cause) = self.unreadable.take() {
                    self.failure = Some(self.broken("can't read the file").with_source(cause));
                    return;
                }
                found = self.scanner.finish(text, &mut block.spans);
            }
            let result = match found {
                Found::Record => {
                    let bytes = self.scanner.record() - from;
                    self.end_record(block, bytes, is_last)
                }
                Found::EmptyLine if self.has_empty_rows && self.expected == Some(1) => {
                    block.spans.push(Span::new(from, from));
                    self.end_record(block, 0, false)
                }
                Found::EmptyLine => Ok(()),
                Found::End => match self.check_size(block) {
                    Ok(()) => return,
                    Err(error) => Err(error),
                },
                Found::TooManyValues => Err(self.broken(&format!(
                    "a record has more than {MOST_VALUES} values, the most that are read; check that lines end in \
                     line breaks"
                ))),
                Found::OpenValue => Err(self.broken(
                    "a value begins with a quote and does not end with one; if the quote is a part of the text, give \
                     --input-format 'tsv;quote=none', and if it encloses a TAB or a line break, 'tsv;quote=\"'",
                )),
                Found::OpenQuote => Err(self.broken("the file ends within quotes")),
            };
            if let Err(error) = result {
                self.failure = Some(error);
                return;
            }
        }
    }

    /// Takes the last values of a block as a record. `bytes` is at least their length.
    fn end_record(&mut self, block: &mut Block, bytes: usize, is_last: bool) -> Result<()> {
        let first = block.records * block.width;
        let mut values = block.spans.len() - first;
        if let Some(expected) = self.expected.filter(|expected| *expected != values) {
            while self.fills && values < expected {
                let end = block.spans.last().map_or(0, |span| span.to());
                block.spans.push(Span::new(end, end));
                values += 1;
            }
            if values != expected {
                let names = if self.has_header {
                    "named by the first record"
                } else {
                    "of the first record"
                };
                return Err(self.broken(&format!(
                    "values in the record: {values}; columns {names}: {expected}"
                )));
            }
        }
        if bytes >= self.most_bytes() {
            let bytes: usize = block.spans[first..].iter().map(|span| span.len()).sum();
            self.check_bytes(bytes + usize::from(!is_last))?;
        }
        block.width = values;
        block.records += 1;
        self.read += 1;
        Ok(())
    }

    /// Checks the size of a record that is not complete.
    fn check_size(&self, block: &Block) -> Result<()> {
        let text = &block.text[..block.filled];
        match text.len() - self.scanner.record() > self.most_bytes() {
            true => self.check_bytes(self.scanner.bytes(text, &block.spans)),
            false => Ok(()),
        }
    }

    fn check_bytes(&self, bytes: usize) -> Result<()> {
        let most = self.most_bytes();
        if bytes <= most {
            return Ok(());
        }
        let which = if self.has_names() { "the names of the columns have" } else { "a record has" };
        Err(self.broken(&format!(
            "{which} more than {most} bytes, the most that is read; check that lines end in line breaks and that every \
             quote is closed"
        )))
    }

    /// Maximum size of the next record.
    fn most_bytes(&self) -> usize {
        if self.has_names() { NAMES_BYTES } else { RECORD_BYTES }
    }

    /// Whether the next record has the names of the columns.
    fn has_names(&self) -> bool {
        self.has_header && self.read == 0
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
