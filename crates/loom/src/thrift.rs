//! The part of Thrift's compact protocol that is needed to cut the metadata of a column chunk out of one footer and
//! put it into another.
//!
//! The Parquet crate writes only whole footers, and its own Thrift code is private.

use crate::error::{Error, Result};

/// Types of fields and list elements.
pub(crate) const I16: u8 = 4;
pub(crate) const I32: u8 = 5;
pub(crate) const I64: u8 = 6;
pub(crate) const BINARY: u8 = 8;
pub(crate) const LIST: u8 = 9;
pub(crate) const STRUCT: u8 = 12;
/// The byte that ends a struct.
pub(crate) const STOP: u8 = 0;

/// Reads bytes that the Parquet crate has written.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The offset of the next value.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next field of a struct, by its id and type; `None` at the end of the struct.
    pub(crate) fn field(&mut self, last: &mut i16) -> Result<Option<(i16, u8)>> {
        let header = self.byte()?;
        if header == STOP {
            return Ok(None);
        }
        let delta = i16::from(header >> 4);
        *last = match delta {
            0 => i16::try_from(self.integer()?).map_err(|_| damaged())?,
            delta => *last + delta,
        };
        Ok(Some((*last, header & 0x0f)))
    }

    /// The number of elements of a list, and their type.
    pub(crate) fn list(&mut self) -> Result<(u64, u8)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        Ok((count, header & 0x0f))
    }

    /// An integer of any width.
    pub(crate) fn integer(&mut self) -> Result<i64> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed()))
    }

    /// A string of bytes.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8]> {
        let length = self.varint()?;
        let start = self.at;
        self.pass(length)?;
        Ok(&self.bytes[start..self.at])
    }

    /// Skips a value.
    pub(crate) fn skip(&mut self, kind: u8) -> Result<()> {
        match kind {
            // The type of a boolean field is its value.
            1 | 2 => {}
            3 => self.pass(1)?,
            I16 | I32 | I64 => drop(self.varint()?),
            7 => self.pass(8)?,
            BINARY => {
                let length = self.varint()?;
                self.pass(length)?;
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                for _ in 0..count {
                    // A boolean in a list is a byte.
                    if matches!(kind, 1 | 2) { self.pass(1)? } else { self.skip(kind)? }
                }
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind)?;
                }
            }
            _ => return Err(damaged()),
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or_else(damaged)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged())
    }

    fn pass(&mut self, count: u64) -> Result<()> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        self.at = end.filter(|end| *end <= self.bytes.len()).ok_or_else(damaged)?;
        Ok(())
    }
}

fn damaged() -> Error {
    Error::Internal("its metadata is not what the Parquet format says".to_owned())
}

/// Appends the header of the field `id`. `last` is the id of the previous field.
pub(crate) fn put_field(out: &mut Vec<u8>, last: &mut u8, id: u8, kind: u8) {
    out.push((id - *last) << 4 | kind);
    *last = id;
}

/// Appends the header of a list.
pub(crate) fn put_list(out: &mut Vec<u8>, count: u64, kind: u8) {
    match u8::try_from(count) {
        Ok(count) if count < 15 => out.push(count << 4 | kind),
        _ => {
            out.push(0xf0 | kind);
            put_varint(out, count);
        }
    }
}

/// Appends an integer of any width.
pub(crate) fn put_integer(out: &mut Vec<u8>, value: i64) {
    put_varint(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Appends the length of a string.
pub(crate) fn put_length(out: &mut Vec<u8>, length: u64) {
    put_varint(out, length);
}

/// Appends a variable-length number: seven bits per byte, lowest bits first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for value in [0, 1, -1, 63, 64, -65, 300, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_integer(&mut bytes, value);
            assert_eq!(Reader::new(&bytes).integer().unwrap(), value);
        }
    }

    #[test]
    fn lists_short_and_long() {
        for count in [0, 1, 14, 15, 16, 1000] {
            let mut bytes = Vec::new();
            put_list(&mut bytes, count, STRUCT);
            assert_eq!(Reader::new(&bytes).list().unwrap(), (count, STRUCT));
        }
    }

    #[test]
    fn fields_are_found_after_others() {
        let mut bytes = Vec::new();
        let mut last = 0;
        put_field(&mut bytes, &mut last, 1, LIST);
        put_list(&mut bytes, 2, I64);
        put_integer(&mut bytes, 5);
        put_integer(&mut bytes, -500);
        put_field(&mut bytes, &mut last, 7, I32);
        put_integer(&mut bytes, 42);
        bytes.push(STOP);
        let mut reader = Reader::new(&bytes);
        let mut last = 0;
        assert_eq!(reader.field(&mut last).unwrap(), Some((1, LIST)));
        reader.skip(LIST).unwrap();
        assert_eq!(reader.field(&mut last).unwrap(), Some((7, I32)));
        assert_eq!(reader.integer().unwrap(), 42);
        assert_eq!(reader.field(&mut last).unwrap(), None);
    }

    #[test]
    fn cut_bytes_are_an_error() {
        assert!(Reader::new(&[0x80]).integer().is_err());
        assert!(Reader::new(&[5]).skip(8).is_err());
        assert!(Reader::new(&[0xff; 11]).integer().is_err());
    }
}
