//! Thrift's compact protocol, read from a stream of any length.
//!
//! The footer of a file with 1,000 columns and 1,000 row groups takes 150 MB and describes a million column
//! chunks, which take a gigabyte as structs. Here nothing of it is kept that is not asked for.

use std::fmt;
use std::io::{self, Read};

/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;
/// Most structs and lists inside each other. FileMetaData has less than ten.
const DEPTH: u32 = 32;

/// Types of values, as compact headers have them.
pub(super) mod kind {
    pub(in crate::parquet) const TRUE: u8 = 1;
    pub(in crate::parquet) const FALSE: u8 = 2;
    pub(in crate::parquet) const I8: u8 = 3;
    pub(in crate::parquet) const I16: u8 = 4;
    pub(in crate::parquet) const I64: u8 = 6;
    pub(in crate::parquet) const DOUBLE: u8 = 7;
    pub(in crate::parquet) const BINARY: u8 = 8;
    pub(in crate::parquet) const LIST: u8 = 9;
    pub(in crate::parquet) const SET: u8 = 10;
    pub(in crate::parquet) const MAP: u8 = 11;
    pub(in crate::parquet) const STRUCT: u8 = 12;
    pub(in crate::parquet) const UUID: u8 = 13;
}

/// Why bytes are not what they should be, and at which byte of the file.
#[derive(Debug)]
pub(super) enum Broken {
    /// They end too early.
    Ended { at: u64 },
    /// They are something else.
    Malformed { at: u64, what: &'static str },
    /// They can't be read.
    Io(io::Error),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { at } => write!(f, "it ends too early, at byte {at}"),
            Self::Malformed { at, what } => write!(f, "byte {at} is not {what}"),
            Self::Io(error) => write!(f, "it can't be read: {error}"),
        }
    }
}

pub(super) type Read_<T> = Result<T, Broken>;

/// A reader of values.
pub(super) struct Thrift<R> {
    input: R,
    buffer: Vec<u8>,
    /// The next byte in the buffer.
    at: usize,
    /// Bytes in the buffer.
    end: usize,
    /// Where the buffer begins in the file.
    start: u64,
}

impl<R: Read> Thrift<R> {
    /// Reads from an input that stands at this byte of the file.
    pub(super) fn new(input: R, position: u64) -> Self {
        Self::with_piece(input, position, PIECE)
    }

    /// Reads so many bytes at a time.
    pub(super) fn with_piece(input: R, position: u64, piece: usize) -> Self {
        Self { input, buffer: vec![0; piece.max(1)], at: 0, end: 0, start: position }
    }

    /// The byte of the file that comes next.
    pub(super) fn position(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The fields of a struct, each of which `read` reads or leaves to be passed over, which it says.
    pub(super) fn each_field(
        &mut self,
        mut read: impl FnMut(&mut Self, i64, u8) -> Read_<Taken>,
    ) -> Read_<()> {
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            if let Taken::No = read(self, id, kind)? {
                self.pass_over(kind)?;
            }
        }
        Ok(())
    }

    /// The elements of a list, if it is one.
    pub(super) fn each_element(
        &mut self,
        kind: u8,
        mut read: impl FnMut(&mut Self, u8) -> Read_<()>,
    ) -> Read_<Taken> {
        if kind != kind::LIST {
            return Err(self.malformed("a list"));
        }
        let (length, kind) = self.list()?;
        for _ in 0..length {
            read(self, kind)?;
        }
        Ok(Taken::Yes)
    }

