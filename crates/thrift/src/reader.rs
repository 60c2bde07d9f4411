//! Reading values.

use crate::error::{Error, Result};
use crate::input::{Input, Slice};
use crate::{STOP, kind};

/// The deepest nesting of structs and lists. Parquet's FileMetaData has less than ten.
const DEPTH: u32 = 32;

/// Reads values, one after the other.
#[derive(Debug)]
pub struct Reader<I> {
    input: I,
}

/// Whether a field was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The field was read.
    Yes,
    /// It has to be skipped.
    No,
}

impl<'a> Reader<Slice<'a>> {
    /// Reads bytes in memory.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::of(Slice::new(bytes))
    }

    /// The offset of the next value.
    pub fn at(&self) -> usize {
        self.input.at()
    }

    /// Bytes or text, without a copy.
    ///
    /// # Errors
    /// As [`integer`](Self::integer).
    pub fn binary(&mut self, kind: u8) -> Result<&'a [u8]> {
        let length = self.binary_length(kind)?;
        self.input.take(length)
    }
}

impl<I: Input> Reader<I> {
    /// Reads an input.
    pub fn of(input: I) -> Self {
        Self { input }
    }

    /// The position of the next byte in the file.
    pub fn position(&self) -> u64 {
        self.input.position()
    }

    /// Calls `read` for each field of a struct, with its id and its type.
    ///
    /// # Errors
    /// An error of `read`, or the bytes are not a struct.
    pub fn each_field(
        &mut self,
        mut read: impl FnMut(&mut Self, i16, u8) -> Result<Taken>,
    ) -> Result<()> {
        let mut last = 0;
        while let Some((id, kind)) = self.field(&mut last)? {
            if let Taken::No = read(self, id, kind)? {
                self.pass_over(kind)?;
            }
        }
        Ok(())
    }

    /// Calls `read` for each element of a list, with its type.
    ///
    /// # Errors
    /// An error of `read`, or `kind` is not [`kind::LIST`](crate::kind::LIST).
    pub fn each_element(
        &mut self,
        kind: u8,
        mut read: impl FnMut(&mut Self, u8) -> Result<()>,
    ) -> Result<Taken> {
        if kind != kind::LIST {
            return Err(self.malformed("a list"));
        }
        let (length, kind) = self.list()?;
        for _ in 0..length {
            read(self, kind)?;
        }
        Ok(Taken::Yes)
    }

    /// The next field of a struct, by its id and type; `None` at the end of the struct. `last` is the id of
    /// the previous field, and 0 at the beginning.
    ///
    /// # Errors
    /// If the bytes are not a field.
    pub fn field(&mut self, last: &mut i16) -> Result<Option<(i16, u8)>> {
        let head = self.input.byte()?;
        if head == STOP {
            return Ok(None);
        }
        *last = match head >> 4 {
            0 => i16::try_from(self.zigzag()?).map_err(|_| self.malformed("the id of a field"))?,
            delta => last.saturating_add(delta.into()),
        };
        Ok(Some((*last, head & 0xf)))
    }

    /// The number of elements of a list, and their type.
    ///
    /// # Errors
    /// If the bytes end.
    pub fn list(&mut self) -> Result<(u64, u8)> {
        let head = self.input.byte()?;
        let length = match head >> 4 {
            15 => self.varint()?,
            length => length.into(),
        };
        Ok((length, head & 0xf))
    }

    /// An integer of any width.
    ///
    /// # Errors
    /// `kind` is not the type of an integer, or the bytes end.
    pub fn integer(&mut self, kind: u8) -> Result<i64> {
        match kind {
            kind::I16..=kind::I64 => self.zigzag(),
            kind::I8 => self.input.byte().map(|byte| byte.cast_signed().into()),
            _ => Err(self.malformed("an integer")),
        }
    }

    /// An integer that is not negative.
    ///
    /// # Errors
    /// As [`integer`](Self::integer), and if it is negative.
    pub fn size(&mut self, kind: u8) -> Result<u64> {
        let number = self.integer(kind)?;
        u64::try_from(number).map_err(|_| self.malformed("a size"))
    }

    /// A boolean of a struct, whose type is its value.
    ///
    /// # Errors
    /// `kind` is not the type of a boolean.
    pub fn boolean(&self, kind: u8) -> Result<bool> {
        match kind {
            kind::TRUE => Ok(true),
            kind::FALSE => Ok(false),
            _ => Err(self.malformed("a boolean")),
        }
    }

    /// Puts at most `most` bytes of a text or of binary data into `to`. Returns whether these are
    /// all bytes.
    ///
    /// # Errors
    /// As [`integer`](Self::integer).
    pub fn copy_binary(&mut self, kind: u8, most: u64, to: &mut Vec<u8>) -> Result<bool> {
        let length = self.binary_length(kind)?;
        to.clear();
        self.input.copy(length.min(most), to)?;
        self.input.pass(length - length.min(most))?;
        Ok(length <= most)
    }

