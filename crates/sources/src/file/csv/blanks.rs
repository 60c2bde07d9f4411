//! Text without the blanks around its values.

use std::io::{self, BufRead};

use super::dialect::{Dialect, Quotes};

/// Text in which blanks around values do not count, if the dialect says so.
pub(super) enum Input<R> {
    Plain(R),
    Trimmed(WithoutBlanks<R>),
}

impl<R: BufRead> Input<R> {
    pub(super) fn new(text: R, dialect: &Dialect) -> Self {
        match dialect.trims {
            true => Self::Trimmed(WithoutBlanks::new(text, dialect)),
            false => Self::Plain(text),
        }
    }

    /// As [`Read::read`](io::Read::read).
    pub(super) fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(text) => text.read(to),
            Self::Trimmed(text) => text.read(to),
        }
    }
}

/// Text of which a [`Trimmer`] leaves out blanks.
pub(super) struct WithoutBlanks<R> {
    text: R,
    trimmer: Trimmer,
    ready: Vec<u8>,
    /// How much of `ready` was consumed.
    at: usize,
}

impl<R: BufRead> WithoutBlanks<R> {
    fn new(text: R, dialect: &Dialect) -> Self {
        Self { text, trimmer: Trimmer::new(dialect), ready: Vec::new(), at: 0 }
    }

    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.ready.len() {
            self.ready.clear();
            self.at = 0;
            let bytes = self.text.fill_buf()?;
            let length = bytes.len();
            if length == 0 {
                return Ok(0);
            }
            bytes.iter().for_each(|byte| self.trimmer.pass(*byte, &mut self.ready));
            self.text.consume(length);
        }
        let ready = &self.ready[self.at..];
        let bytes = ready.len().min(to.len());
        to[..bytes].copy_from_slice(&ready[..bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

/// Leaves out the blanks before and after each value. If a blank separates values, several blanks in a row are one
/// separator, and blanks at the ends of a line separate nothing. Blanks within quotes stay.
struct Trimmer {
    separator: u8,
    quote: Option<u8>,
    comment: Option<u8>,
    place: Place,
    /// Blanks after a part of a value that may go on.
    blanks: Vec<u8>,
}

/// Where the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Comment,
    ValueStart,
    Value,
    Quoted,
    /// After a quote that closes, unless another one follows.
    AfterQuote,
}

impl Trimmer {
    fn new(dialect: &Dialect) -> Self {
        Self {
            separator: dialect.separator,
            quote: match dialect.quotes {
                Quotes::Around(quote) => Some(quote),
                Quotes::WithinValue | Quotes::None => None,
            },
            comment: dialect.comment,
            place: Place::LineStart,
            blanks: Vec::new(),
        }
    }

    /// Passes a byte on, unless it is a blank that does not count.
    fn pass(&mut self, byte: u8, to: &mut Vec<u8>) {
        match self.place {
            Place::Comment => {
                to.push(byte);
                if matches!(byte, b'\r' | b'\n') {
                    self.place = Place::LineStart;
                }
            }
            Place::Quoted => {
                to.push(byte);
                if Some(byte) == self.quote {
                    self.place = Place::AfterQuote;
                }
            }
            _ if self.is_blank(byte) => {
                if !matches!(self.place, Place::LineStart | Place::ValueStart) {
                    self.blanks.push(byte);
                    self.place = Place::Value;
                }
            }
            _ if matches!(byte, b'\r' | b'\n') => self.end(byte, Place::LineStart, to),
            _ if byte == self.separator => self.end(byte, Place::ValueStart, to),
            _ => self.pass_value(byte, to),
        }
    }

    /// A blank is a space; also a TAB, where neither of them separates values.
    fn is_blank(&self, byte: u8) -> bool {
        byte == b' ' || byte == b'\t' && !matches!(self.separator, b' ' | b'\t')
    }

    fn end(&mut self, byte: u8, next: Place, to: &mut Vec<u8>) {
        self.blanks.clear();
        to.push(byte);
        self.place = next;
    }

    fn pass_value(&mut self, byte: u8, to: &mut Vec<u8>) {
        if !self.blanks.is_empty() {
            if self.separator == b' ' {
                to.push(b' ');
                self.place = Place::ValueStart;
            } else {
                to.extend_from_slice(&self.blanks);
            }
            self.blanks.clear();
        }
        to.push(byte);
        let is_quote = Some(byte) == self.quote;
        self.place = match self.place {
            Place::LineStart if Some(byte) == self.comment => Place::Comment,
            Place::LineStart | Place::ValueStart | Place::AfterQuote if is_quote => Place::Quoted,
            _ => Place::Value,
        };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn trimmed(text: &str, dialect: &Dialect, capacity: usize) -> String {
        let input = BufReader::with_capacity(capacity, text.as_bytes());
        let mut input = Input::new(input, dialect);
        let mut all = Vec::new();
        loop {
            let mut bytes = [0; 3];
            match input.read(&mut bytes).unwrap() {
                0 => return String::from_utf8(all).unwrap(),
                read => all.extend_from_slice(&bytes[..read]),
            }
        }
    }

    #[test]
    fn blanks_around_values_are_left_out_and_those_within_quotes_stay() {
        let commas = Dialect { trims: true, comment: Some(b'#'), ..Dialect::csv() };
        let spaces = Dialect { separator: b' ', ..commas.clone() };
        for (dialect, text, expected) in [
            (&spaces, "  a   b  c \r\n 1  \"x  y\"   2\n", "a b c\r\n1 \"x  y\" 2\n"),
            (&spaces, "a \"\"  \"b \"\"  c\"  \n   \nd", "a \"\" \"b \"\"  c\"\n\nd"),
            (&spaces, " #  it's \"  so\n1   x\"  y", "#  it's \"  so\n1 x\" y"),
            (&spaces, "1\t2   3", "1\t2 3"),
            (&spaces, "\"a\nb  \"   c   ", "\"a\nb  \" c"),
            (&commas, " a , b  c\t,\t \"d , e\" , f \n , ,g", "a,b  c,\"d , e\",f\n,,g"),
            (&commas, "a,  b #c\n  # d , e\n", "a,b #c\n# d , e\n"),
            (&commas, "#  x\r 1 , 2\r", "#  x\r1,2\r"),
        ] {
            for capacity in [1, 2, 3, 1000] {
                assert_eq!(trimmed(text, dialect, capacity), expected, "{text:?} {capacity}");
            }
        }
    }
}
