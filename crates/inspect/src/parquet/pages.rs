//! Pages: their headers and checksums.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use taploom_thrift::{self as thrift, Reader, Stream, Taken};

use super::fields::take;

/// Bytes that are read at a time for a header.
const HEADER_PIECE: usize = 256;
/// Bytes of a page that are read at a time.
const PIECE: usize = 64 << 10;

/// The fields of a PageHeader that are used.
#[derive(Debug, Default)]
pub(super) struct PageHeader {
    pub(super) page_type: i64,
    pub(super) compressed: u64,
    pub(super) checksum: Option<u32>,
    /// Number of values of a data page.
    pub(super) values: u64,
    /// Size of the header itself in bytes.
    pub(super) length: u64,
}

/// Values of PageType.
pub(super) const DATA_PAGE: i64 = 0;
pub(super) const DATA_PAGE_V2: i64 = 3;

impl PageHeader {
    /// Reads the header that begins at byte `at`.
    pub(super) fn read(mut file: &File, at: u64) -> thrift::Result<Self> {
        file.seek(SeekFrom::Start(at)).map_err(thrift::Error::Io)?;
        let mut reader = Reader::of(Stream::with_piece(file, at, HEADER_PIECE));
        let mut header = Self { page_type: -1, ..Self::default() };
        let mut has_sizes = (false, false);
        reader.each_field(|reader, id, kind| match id {
            1 => take!(header.page_type, reader.integer(kind)),
            2 => {
                has_sizes.0 = true;
                reader.size(kind).map(|_| Taken::Yes)
            }
            3 => {
                has_sizes.1 = true;
                take!(header.compressed, reader.size(kind))
            }
            4 => take!(header.checksum, reader.integer(kind).map(|crc| Some(crc as u32))),
            // DataPageHeader and DataPageHeaderV2, both of which begin with the number of values.
            5 | 8 => {
                reader.each_field(|reader, id, kind| match id {
                    1 => take!(header.values, reader.size(kind)),
                    _ => Ok(Taken::No),
                })?;
                Ok(Taken::Yes)
            }
            _ => Ok(Taken::No),
        })?;
        if has_sizes != (true, true) || !(0..=3).contains(&header.page_type) {
            return Err(thrift::Error::Malformed { at, what: "the beginning of a page header" });
        }
        header.length = reader.position() - at;
        Ok(header)
    }

    /// Compares the bytes of the page, which begins at byte `at`, with the checksum in the header.
    pub(super) fn check(&self, mut file: &File, at: u64) -> io::Result<PageState> {
        file.seek(SeekFrom::Start(at))?;
        let mut left = self.compressed;
        let mut sum = crc32fast::Hasher::new();
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE)).max(1)];
        while left > 0 {
            let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match file.read(&mut piece[..most])? {
                0 => return Ok(PageState::Short),
                read => {
                    sum.update(&piece[..read]);
                    left -= read as u64;
                }
            }
        }
        let sum = sum.finalize();
        Ok(match self.checksum {
            Some(checksum) if checksum != sum => PageState::Wrong,
            Some(_) => PageState::Right,
            None => PageState::Unknown,
        })
    }
}

/// The result of checking the bytes of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageState {
    /// They match the checksum.
    Right,
    /// They don't match the checksum.
    Wrong,
    /// The header has no checksum.
    Unknown,
    /// The file ends within the page.
    Short,
}

/// The pages that were found in a file whose footer is missing or damaged.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Number of data and dictionary pages that are complete.
    pub(super) pages: u64,
    /// Number of these pages with a correct checksum.
    pub(super) checked: u64,
    /// The first byte after these pages.
    pub(super) end: u64,
}

/// Maximum number of pages that are read, so that the search ends.
const MOST_PAGES: u64 = 10_000_000;

/// Reads pages from the beginning of the file, up to the first bytes that are not a page.
pub(super) fn walk(file: &File) -> io::Result<Walked> {
    let mut walked = Walked { end: 4, ..Walked::default() };
    while walked.pages < MOST_PAGES {
        let Ok(header) = PageHeader::read(file, walked.end) else { break };
        let start = walked.end.saturating_add(header.length);
        match header.check(file, start)? {
            PageState::Right => walked.checked += 1,
            PageState::Unknown => {}
            PageState::Wrong | PageState::Short => break,
        }
        walked.pages += 1;
        walked.end = start.saturating_add(header.compressed);
    }
    Ok(walked)
}
