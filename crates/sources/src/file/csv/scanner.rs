//! Divides text into records and values.

use super::block::Span;
use super::dialect::{Dialect, Quotes};
use super::quoted::{closing_quote, content_length, unquote};
use super::signs::{GROUP, Signs};

/// Maximum number of values in a record. A file without line breaks is a single record.
pub(super) const MOST_VALUES: usize = 100_000;

/// Finds the records in text, one after the other.
///
/// A line feed, a carriage return, or both end a record or a comment. A quote encloses a value only if it is the first byte of the
/// value; elsewhere it is text. Text between the quote that closes and the end of the value belongs to the value. So
/// every text has the records that the crate csv-core finds, but for comments, which only a line feed ends there. That
/// crate goes through text byte by byte, and does not tell whether a value was quoted.
///
/// Text may be added at the end between two calls.
pub(super) struct Scanner {
    signs: Signs,
    quotes: Quotes,
    comment: Option<u8>,
    /// Signs in the group of bytes that begins at `group`, without those that are done.
    found: u64,
    group: usize,
    /// Up to where signs were looked for.
    searched: usize,
    /// Where the record begins.
    record: usize,
    /// Where the value begins.
    value: usize,
    place: Place,
    /// Whether the value has two quotes that stand for one.
    has_doubled: bool,
    /// The index of the record's first value.
    first: usize,
    is_new: bool,
    /// Values of the record that are not simply the text within their quotes. Their spans include the quotes.
    to_unquote: Vec<usize>,
    /// The end of the last line, if it ended with a carriage return: a line feed there belongs to the same line break.
    after_return: Option<usize>,
    in_comment: bool,
}

/// Where the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a value without quotes around it, or at the beginning of any value.
    Value,
    Quoted,
    /// After the quote at this place, which closes unless another one follows.
    AfterQuote(usize),
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Record,
    EmptyLine,
    /// The end of the text, which may be within a record.
    End,
    /// More than [`MOST_VALUES`].
    TooManyValues,
    /// A value begins with a quote and does not end with one.
    OpenValue,
    /// The file ends within quotes.
    OpenQuote,
}

impl Scanner {
    pub(super) fn new(dialect: &Dialect) -> Self {
        let quote = match dialect.quotes {
            Quotes::Around(quote) => quote,
            Quotes::WithinValue => b'"',
            Quotes::None => dialect.separator,
        };
        Self {
            signs: Signs { separator: dialect.separator, quote },
            quotes: dialect.quotes,
            comment: dialect.comment,
            found: 0,
            group: 0,
            searched: 0,
            record: 0,
            value: 0,
            place: Place::Value,
            has_doubled: false,
            first: 0,
            is_new: true,
            to_unquote: Vec::new(),
            after_return: None,
            in_comment: false,
        }
    }

    /// Where the record begins that was not found yet.
    pub(super) fn record(&self) -> usize {
        self.record
    }

    /// Continues with a text that begins with the record that was not found yet, and with an empty list of values.
    pub(super) fn restart(&mut self) {
        self.after_return = self.after_return.filter(|end| *end == self.record).map(|_| 0);
        self.begin_record(0);
        self.skip_to(0);
    }

    fn begin_record(&mut self, at: usize) {
        (self.record, self.value, self.place) = (at, at, Place::Value);
        self.is_new = true;
        self.to_unquote.clear();
    }

    /// Looks for signs from here on.
    fn skip_to(&mut self, at: usize) {
        (self.found, self.group, self.searched) = (0, at, at);
    }

    /// Finds the next record or empty line, and adds the values of the record to `values`. Quotes that don't belong to
    /// a value are removed from it in the text.
    pub(super) fn find(&mut self, text: &mut [u8], values: &mut Vec<Span>) -> Found {
        if std::mem::take(&mut self.is_new) {
            self.first = values.len();
        }
        loop {
            if self.comment.is_some() && self.value == self.record && !self.pass_comments(text) {
                return Found::End;
            }
            let Some(end) = self.find_line_end(text, values) else {
                return if self.has_too_many(values) { Found::TooManyValues } else { Found::End };
            };
            let is_empty = self.place == Place::Value && self.record == end;
            let is_return = text.get(end) == Some(&b'\r');
            let is_begun = self.after_return == Some(end);
            self.after_return = is_return.then_some(end + 1);
            if !is_empty {
                return self.end_record(text, end, end + 1, values);
            }
            self.begin_record(end + 1);
            if is_return || !is_begun {
                return Found::EmptyLine;
            }
            self.is_new = false;
        }
    }