    /// The type of the next field, or `None` at the end of the struct.
    fn field(&mut self, id: &mut i64) -> Read_<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        *id = match head >> 4 {
            0 => self.zigzag()?,
            delta => id.saturating_add(i64::from(delta)),
        };
        Ok(Some(head & 0xf))
    }

    /// The number of elements and their type.
    fn list(&mut self) -> Read_<(u64, u8)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.varint()?,
            length => length.into(),
        };
        Ok((length, head & 0xf))
    }

    /// An integer of the given type.
    pub(super) fn integer(&mut self, kind: u8) -> Read_<i64> {
        match kind {
            kind::I16..=kind::I64 => self.zigzag(),
            kind::I8 => self.byte().map(|byte| i64::from(byte as i8)),
            _ => Err(self.malformed("an integer")),
        }
    }

    /// An integer that is not negative.
    pub(super) fn size(&mut self, kind: u8) -> Read_<u64> {
        let number = self.integer(kind)?;
        u64::try_from(number).map_err(|_| self.malformed("a size"))
    }

    /// A boolean in a struct, whose type is its value.
    pub(super) fn boolean(&self, kind: u8) -> Read_<bool> {
        match kind {
            kind::TRUE => Ok(true),
            kind::FALSE => Ok(false),
            _ => Err(self.malformed("a boolean")),
        }
    }

    /// Bytes, of which at most `most` are put into `to`. Whether these are all.
    pub(super) fn binary(&mut self, kind: u8, most: u64, to: &mut Vec<u8>) -> Read_<bool> {
        if kind != kind::BINARY {
            return Err(self.malformed("text"));
        }
        to.clear();
        let length = self.varint()?;
        let mut left = length.min(most);
        while left > 0 {
            let there = self.there()?;
            let taken = there.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            to.extend_from_slice(&there[..taken]);
            self.at += taken;
            left -= taken as u64;
        }
        self.pass_bytes(length - length.min(most))?;
        Ok(length <= most)
    }

    /// Text, of which at most `most` bytes are kept.
    pub(super) fn text(&mut self, kind: u8, most: u64) -> Read_<String> {
        let mut bytes = Vec::new();
        self.binary(kind, most, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Passes over a value in a struct.
    pub(super) fn pass_over(&mut self, kind: u8) -> Read_<()> {
        self.skip(kind, DEPTH)
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Read_<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.malformed("a value that is nested less deeply"));
        };
        match kind {
            kind::TRUE | kind::FALSE => Ok(()),
            kind::I8 => self.pass_bytes(1),
            kind::I16..=kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.pass_bytes(8),
            kind::UUID => self.pass_bytes(16),
            kind::BINARY => {
                let length = self.varint()?;
                self.pass_bytes(length)
            }
            kind::LIST | kind::SET => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_element(kind, depth))
            }
            kind::MAP => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0xf, depth)
                })
            }
            kind::STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth)?;
                }
                Ok(())
            }
            _ => Err(self.malformed("the type of a value")),
        }
    }

    /// A boolean in a list has a byte; in a struct, its type is its value.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Read_<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.pass_bytes(1),
            kind => self.skip(kind, depth),
        }
    }

    fn zigzag(&mut self) -> Read_<i64> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn varint(&mut self) -> Read_<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.malformed("the end of a number"))
    }

    #[inline]
    fn byte(&mut self) -> Read_<u8> {
        if self.at == self.end {
            self.there()?;
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    fn pass_bytes(&mut self, count: u64) -> Read_<()> {
        let mut left = count;
        while left > 0 {
            let passed = (self.there()?.len() as u64).min(left);
            self.at += passed as usize;
            left -= passed;
        }
        Ok(())
    }

    /// Bytes that were read and not taken, at least one.
    fn there(&mut self) -> Read_<&[u8]> {
        if self.at == self.end {
            self.start += self.end as u64;
            (self.at, self.end) = (0, 0);
            loop {
                match self.input.read(&mut self.buffer) {
                    Ok(0) => return Err(Broken::Ended { at: self.position() }),
                    Ok(read) => {
                        self.end = read;
                        break;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Broken::Io(error)),
                }
            }
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// The error that the byte before is not what it should be.
    pub(super) fn malformed(&self, what: &'static str) -> Broken {
        Broken::Malformed { at: self.position().saturating_sub(1), what }
    }
}

/// Whether a field was read.
pub(super) enum Taken {
    /// It was.
    Yes,
    /// It has to be passed over.
    No,
}

/// Reads a field into a place.
macro_rules! take {
    ($place:expr, $value:expr) => {{
        $place = $value?;
        Ok($crate::parquet::thrift::Taken::Yes)
    }};
}
pub(super) use take;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_read_and_passed_over_in_pieces_of_any_size() {
        // {1: -3, 2: true, 4: "abc", 5: [1, 2], 21: {1: 7}}
        let bytes =
            [0x15, 5, 0x11, 0x28, 3, b'a', b'b', b'c', 0x19, 0x25, 2, 4, 0x0c, 42, 0x15, 14, 0, 0];
        for piece in 1..20 {
            let (mut number, mut flag, mut text, mut sum) = (0, false, String::new(), 0);
            let mut thrift = Thrift::with_piece(&bytes[..], 100, piece);
            thrift
                .each_field(|thrift, id, kind| match id {
                    1 => take!(number, thrift.integer(kind)),
                    2 => take!(flag, thrift.boolean(kind)),
                    4 => take!(text, thrift.text(kind, 2)),
                    5 => thrift.each_element(kind, |thrift, kind| {
                        sum += thrift.integer(kind)?;
                        Ok(())
                    }),
                    _ => Ok(Taken::No),
                })
                .unwrap();
            assert_eq!((number, flag, text.as_str(), sum), (-3, true, "ab", 3));
            assert_eq!(thrift.position(), 100 + bytes.len() as u64);
        }
    }

    #[test]
    fn what_ends_too_early_says_where() {
        let broken = Thrift::new(&[0x15][..], 7)
            .each_field(|thrift, _, kind| thrift.integer(kind).map(|_| Taken::Yes));
        assert_eq!(broken.unwrap_err().to_string(), "it ends too early, at byte 8");
        let deep = [0x1c; 100];
        let broken = Thrift::new(&deep[..], 0).each_field(|_, _, _| Ok(Taken::No));
        assert!(broken.unwrap_err().to_string().contains("nested"));
    }
}
