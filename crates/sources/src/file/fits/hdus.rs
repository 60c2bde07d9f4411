//! The header and data units (HDUs) of a file, and the search for a table.

use std::io::{self, BufReader, Read};

use taploom_model::{Error, Result};

use super::header::{BLOCK_BYTES, Header, MOST_HEADER_BYTES};
use crate::error::{damaged, invalid};
use crate::input::read_full;

/// Maximum number of HDUs that an error lists.
const MOST_LISTED: usize = 20;
/// Size of a read in bytes.
const READ_BYTES: usize = 64 << 10;

/// The table to read.
pub(super) enum WantedTable {
    /// The first table that is not a compressed image.
    First,
    /// The HDU with this number; 0 is the primary one.
    Number(u64),
    /// The HDU with this EXTNAME.
    Name(String),
}

impl WantedTable {
    pub(super) fn new(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number)
    }
}

/// The header of a table.
pub(super) struct Table {
    pub(super) header: Header,
    /// NAXIS1.
    pub(super) row_bytes: usize,
    /// NAXIS2.
    pub(super) rows: u64,
    /// Number of bytes between the last row and the heap.
    pub(super) gap: u64,
    /// Size of the heap in bytes.
    pub(super) heap_bytes: u64,
}

/// Reads the HDUs of a file, one after the other.
pub(super) struct Hdus<'a> {
    reader: BufReader<Box<dyn Read + Send>>,
    position: u64,
    name: &'a str,
}

impl<'a> Hdus<'a> {
    pub(super) fn new(reader: Box<dyn Read + Send>, name: &'a str) -> Self {
        Self { reader: BufReader::with_capacity(READ_BYTES, reader), position: 0, name }
    }

    /// Reads up to the first row of the table.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if the table does not exist.
    /// The error lists the HDUs of the file. [`ErrorKind::Source`](taploom_model::ErrorKind::Source) if a header is
    /// damaged, or the file is cut short before the table.
    pub(super) fn find(mut self, wanted: &WantedTable) -> Result<(Table, Self)> {
        let mut parts = Vec::new();
        for number in 0_u64.. {
            let Some(header) = self.header(number)? else { break };
            let title = header.text("EXTNAME");
            let is_wanted = match wanted {
                WantedTable::First => true,
                WantedTable::Number(wanted) => *wanted == number,
                WantedTable::Name(wanted) => {
                    title.as_deref().is_some_and(|title| title.eq_ignore_ascii_case(wanted))
                }
            };
            let kind = header.text("XTENSION").unwrap_or_else(|| "primary".to_owned());
            let is_table = ["BINTABLE", "A3DTABLE", "TABLE"].contains(&kind.as_str());
            let is_first = !header.is_true("ZIMAGE");
            if is_wanted && is_table && (is_first || !matches!(wanted, WantedTable::First)) {
                if header.is_true("ZTABLE") {
                    return Err(self.wrong(format_args!(
                        "its table in HDU {number} is compressed in tiles; decompress it first, with funpack"
                    )));
                }
                let table = Table::new(header)
                    .map_err(|what| self.damaged(format_args!("HDU {number}, {what}")))?;
                return Ok((table, self));
            }
            if parts.len() < MOST_LISTED {
                let kind = match kind.as_str() {
                    "TABLE" => "a table in ASCII",
                    "BINTABLE" if header.is_true("ZIMAGE") => "a compressed image",
                    "BINTABLE" => "a binary table",
                    "IMAGE" => "an image",
                    "primary" => "the primary HDU",
                    _ => "of another kind",
                };
                let title = title.map(|title| format!(" {title:?}")).unwrap_or_default();
                parts.push(format!("{number}{title} ({kind})"));
            }
            let bytes = data_bytes(&header);
            let padded = bytes.and_then(|bytes| {
                bytes.div_ceil(BLOCK_BYTES as u64).checked_mul(BLOCK_BYTES as u64)
            });
            let (Some(bytes), Some(padded)) = (bytes, padded) else {
                return Err(
                    self.damaged(format_args!("the axes of HDU {number} are missing or too large"))
                );
            };
            if self.skip(padded)? < bytes {
                return Err(self.damaged(format_args!("the file is cut short, in HDU {number}")));
            }
        }
        let parts = parts.join(", ");
        Err(match wanted {
            WantedTable::First => {
                self.wrong(format_args!("it has no table; the HDUs are: {parts}"))
            }
            WantedTable::Number(number) => self.wrong(format_args!(
                "HDU {number} does not exist or is not a table; the HDUs are: {parts}"
            )),
            WantedTable::Name(name) => {
                self.wrong(format_args!("no table has the EXTNAME {name:?}; the HDUs are: {parts}"))
            }
        })
    }

