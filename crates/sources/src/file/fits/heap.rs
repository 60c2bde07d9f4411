//! Variable-length arrays in the heap; FITS 4.0, 7.3.5.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use taploom_model::{Error, ErrorKind, Result, ScratchSpace};
use taploom_scratch::{ReadPattern, ScratchReader};

use super::columns::FitsColumn;
use super::hdus::{Hdus, Table};
use super::rows::RowBytes;

/// Bytes of the heap that are read at a time. Arrays are mostly stored in the order of the rows.
const WINDOW_BYTES: usize = 64 << 10;
/// Bytes that are copied to scratch at a time.
const COPY_BYTES: usize = 256 << 10;

/// The heap of a table.
pub(super) struct Heap {
    place: Place,
    start: u64,
    bytes: u64,
    window: Vec<u8>,
    window_start: u64,
}

enum Place {
    File(File),
    Scratch(ScratchReader),
}

/// The position of an array in the heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    pub(super) elements: u64,
    pub(super) offset: u64,
}

impl Descriptor {
    /// Parses two integers of 4 bytes (P) or 8 bytes (Q).
    pub(super) fn of(cell: &[u8]) -> Result<Self, String> {
        let (elements, offset) = cell.split_at(cell.len() / 2);
        let number = |bytes: &[u8]| match *bytes {
            [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => -1,
        };
        let place = |bytes| {
            u64::try_from(number(bytes))
                .map_err(|_| "its array has a negative length or offset".to_owned())
        };
        Ok(Self { elements: place(elements)?, offset: place(offset)? })
    }
}

impl Heap {
    /// The heap of a file whose rows begin at the current position.
    pub(super) fn in_file(file: File, rows: u64, table: &Table) -> Result<Self> {
        Ok(Self::new(Place::File(file), rows + table.heap_start(), table))
    }

    /// Copies rows and heap to scratch. Also returns a reader of the rows there.
    pub(super) fn in_scratch(
        hdus: Hdus<'_>,
        table: &Table,
        space: &ScratchSpace,
    ) -> Result<(Box<dyn Read + Send>, Self)> {
        let about = "its arrays of variable length need a temporary file";
        let mut copy = space.file(ReadPattern::Scattered);
        let mut rest = hdus.into_rows().take(table.heap_start() + table.heap_bytes);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = match rest.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let message = "can't read the file";
                    return Err(Error::new(ErrorKind::Source, message).with_source(error));
                }
            };
            copy.append(&buffer[..read]).map_err(|error| Error::from(error).with_context(about))?;
        }
        let rows = ScratchRows { copy: copy.reader(), position: 0 };
        let heap = Self::new(Place::Scratch(copy.reader()), table.heap_start(), table);
        Ok((Box::new(rows), heap))
    }

    fn new(place: Place, start: u64, table: &Table) -> Self {
        Self { place, start, bytes: table.heap_bytes, window: Vec::new(), window_start: 0 }
    }

    /// How many of the first rows have arrays of at most `most` bytes in total; at least one. Every array
    /// has to be within the heap.
    pub(super) fn rows_within(
        &self,
        rows: &RowBytes,
        columns: &[FitsColumn],
        count: usize,
        most: usize,
    ) -> Result<usize, (Error, usize)> {
        let mut bytes = vec![0_u64; count];
        for column in columns.iter().filter(|column| column.is_in_heap()) {
            for (row, (cell, sum)) in column.raw_cells(rows, count).zip(&mut bytes).enumerate() {
                let size = Descriptor::of(cell).and_then(|descriptor| {
                    let size = column.heap_bytes(descriptor.elements);
                    let end = size.and_then(|size| size.checked_add(descriptor.offset));
                    match (size, end) {
                        (Some(size), Some(end)) if end <= self.bytes || size == 0 => Ok(size),
                        _ => Err(format!(
                            "its array of {} values at byte {} is not within the heap of {} bytes",
                            descriptor.elements, descriptor.offset, self.bytes
                        )),
                    }
                });
                *sum += size.map_err(|message| (column.wrong(message), row))?;
            }
        }
        let mut sum = 0_u64;
        let within = bytes.iter().take_while(|bytes| {
            sum = sum.saturating_add(**bytes);
            sum <= most as u64
        });
        Ok(within.count().max(1).min(count))
    }

    /// Appends the bytes of an array.
    pub(super) fn read(
        &mut self,
        offset: u64,
        bytes: usize,
        to: &mut Vec<u8>,
    ) -> Result<(), String> {
        if bytes == 0 {
            return Ok(());
        }
        let end = offset + bytes as u64;
        let window_end = self.window_start + self.window.len() as u64;
        if offset < self.window_start || end > window_end {
            if bytes > WINDOW_BYTES {
                let start = to.len();
                to.resize(start + bytes, 0);
                return self.read_at(offset, &mut to[start..]);
            }
            let length = usize::try_from(self.bytes - offset).unwrap_or(usize::MAX);
            let mut window = std::mem::take(&mut self.window);
            window.resize(length.min(WINDOW_BYTES), 0);
            // If the file is cut short within the window, the array itself may still be complete.
            let mut read = self.read_at(offset, &mut window);
            if read.is_err() {
                window.truncate(bytes);
                read = self.read_at(offset, &mut window);
            }
            read?;
            (self.window, self.window_start) = (window, offset);
        }
        let start = usize::try_from(offset - self.window_start).unwrap_or(usize::MAX);
        to.extend_from_slice(&self.window[start..][..bytes]);
        Ok(())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), String> {
        let at = self.start + offset;
        let read = match &self.place {
            Place::File(file) => file.read_exact_at(bytes, at).map_err(|error| error.to_string()),
            Place::Scratch(copy) => {
                copy.read_exact_at(bytes, at).map_err(|error| error.to_string())
            }
        };
        read.map_err(|error| {
            format!("its array in the heap can't be read, the file may be cut short: {error}")
        })
    }
}

/// Reads the rows from a temporary file in sequence.
struct ScratchRows {
    copy: ScratchReader,
    position: u64,
}

impl Read for ScratchRows {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let left = self.copy.len().saturating_sub(self.position);
        let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.copy.read_exact_at(&mut out[..count], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}