    /// Takes the rest of the text as the last record of the file, if there is a rest.
    pub(super) fn finish(&mut self, text: &mut [u8], values: &mut Vec<Span>) -> Found {
        let end = text.len();
        if self.record == end {
            return Found::End;
        }
        if self.place == Place::Quoted {
            return Found::OpenQuote;
        }
        self.end_record(text, end, end, values)
    }

    /// The length of the values found so far in a record that is not complete, in bytes.
    pub(super) fn bytes(&self, text: &[u8], values: &[Span]) -> usize {
        let complete: usize = values[self.first..].iter().map(|span| span.len()).sum();
        complete
            + match self.place {
                Place::Value => text.len() - self.value,
                _ => content_length(&text[self.value..], self.signs.quote),
            }
    }

    /// Passes comments at the beginning of a record. Returns whether the record begins in this text.
    fn pass_comments(&mut self, text: &[u8]) -> bool {
        while self.in_comment || text.get(self.record).copied() == self.comment {
            let end = memchr::memchr2(b'\n', b'\r', &text[self.record..]);
            let next = end.map_or(text.len(), |end| self.record + end + 1);
            self.in_comment = end.is_none();
            if end.is_some() && text[next - 1] == b'\r' {
                self.after_return = Some(next);
            }
            (self.record, self.value) = (next, next);
            self.skip_to(next);
            if self.in_comment {
                return false;
            }
        }
        true
    }

    /// Finds the line break that ends the record, and adds all values but the last.
    fn find_line_end(&mut self, text: &[u8], values: &mut Vec<Span>) -> Option<usize> {
        let Signs { separator, quote } = self.signs;
        let (mut found, mut place, mut value) = (self.found, self.place, self.value);
        let end = 'search: loop {
            while found == 0 {
                let rest = text.get(self.searched..).unwrap_or_default();
                if rest.is_empty() || self.has_too_many(values) {
                    break 'search None;
                }
                found = self.signs.find(rest);
                self.group = self.searched;
                self.searched += rest.len().min(GROUP);
            }
            let at = self.group + found.trailing_zeros() as usize;
            found &= found - 1;
            let sign = text[at];
            match place {
                Place::Value if sign == separator => {
                    values.push(Span::new(value, at));
                    value = at + 1;
                }
                Place::Value if sign != quote => break Some(at),
                Place::Value if at != value => {}
                Place::Value if self.quotes == Quotes::WithinValue => {
                    self.to_unquote.push(values.len());
                }
                Place::Value => {
                    place = Place::Quoted;
                    self.has_doubled = false;
                }
                Place::Quoted if sign == quote => place = Place::AfterQuote(at),
                Place::Quoted => {}
                Place::AfterQuote(closing) if sign == quote => {
                    if at == closing + 1 {
                        place = Place::Quoted;
                        self.has_doubled = true;
                    }
                }
                Place::AfterQuote(closing) if sign == separator => {
                    values.push(self.quoted(value, closing, at, values.len()));
                    (place, value) = (Place::Value, at + 1);
                }
                Place::AfterQuote(_) => break Some(at),
            }
        };
        (self.found, self.place, self.value) = (found, place, value);
        end
    }

    /// The value that begins with a quote at `from` and ends at `end`.
    fn quoted(&mut self, from: usize, closing: usize, end: usize, index: usize) -> Span {
        if closing + 1 == end && !self.has_doubled {
            return Span::quoted(from + 1, closing);
        }
        self.to_unquote.push(index);
        Span::quoted(from, end)
    }

    fn has_too_many(&self, values: &[Span]) -> bool {
        values.len() - self.first > MOST_VALUES
    }

    /// Adds the last value of a record, which ends at `end`, and goes to the next record.
    fn end_record(
        &mut self,
        text: &mut [u8],
        end: usize,
        next: usize,
        values: &mut Vec<Span>,
    ) -> Found {
        let last = match self.place {
            Place::Value => Span::new(self.value, end),
            Place::AfterQuote(closing) => self.quoted(self.value, closing, end, values.len()),
            Place::Quoted => self.quoted(self.value, end, end, values.len()),
        };
        values.push(last);
        if self.has_too_many(values) {
            return Found::TooManyValues;
        }
        for index in &self.to_unquote {
            let value = &mut values[*index];
            let (from, to) = (value.from(), value.to());
            let bytes = &mut text[from..to];
            if self.quotes == Quotes::WithinValue {
                match closing_quote(bytes, self.signs.quote) {
                    None => return Found::OpenValue,
                    Some(closing) if closing + 1 == bytes.len() => {}
                    // The quotes are part of the text: "A"-frame.
                    Some(_) => continue,
                }
            }
            *value = Span::quoted(from + 1, from + unquote(bytes, self.signs.quote));
        }
        self.begin_record(next);
        Found::Record
    }
}
