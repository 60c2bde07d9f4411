//! Reads the sizes of a column chunk's pages from their headers.

use std::fs::File;
use std::os::unix::fs::FileExt;

use parquet::file::metadata::ColumnChunkMetaData;
use taploom_thrift::{Reader, Result, Taken};

/// Maximum number of headers that are read per chunk. Writers make the pages of a chunk about equally
/// large.
const MOST_PAGES: usize = 64;
/// Bytes that are read for a header, and for a longer header in a second attempt: its statistics may have
/// long texts.
const HEADER_BYTES: [usize; 2] = [512, 64 << 10];

/// Values of PageType in parquet.thrift.
const DICTIONARY_PAGE: i64 = 2;

/// Sizes of pages in bytes, after decompression unless the name says otherwise.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PageSizes {
    pub(super) dictionary: u64,
    pub(super) dictionary_values: u64,
    pub(super) largest_data: u64,
    pub(super) largest_compressed: u64,
}

impl PageSizes {
    /// Reads the headers at the beginning of a chunk. `None` if one of them can't be read.
    pub(super) fn read(file: &File, chunk: &ColumnChunkMetaData) -> Option<Self> {
        let mut sizes = Self::default();
        let (mut at, length) = chunk.byte_range();
        let end = at.checked_add(length)?;
        for _ in 0..MOST_PAGES {
            if at >= end {
                break;
            }
            let header = Header::read(file, at, end)?;
            if header.page_type == DICTIONARY_PAGE {
                sizes.dictionary = header.size;
                sizes.dictionary_values = header.values;
            } else {
                sizes.largest_data = sizes.largest_data.max(header.size);
            }
            sizes.largest_compressed = sizes.largest_compressed.max(header.compressed);
            at = at.checked_add(header.length)?.checked_add(header.compressed)?;
        }
        Some(sizes)
    }
}

/// The fields of a PageHeader that determine the size of the page.
#[derive(Default)]
struct Header {
    page_type: i64,
    size: u64,
    compressed: u64,
    /// Number of values of a dictionary page.
    values: u64,
    /// Size of the header itself in bytes.
    length: u64,
}

impl Header {
    fn read(file: &File, at: u64, end: u64) -> Option<Self> {
        HEADER_BYTES.into_iter().find_map(|most| {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(most);
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at).ok()?;
            Self::parse(&bytes).ok()
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let mut header = Self::default();
        let mut reader = Reader::new(bytes);
        reader.each_field(|reader, id, kind| {
            match id {
                1 => header.page_type = reader.integer(kind)?,
                2 => header.size = reader.size(kind)?,
                3 => header.compressed = reader.size(kind)?,
                // DictionaryPageHeader, which begins with the number of values.
                7 => reader.each_field(|reader, id, kind| match id {
                    1 => {
                        header.values = reader.size(kind)?;
                        Ok(Taken::Yes)
                    }
                    _ => Ok(Taken::No),
                })?,
                _ => return Ok(Taken::No),
            }
            Ok(Taken::Yes)
        })?;
        header.length = reader.position();
        Ok(header)
    }
}
