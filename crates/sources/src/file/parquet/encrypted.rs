//! Whether a Parquet file is encrypted.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// What begins and ends a file whose footer is encrypted; Parquet modular encryption, 5.1.
pub(super) const ENCRYPTED_FOOTER: &[u8] = b"PARE";
/// What ends any other file.
const FOOTER: &[u8] = b"PAR1";

/// The field of FileMetaData that names the encryption algorithm. Only files with encrypted columns and a
/// readable footer have it.
const ENCRYPTION_ALGORITHM: i64 = 8;

/// Most structs and lists inside each other. FileMetaData has less than ten.
const DEPTH: u32 = 32;

/// Which part of the file is encrypted. `None` for a damaged footer, too.
///
/// The Parquet crate reports encrypted columns as damage, because it passes over the fields that say so.
pub(super) fn encrypted(file: &mut File) -> Option<&'static str> {
    let position = file.stream_position().ok()?;
    let found = look(file);
    file.seek(SeekFrom::Start(position)).ok()?;
    found
}

fn look(file: &mut File) -> Option<&'static str> {
    let end = file.seek(SeekFrom::End(-8)).ok()?;
    let mut trailer = [0; 8];
    file.read_exact(&mut trailer).ok()?;
    let (length, mark) = trailer.split_first_chunk::<4>()?;
    if mark == ENCRYPTED_FOOTER {
        return Some("it is encrypted");
    }
    if mark != FOOTER {
        return None;
    }
    let length = u64::from(u32::from_le_bytes(*length));
    file.seek(SeekFrom::Start(end.checked_sub(length)?)).ok()?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer).ok()?;
    let names_algorithm = Compact(&footer).struct_has(ENCRYPTION_ALGORITHM)?;
    names_algorithm.then_some("some or all of its columns are encrypted")
}

/// What is left of a value in Thrift's compact protocol.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    /// Whether a struct has a field. `None` if the bytes are not a struct.
    fn struct_has(&mut self, wanted: i64) -> Option<bool> {
        let mut id = 0;
        while let Some(data_type) = self.field(&mut id)? {
            if id == wanted {
                return Some(true);
            }
            self.skip(data_type, DEPTH)?;
        }
        Some(false)
    }

    /// The type of the next field, or `Some(None)` at the end of the struct.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => {
                let zigzag = self.number()?;
                (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
            }
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(Some(head & 0xf))
    }

    fn skip(&mut self, data_type: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match data_type {
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.bytes(8),
            8 => {
                let length = self.number()?;
                self.bytes(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = match head >> 4 {
                    15 => self.number()?,
                    length => length.into(),
                };
                (0..length).try_for_each(|_| self.skip_element(head & 0xf, depth))
            }
            11 => {
                let length = self.number()?;
                let types = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_element(types >> 4, depth)?;
                    self.skip_element(types & 0xf, depth)
                })
            }
            12 => {
                let mut id = 0;
                while let Some(data_type) = self.field(&mut id)? {
                    self.skip(data_type, depth)?;
                }
                Some(())
            }
            13 => self.bytes(16),
            _ => None,
        }
    }

    /// A boolean in a list has a byte; in a struct, its type is its value.
    fn skip_element(&mut self, data_type: u8, depth: u32) -> Option<()> {
        match data_type {
            1 | 2 => self.bytes(1),
            other => self.skip(other, depth),
        }
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }
}