    /// The next header; `None` at the end of the file, or if only special records follow.
    fn header(&mut self, number: u64) -> Result<Option<Header>> {
        let mut header = Header::default();
        let mut block = [0; BLOCK_BYTES];
        for blocks in 0.. {
            let read = self.read(&mut block)?;
            // Anything may follow the last HDU; FITS 4.0, 3.5.
            let begins =
                blocks > 0 || block.starts_with(b"SIMPLE  ") || block.starts_with(b"XTENSION");
            if blocks == 0 && number > 0 && !begins {
                return Ok(None);
            }
            if read < BLOCK_BYTES {
                return Err(self.damaged(format_args!(
                    "the file is cut short, in the header of HDU {number}"
                )));
            }
            if !begins || blocks * BLOCK_BYTES > MOST_HEADER_BYTES {
                return Err(self.damaged(format_args!("HDU {number} has no header")));
            }
            if header.add(&block) {
                break;
            }
        }
        Ok(Some(header))
    }

    fn read(&mut self, block: &mut [u8]) -> Result<usize> {
        let read = read_full(&mut self.reader, block);
        let read = read.map_err(|error| self.unreadable(error))?;
        self.position += read as u64;
        Ok(read)
    }

    /// Skips data, and returns the number of bytes that were there.
    fn skip(&mut self, bytes: u64) -> Result<u64> {
        let skipped = io::copy(&mut self.reader.by_ref().take(bytes), &mut io::sink());
        let skipped = skipped.map_err(|error| self.unreadable(error))?;
        self.position += skipped;
        Ok(skipped)
    }

    /// Number of bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// A reader of the data after the header that was found.
    pub(super) fn into_rows(self) -> Box<dyn Read + Send> {
        Box::new(self.reader)
    }

    fn unreadable(&self, error: io::Error) -> Error {
        self.damaged(format_args!("can't read the file")).with_source(error)
    }

    fn wrong(&self, what: std::fmt::Arguments<'_>) -> Error {
        invalid(format!("source {}: {what}", self.name))
    }

    fn damaged(&self, what: std::fmt::Arguments<'_>) -> Error {
        damaged(format!("source {}: {what}", self.name))
    }
}

impl Table {
    fn new(header: Header) -> Result<Self, String> {
        let count = |keyword: &str| {
            let number = header.integer(keyword);
            let number = number.and_then(|number| u64::try_from(number).ok());
            number
                .ok_or_else(|| format!("its {keyword} is missing or not a number of bytes or rows"))
        };
        if (header.integer("NAXIS"), header.integer("BITPIX")) != (Some(2), Some(8)) {
            return Err(
                "a table needs NAXIS 2 and BITPIX 8, and this one has other values".to_owned()
            );
        }
        let (row_bytes, rows) = (count("NAXIS1")?, count("NAXIS2")?);
        let heap = if header.has("PCOUNT") { count("PCOUNT")? } else { 0 };
        let too_large = || "its table is larger than any file".to_owned();
        let table = row_bytes.checked_mul(rows).ok_or_else(too_large)?;
        table.checked_add(heap).filter(|bytes| *bytes < 1 << 62).ok_or_else(too_large)?;
        // The heap begins after the rows unless THEAP says otherwise; FITS 4.0, 7.3.5.
        let gap =
            match header.has("THEAP") {
                true => count("THEAP")?.checked_sub(table).filter(|gap| *gap <= heap).ok_or_else(
                    || "its THEAP is not within the bytes that follow the rows".to_owned(),
                )?,
                false => 0,
            };
        Ok(Self {
            row_bytes: usize::try_from(row_bytes).map_err(|_| too_large())?,
            rows,
            gap,
            heap_bytes: heap - gap,
            header,
        })
    }
}

/// The size of the data of any HDU in bytes; FITS 4.0, 4.4.1.1 and 6.1.1. `None` if the axes are missing or
/// too large.
fn data_bytes(header: &Header) -> Option<u64> {
    let number = |keyword: &str| u64::try_from(header.integer(keyword)?).ok();
    let axes = number("NAXIS")?;
    if axes == 0 {
        return Some(0);
    }
    let mut values = 1_u64;
    for axis in 1..=axes.min(999) {
        let length = number(&format!("NAXIS{axis}"))?;
        // In random groups, the first axis has length 0 and is not counted.
        let is_group = axis == 1 && length == 0 && header.is_true("GROUPS");
        values = values.checked_mul(if is_group { 1 } else { length })?;
    }
    let parameters = if header.has("PCOUNT") { number("PCOUNT")? } else { 0 };
    let groups = if header.has("GCOUNT") { number("GCOUNT")? } else { 1 };
    let bytes = header.integer("BITPIX")?.unsigned_abs() / 8;
    bytes.checked_mul(groups)?.checked_mul(parameters.checked_add(values)?)
}
