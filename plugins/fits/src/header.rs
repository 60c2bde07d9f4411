//! Headers: records of 80 characters, in blocks of 2880; FITS 4.0, 4.

use std::fmt::Display;

use crate::ascii::ascii;

/// Bytes of a block, of headers and of data alike; FITS 4.0, 3.1.
pub(crate) const BLOCK_BYTES: usize = 2880;

const RECORD_CHARACTERS: usize = 80;
/// Characters of a string that one record takes, quotes within it counted twice; FITS 4.0, 4.2.1.1.
const STRING_CHARACTERS: usize = 68;

/// A header in the making.
#[derive(Debug, Default)]
pub(crate) struct Header {
    text: String,
    /// Strings that lost characters, or in which some were replaced.
    pub(crate) altered: u64,
}

impl Header {
    /// A keyword with a number or a logical value, in the fixed format; FITS 4.0, 4.2.
    pub(crate) fn value(&mut self, keyword: &str, value: impl Display) {
        self.record(&format!("{keyword:<8}= {value:>20}"));
    }

    /// A keyword with a string that fits into one record: those that the standard reserves can't be
    /// continued. A longer one is cut.
    pub(crate) fn string(&mut self, keyword: &str, value: &str) {
        let value = self.characters(value);
        let (head, tail) = split(&value, STRING_CHARACTERS);
        self.altered += u64::from(!tail.is_empty());
        self.record(&format!("{keyword:<8}= '{head:<8}'"));
    }

    /// A keyword with a string that is continued in as many records as it needs; FITS 4.0, 4.2.1.2.
    pub(crate) fn long_string(&mut self, keyword: &str, value: &str) {
        let value = self.characters(value);
        let mut start = format!("{keyword:<8}= ");
        let mut rest = &*value;
        while rest.len() > STRING_CHARACTERS {
            let (head, tail) = split(rest, STRING_CHARACTERS - 1);
            self.record(&format!("{start}'{head}&'"));
            "CONTINUE  ".clone_into(&mut start);
            rest = tail;
        }
        self.record(&format!("{start}'{rest:<8}'"));
    }

    /// The whole header, to the end of its last block.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.record("END");
        let mut bytes = self.text.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), b' ');
        bytes
    }

    /// The characters of a string that a header can hold, with the quotes in it doubled.
    fn characters(&mut self, value: &str) -> String {
        let text = ascii(value);
        self.altered += u64::from(text != value);
        text.replace('\'', "''")
    }

    fn record(&mut self, record: &str) {
        self.text.push_str(&format!("{record:<RECORD_CHARACTERS$}"));
    }
}

/// Splits a string of ASCII whose quotes are doubled after so many characters at most, not within
/// such a pair.
fn split(text: &str, most: usize) -> (&str, &str) {
    if text.len() <= most {
        return (text, "");
    }
    let quotes = text[..most].bytes().rev().take_while(|byte| *byte == b'\'').count();
    text.split_at(most - quotes % 2)
}
