//! The parts of a row group's metadata that are kept until the end of the file, and how they are completed.

use std::io::Read;

use taploom_thrift::{self as thrift, Reader, Slice};

use crate::error::{Error, Result};

/// The size of the fields that are added to a chunk's record at the end: four integers with their
/// headers.
pub(super) const PLACES_BYTES: u64 = 32;

/// The positions of the next bloom filter and of the next indexes in the file.
#[derive(Default)]
pub(super) struct NextPlaces {
    pub(super) bloom_filters: u64,
    pub(super) column_indexes: u64,
    pub(super) offset_indexes: u64,
}

/// A `ColumnChunk` without fields 4 to 7, the positions and lengths of its indexes.
pub(super) struct ChunkRecord {
    /// The bytes before the offset of the bloom filter; all bytes if the chunk has no filter.
    head: Vec<u8>,
    /// The bytes after the offset of the bloom filter.
    tail: Vec<u8>,
    bloom_filter: u32,
    pub(super) column_index: u32,
    pub(super) offset_index: u32,
}

impl ChunkRecord {
    /// Reads a `ColumnChunk` of `bytes`. `bloom_filter` is the length of its bloom filter, 0 without one.
    pub(super) fn cut(
        bytes: &[u8],
        reader: &mut Reader<Slice<'_>>,
        bloom_filter: u32,
    ) -> Result<Self> {
        let start = reader.at();
        let mut end = start;
        let mut bloom_place = None;
        let (mut column_index, mut offset_index) = (0, 0);
        let mut last = 0;
        while let Some((id, kind)) = reader.field(&mut last)? {
            match id {
                3 => {
                    let mut last = 0;
                    while let Some((id, kind)) = reader.field(&mut last)? {
                        let from = reader.at();
                        reader.pass_over(kind)?;
                        if id == 14 {
                            bloom_place = Some((from, reader.at()));
                        }
                    }
                    end = reader.at();
                }
                5 => offset_index = length(reader.integer(kind)?)?,
                7 => column_index = length(reader.integer(kind)?)?,
                4 | 6 => reader.pass_over(kind)?,
                _ => {
                    reader.pass_over(kind)?;
                    end = reader.at();
                }
            }
        }
        let (head, tail) = match bloom_place {
            Some((from, to)) => (&bytes[start..from], &bytes[to..end]),
            None => (&bytes[start..end], &[][..]),
        };
        let (head, tail) = (head.to_vec(), tail.to_vec());
        Ok(Self { head, tail, bloom_filter, column_index, offset_index })
    }

    /// Appends the record in the form in which a spool stores it.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        let lengths = [self.head.len() as u32, self.tail.len() as u32];
        let numbers = [self.bloom_filter, self.column_index, self.offset_index];
        for number in lengths.into_iter().chain(numbers) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&self.tail);
    }

    /// Reads a record that [`append_to`](Self::append_to) has written.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self> {
        let mut next = || -> Result<u32> { Ok(u32::from_le_bytes(array(reader)?)) };
        let (head, tail) = (next()?, next()?);
        let (bloom_filter, column_index, offset_index) = (next()?, next()?, next()?);
        let (head, tail) = (bytes(reader, head)?, bytes(reader, tail)?);
        Ok(Self { head, tail, bloom_filter, column_index, offset_index })
    }

    /// Appends the complete `ColumnChunk` to a footer. Uses the next positions, and advances them.
    pub(super) fn put(&self, out: &mut Vec<u8>, places: &mut NextPlaces) {
        out.extend_from_slice(&self.head);
        if self.bloom_filter > 0 {
            thrift::put_integer(out, places.bloom_filters.cast_signed());
            places.bloom_filters += u64::from(self.bloom_filter);
        }
        out.extend_from_slice(&self.tail);
        let mut last = 3;
        let indexes = [
            (4, self.offset_index, &mut places.offset_indexes),
            (6, self.column_index, &mut places.column_indexes),
        ];
        for (id, length, place) in indexes {
            if length > 0 {
                thrift::put_field(out, &mut last, id, thrift::kind::I64);
                thrift::put_integer(out, place.cast_signed());
                thrift::put_field(out, &mut last, id + 1, thrift::kind::I32);
                thrift::put_integer(out, length.into());
                *place += u64::from(length);
            }
        }
        out.push(thrift::STOP);
    }
}

/// The fields of a `RowGroup` other than its chunks.
pub(super) struct RowGroupRecord {
    pub(super) rows: u64,
    pub(super) file_offset: u64,
    pub(super) chunks: u64,
    pub(super) uncompressed: i64,
    pub(super) compressed: i64,
    /// The offset of its bloom filters; `None` if they follow the bloom filters of the previous row
    /// group.
    pub(super) bloom_offset: Option<u64>,
    pub(super) sorting: Vec<u8>,
}

impl RowGroupRecord {
    /// The record in the form in which a spool stores it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let numbers = [
            self.rows,
            self.file_offset,
            self.chunks,
            self.uncompressed.cast_unsigned(),
            self.compressed.cast_unsigned(),
            self.bloom_offset.unwrap_or(u64::MAX),
            self.sorting.len() as u64,
        ];
        let mut out: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        out.extend_from_slice(&self.sorting);
        out
    }

    /// Reads a record that [`to_bytes`](Self::to_bytes) has made.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self> {
        let mut next = || -> Result<u64> { Ok(u64::from_le_bytes(array(reader)?)) };
        let (rows, file_offset, chunks) = (next()?, next()?, next()?);
        let (uncompressed, compressed) = (next()?.cast_signed(), next()?.cast_signed());
        let (bloom_offset, sorting) = (next()?, next()?);
        let bloom_offset = (bloom_offset != u64::MAX).then_some(bloom_offset);
        let sorting = bytes(reader, u32::try_from(sorting).unwrap_or(u32::MAX))?;
        Ok(Self { rows, file_offset, chunks, uncompressed, compressed, bloom_offset, sorting })
    }

    /// Appends the fields after the list of chunks, and the end of the struct.
    pub(super) fn put(&self, out: &mut Vec<u8>, ordinal: Option<u64>) {
        let mut last = 1;
        thrift::put_field(out, &mut last, 2, thrift::kind::I64);
        thrift::put_integer(out, self.uncompressed);
        thrift::put_field(out, &mut last, 3, thrift::kind::I64);
        thrift::put_integer(out, self.rows.cast_signed());
        if !self.sorting.is_empty() {
            thrift::put_field(out, &mut last, 4, thrift::kind::LIST);
            out.extend_from_slice(&self.sorting);
        }
        thrift::put_field(out, &mut last, 5, thrift::kind::I64);
        thrift::put_integer(out, self.file_offset.cast_signed());
        thrift::put_field(out, &mut last, 6, thrift::kind::I64);
        thrift::put_integer(out, self.compressed);
        if let Some(ordinal) = ordinal {
            thrift::put_field(out, &mut last, 7, thrift::kind::I16);
            thrift::put_integer(out, ordinal.cast_signed());
        }
        out.push(thrift::STOP);
    }
}

fn length(value: i64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::Internal(format!("a page index has {value} bytes")))
}

fn array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(Error::io)?;
    Ok(bytes)
}

fn bytes(reader: &mut impl Read, length: u32) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes).map_err(Error::io)?;
    Ok(bytes)
}
