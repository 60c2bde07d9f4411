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
                self.trimmer.finish(&mut self.ready);
                if self.ready.is_empty() {
                    return Ok(0);
                }
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
///
/// The number of lines stays the same: in a table of one column, an empty line is a row.
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
    /// At the start of a line, after a carriage return: a line feed belongs to the line break before it.
    AfterReturn,
    /// After blanks at the start of a line.
    BlankLine,
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
            Place::Comment => match byte {
                b'\r' | b'\n' => self.end_line(byte, to),
                _ => to.push(byte),
            },
            Place::Quoted => {
                to.push(byte);
                if Some(byte) == self.quote {
                    self.place = Place::AfterQuote;
                }
            }
            _ if self.is_blank(byte) => self.pass_blank(byte, to),
            _ if matches!(byte, b'\r' | b'\n') => self.end_line(byte, to),
            _ if byte == self.separator => self.end(byte, Place::ValueStart, to),
            _ => self.pass_value(byte, to),
        }
    }

    /// A blank is a space; also a TAB, where neither of them separates values.
    fn is_blank(&self, byte: u8) -> bool {
        byte == b' ' || byte == b'\t' && !matches!(self.separator, b' ' | b'\t')
    }

    fn pass_blank(&mut self, byte: u8, to: &mut Vec<u8>) {
        match self.place {
            Place::LineStart | Place::BlankLine => self.place = Place::BlankLine,
            Place::AfterReturn => {
                // Without the blank, a line feed after it would be part of the line break before it.
                to.push(b'\n');
                self.place = Place::BlankLine;
            }
            Place::ValueStart => {}
            Place::Value | Place::AfterQuote | Place::Quoted | Place::Comment => {
                self.blanks.push(byte);
                self.place = Place::Value;
            }
        }
    }

    /// Ends the last line if it has only blanks, which would not be a line without them.
    fn finish(&mut self, to: &mut Vec<u8>) {
        if self.place == Place::BlankLine {
            self.end_line(b'\n', to);
        }
    }

    fn end_line(&mut self, byte: u8, to: &mut Vec<u8>) {
        let next = if byte == b'\r' { Place::AfterReturn } else { Place::LineStart };
        self.end(byte, next, to);
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
        let begins_line =
            matches!(self.place, Place::LineStart | Place::AfterReturn | Place::BlankLine);
        self.place = match self.place {
            _ if begins_line && Some(byte) == self.comment => Place::Comment,
            _ if begins_line && is_quote => Place::Quoted,
            Place::ValueStart | Place::AfterQuote if is_quote => Place::Quoted,
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
        let mut wrong = Vec::new();
        for (dialect, text, expected) in [
            (&spaces, "  a   b  c \r\n 1  \"x  y\"   2\n", "a b c\r\n1 \"x  y\" 2\n"),
            (&spaces, "a \"\"  \"b \"\"  c\"  \n   \nd", "a \"\" \"b \"\"  c\"\n\nd"),
            (&spaces, " #  it's \"  so\n1   x\"  y", "#  it's \"  so\n1 x\" y"),
            (&spaces, "1\t2   3", "1\t2 3"),
            (&spaces, "\"a\nb  \"   c   ", "\"a\nb  \" c"),
            (&commas, " a , b  c\t,\t \"d , e\" , f \n , ,g", "a,b  c,\"d , e\",f\n,,g"),
            (&commas, "a,  b #c\n  # d , e\n", "a,b #c\n# d , e\n"),
            (&commas, "#  x\r 1 , 2\r", "#  x\r\n1,2\r"),
            // A line of blanks is a line, whatever ends the lines around it.
            (&commas, "1\r \n2\r\n", "1\r\n\n2\r\n"),
            (&commas, "# x\r\t\n2", "# x\r\n\n2"),
            (&commas, "1\r\r\n \r2", "1\r\r\n\r2"),
            (&commas, "1\n\t ", "1\n\n"),
            (&commas, "1\r ", "1\r\n\n"),
            (&commas, "1\n", "1\n"),
            (&spaces, "1\r  \n2", "1\r\n\n2"),
            (&commas, "\"a\r \nb \" \r \n \"c\"", "\"a\r \nb \"\r\n\n\"c\""),
        ] {
            for capacity in [1, 2, 3, 1000] {
                let found = trimmed(text, dialect, capacity);
                if found != expected {
                    wrong.push((text, capacity, found, expected));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
