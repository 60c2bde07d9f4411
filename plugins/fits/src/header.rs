//! Headers: records of 80 characters, in blocks of 2880 bytes; FITS 4.0, section 4.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use crate::ascii::ascii;

/// Bytes of a block, for headers and data; FITS 4.0, section 3.1.
pub(crate) const BLOCK_BYTES: usize = 2880;

const RECORD_CHARACTERS: usize = 80;
/// The characters of an empty record.
const SPACES: &str = match str::from_utf8(&[b' '; RECORD_CHARACTERS]) {
    Ok(spaces) => spaces,
    Err(_) => "",
};
/// Characters of a string that fit into one record; quotes within it count twice. FITS 4.0,
/// section 4.2.1.1.
const STRING_CHARACTERS: usize = 68;

/// A header, while records are added.
#[derive(Debug, Default)]
pub(crate) struct Header {
    text: String,
    /// Strings that were cut, or in which characters were replaced.
    pub(crate) altered: u64,
    continued: bool,
}

impl Header {
    /// A keyword with a number or a logical value, in the fixed format; FITS 4.0, section
    /// 4.2.
    pub(crate) fn value(&mut self, keyword: &str, value: impl Display) {
        self.record(|text| write!(text, "{keyword:<8}= {value:>20}"));
    }

    /// A keyword with a string in one record, because keywords of the standard can't be
    /// continued. A longer string is cut.
    pub(crate) fn string(&mut self, keyword: &str, value: &str) {
        let value = self.characters(value);
        let (head, tail) = split(&value, STRING_CHARACTERS);
        self.altered += u64::from(!tail.is_empty());
        self.record(|text| write!(text, "{keyword:<8}= '{head:<8}'"));
    }

    /// A keyword with a string that is continued over several records; FITS 4.0, section
    /// 4.2.1.2.
    pub(crate) fn long_string(&mut self, keyword: &str, value: &str) {
        let value = self.characters(value);
        let mut start = format!("{keyword:<8}= ");
        let mut rest = &*value;
        while rest.len() > STRING_CHARACTERS {
            let (head, tail) = split(rest, STRING_CHARACTERS - 1);
            self.record(|text| write!(text, "{start}'{head}&'"));
            "CONTINUE  ".clone_into(&mut start);
            rest = tail;
            self.continued = true;
        }
        self.record(|text| write!(text, "{start}'{rest:<8}'"));
    }

    /// Appends the records of another header.
    pub(crate) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.altered += other.altered;
        self.continued |= other.continued;
    }

    /// The complete header, to the end of its last block.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.continued {
            // Readers older than FITS 4.0 expect this keyword.
            self.string("LONGSTRN", "OGIP 1.0");
        }
        self.record(|text| text.write_str("END"));
        let mut bytes = self.text.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), b' ');
        bytes
    }

    /// The characters of a string that a header can hold, with quotes doubled.
    fn characters<'a>(&mut self, value: &'a str) -> Cow<'a, str> {
        let text = ascii(value);
        self.altered += u64::from(text != value);
        if text.contains('\'') { Cow::Owned(text.replace('\'', "''")) } else { text }
    }

    /// Appends a record, and spaces up to its end.
    fn record(&mut self, write: impl FnOnce(&mut String) -> fmt::Result) {
        let start = self.text.len();
        // Writing to a string never fails.
        let _ = write(&mut self.text);
        let written = self.text.len() - start;
        self.text.push_str(SPACES.get(written..).unwrap_or_default());
    }
}

/// Splits an ASCII string with doubled quotes after at most this number of characters, but not
/// between two doubled quotes.
fn split(text: &str, most: usize) -> (&str, &str) {
    if text.len() <= most {
        return (text, "");
    }
    let quotes = text[..most].bytes().rev().take_while(|byte| *byte == b'\'').count();
    text.split_at(most - quotes % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(header: Header) -> Vec<String> {
        let bytes = header.finish();
        assert_eq!(bytes.len() % BLOCK_BYTES, 0);
        let text = String::from_utf8(bytes).unwrap();
        let records = (0..text.len() / RECORD_CHARACTERS)
            .map(|n| text[n * RECORD_CHARACTERS..][..RECORD_CHARACTERS].trim_end().to_owned());
        records.filter(|record| !record.is_empty()).collect()
    }

    #[test]
    fn values_stand_in_fixed_columns() {
        let mut header = Header::default();
        header.value("NAXIS", 2);
        header.string("TUNIT1", "m");
        header.string("TTYPE1", "it's µ");
        assert_eq!(header.altered, 1);
        assert_eq!(
            records(header),
            [
                "NAXIS   =                    2",
                "TUNIT1  = 'm       '",
                "TTYPE1  = 'it''s ? '",
                "END"
            ]
        );
    }

    #[test]
    fn long_strings_are_continued_and_never_within_a_doubled_quote() {
        let mut header = Header::default();
        header.long_string("TCOMM1", &format!("{}'{}", "a".repeat(66), "b".repeat(70)));
        assert_eq!(
            records(header),
            [
                format!("TCOMM1  = '{}&'", "a".repeat(66)),
                format!("CONTINUE  '''{}&'", "b".repeat(65)),
                "CONTINUE  'bbbbb   '".to_owned(),
                "LONGSTRN= 'OGIP 1.0'".to_owned(),
                "END".to_owned()
            ]
        );
    }

    #[test]
    fn a_string_that_can_not_be_continued_is_cut_and_counted() {
        let mut header = Header::default();
        header.string("TTYPE1", &"n".repeat(69));
        assert_eq!(header.altered, 1);
        assert_eq!(records(header)[0], format!("TTYPE1  = '{}'", "n".repeat(68)));
    }
}