    /// Text, of which at most `most` bytes are kept.
    ///
    /// # Errors
    /// As [`integer`](Self::integer).
    pub fn text(&mut self, kind: u8, most: u64) -> Result<String> {
        let mut bytes = Vec::new();
        self.copy_binary(kind, most, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Skips the value of a field.
    ///
    /// # Errors
    /// If the bytes are not such a value.
    pub fn pass_over(&mut self, kind: u8) -> Result<()> {
        self.skip(kind, DEPTH)
    }

    /// The error for a previous byte that is not the expected value.
    pub fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { at: self.position().saturating_sub(1), what }
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.malformed("a value that is nested less deeply"));
        };
        match kind {
            kind::TRUE | kind::FALSE => Ok(()),
            kind::I8 => self.input.pass(1),
            kind::I16..=kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.input.pass(8),
            kind::UUID => self.input.pass(16),
            kind::BINARY => {
                let length = self.varint()?;
                self.input.pass(length)
            }
            kind::LIST | kind::SET => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_element(kind, depth))
            }
            kind::MAP => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.input.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0xf, depth)
                })
            }
            kind::STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, depth)?;
                }
                Ok(())
            }
            _ => Err(self.malformed("the type of a value")),
        }
    }

    /// A boolean in a list has a byte; in a struct, its type is its value.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Result<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.input.pass(1),
            kind => self.skip(kind, depth),
        }
    }

    fn binary_length(&mut self, kind: u8) -> Result<u64> {
        match kind {
            kind::BINARY => self.varint(),
            _ => Err(self.malformed("text")),
        }
    }

    fn zigzag(&mut self) -> Result<i64> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// A number of variable length: seven bits per byte, lowest bits first. Runs of the encoding RLE begin with one.
    ///
    /// # Errors
    /// If the bytes end, or the number has more than ten bytes.
    #[inline]
    pub fn varint(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.input.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.malformed("the end of a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, put_field, put_integer, put_list};

    #[test]
    fn structs_are_read_and_passed_over_in_pieces_of_any_size() {
        // {1: -3, 2: true, 4: "abc", 5: [1, 2], 21: {1: 7}}
        let bytes =
            [0x15, 5, 0x11, 0x28, 3, b'a', b'b', b'c', 0x19, 0x25, 2, 4, 0x0c, 42, 0x15, 14, 0, 0];
        for piece in 1..20 {
            let (mut number, mut flag, mut text, mut sum) = (0, false, String::new(), 0);
            let mut reader = Reader::of(Stream::with_piece(&bytes[..], 100, piece));
            reader
                .each_field(|reader, id, kind| {
                    match id {
                        1 => number = reader.integer(kind)?,
                        2 => flag = reader.boolean(kind)?,
                        4 => text = reader.text(kind, 2)?,
                        5 => {
                            return reader.each_element(kind, |reader, kind| {
                                sum += reader.integer(kind)?;
                                Ok(())
                            });
                        }
                        _ => return Ok(Taken::No),
                    }
                    Ok(Taken::Yes)
                })
                .unwrap();
            assert_eq!((number, flag, text.as_str(), sum), (-3, true, "ab", 3));
            assert_eq!(reader.position(), 100 + bytes.len() as u64);
        }
    }

    #[test]
    fn what_ends_too_early_says_where() {
        let broken = Reader::of(Stream::new(&[0x15][..], 7))
            .each_field(|reader, _, kind| reader.integer(kind).map(|_| Taken::Yes));
        assert_eq!(broken.unwrap_err().to_string(), "it ends too early, at byte 8");
        let deep = [0x1c; 100];
        let broken = Reader::new(&deep).each_field(|_, _, _| Ok(Taken::No));
        assert!(broken.unwrap_err().to_string().contains("nested"));
    }

    #[test]
    fn integers_come_back() {
        for value in [0, 1, -1, 63, 64, -65, 300, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_integer(&mut bytes, value);
            assert_eq!(Reader::new(&bytes).integer(kind::I64).unwrap(), value);
        }
    }

    #[test]
    fn lists_short_and_long() {
        for count in [0, 1, 14, 15, 16, 1000] {
            let mut bytes = Vec::new();
            put_list(&mut bytes, count, kind::STRUCT);
            assert_eq!(Reader::new(&bytes).list().unwrap(), (count, kind::STRUCT));
        }
    }

    #[test]
    fn fields_are_found_after_others() {
        let mut bytes = Vec::new();
        let mut last = 0;
        put_field(&mut bytes, &mut last, 1, kind::LIST);
        put_list(&mut bytes, 2, kind::I64);
        put_integer(&mut bytes, 5);
        put_integer(&mut bytes, -500);
        put_field(&mut bytes, &mut last, 7, kind::I32);
        put_integer(&mut bytes, 42);
        bytes.push(STOP);
        let mut reader = Reader::new(&bytes);
        let mut last = 0;
        assert_eq!(reader.field(&mut last).unwrap(), Some((1, kind::LIST)));
        reader.pass_over(kind::LIST).unwrap();
        assert_eq!(reader.field(&mut last).unwrap(), Some((7, kind::I32)));
        assert_eq!(reader.integer(kind::I32).unwrap(), 42);
        assert_eq!(reader.field(&mut last).unwrap(), None);
    }

    #[test]
    fn cut_bytes_are_an_error() {
        assert!(Reader::new(&[0x80]).integer(kind::I64).is_err());
        assert!(Reader::new(&[5]).pass_over(kind::BINARY).is_err());
        assert!(Reader::new(&[5]).binary(kind::BINARY).is_err());
        assert!(Reader::new(&[0xff; 11]).integer(kind::I64).is_err());
    }
}
