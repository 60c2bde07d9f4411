//! FITS files: their header and data units (HDUs), as the cards of the headers describe them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use taploom_model::Result;

use crate::report::{ColumnFacts, Hdu, Inspection, Readable};
use crate::unreadable;

/// The first bytes of a file; FITS 4.0, 4.4.1.
pub(crate) const MARK: &[u8] = b"SIMPLE  =";
/// Size of a block in bytes.
const BLOCK: u64 = 2880;
/// Size of a card in bytes.
const CARD: usize = 80;
/// Maximum number of HDUs, and of blocks in a header, that are read.
const MOST_UNITS: u64 = 10_000;
const MOST_BLOCKS: u64 = 10_000;

/// Reads the headers. Problems are added to the inspection.
pub(crate) fn inspect(file: &File, inspection: &mut Inspection) -> Result<()> {
    let name = inspection.file.clone();
    walk(file, inspection).map_err(|error| unreadable(&name, error))
}

fn walk(file: &File, inspection: &mut Inspection) -> io::Result<()> {
    let size = inspection.bytes;
    let mut at = 0;
    while at < size && (inspection.hdus.len() as u64) < MOST_UNITS {
        let number = inspection.hdus.len() as u64;
        let cards = match Cards::read(file, at, size)? {
            Ok(cards) => cards,
            // Anything may follow the last HDU; FITS 4.0, 3.5.
            Err(_) if number > 0 && !begins_extension(file, at, size)? => break,
            Err(why) => {
                inspection.problems.push(format!("HDU {number}, at byte {at}: {why}"));
                break;
            }
        };
        let hdu = cards.hdu(number);
        let start = at + cards.bytes;
        let bytes = hdu.data_bytes;
        let is_first_table = inspection.columns.is_empty() && hdu.columns.is_some();
        if is_first_table {
            inspection.rows = hdu.rows;
            inspection.columns = cards.columns();
        }
        let end = start.saturating_add(bytes);
        if end > size {
            inspection.problems.push(format!(
                "HDU {number}: its data should end at byte {end}, and the file has {size} bytes: it was cut short"
            ));
            if let (Some(rows), true) = (hdu.rows, is_first_table) {
                let row = cards.number("NAXIS1").max(1);
                let whole = (size - start.min(size)) / row;
                inspection.readable = Some(Readable {
                    rows: whole.min(rows),
                    of: Some(rows),
                    damaged_row_groups: Vec::new(),
                    damaged_columns: Vec::new(),
                });
            }
        }
        inspection.hdus.push(hdu);
        at = end.div_ceil(BLOCK).saturating_mul(BLOCK);
    }
    Ok(())
}

fn begins_extension(mut file: &File, at: u64, size: u64) -> io::Result<bool> {
    let mut mark = [0; 9];
    if size - at < 9 {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut mark)?;
    Ok(&mark == b"XTENSION=")
}

/// The cards of a header, by keyword.
struct Cards {
    values: HashMap<String, String>,
    bytes: u64,
}

impl Cards {
    fn read(mut file: &File, at: u64, size: u64) -> io::Result<std::result::Result<Self, String>> {
        let mut cards = Self { values: HashMap::new(), bytes: 0 };
        let mut block = [0; BLOCK as usize];
        file.seek(SeekFrom::Start(at))?;
        for index in 0..MOST_BLOCKS {
            if size - at < cards.bytes + BLOCK {
                return Ok(Err("the file ends within its header".to_owned()));
            }
            file.read_exact(&mut block)?;
            cards.bytes += BLOCK;
            if index == 0 && !block.starts_with(MARK) && !block.starts_with(b"XTENSION=") {
                return Ok(Err("its header is missing".to_owned()));
            }
            for card in block.chunks_exact(CARD) {
                let (keyword, rest) = card.split_at(8);
                let keyword = String::from_utf8_lossy(keyword).trim_end().to_owned();
                if keyword == "END" {
                    return Ok(Ok(cards));
                }
                if let Some(value) = rest.strip_prefix(b"= ") {
                    cards.values.entry(keyword).or_insert_with(|| value_of(value));
                }
            }
        }
        Ok(Err("its header does not end".to_owned()))
    }

    fn text(&self, keyword: &str) -> Option<String> {
        self.values.get(keyword).filter(|value| !value.is_empty()).cloned()
    }

    fn number(&self, keyword: &str) -> u64 {
        self.values.get(keyword).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    fn hdu(&self, number: u64) -> Hdu {
        let kind = self.text("XTENSION").unwrap_or_else(|| "PRIMARY".to_owned());
        let is_table = matches!(kind.as_str(), "BINTABLE" | "TABLE");
        // FITS 4.0, equation 2. Random groups are obsolete.
        let bits: i64 = self.values.get("BITPIX").and_then(|bits| bits.parse().ok()).unwrap_or(8);
        let axes =
            (1..=self.number("NAXIS").min(999)).map(|axis| self.number(&format!("NAXIS{axis}")));
        let elements = match self.number("NAXIS") {
            0 => 0,
            _ => axes.fold(1, u64::saturating_mul),
        };
        let groups =
            self.values.get("GCOUNT").and_then(|count| count.parse().ok()).unwrap_or(1_u64);
        let heap = self.number("PCOUNT");
        let data_bytes = (bits.unsigned_abs() / 8)
            .saturating_mul(groups)
            .saturating_mul(heap.saturating_add(elements));
        Hdu {
            number,
            name: self.text("EXTNAME"),
            rows: is_table.then(|| self.number("NAXIS2")),
            columns: is_table.then(|| self.number("TFIELDS")),
            data_bytes,
            heap_bytes: if is_table { heap } else { 0 },
            kind,
        }
    }

    /// The columns of a table, at most 999; FITS 4.0, 7.3.1.
    fn columns(&self) -> Vec<ColumnFacts> {
        let columns = 1..=self.number("TFIELDS").min(999);
        columns
            .map(|column| {
                let of = |keyword: &str| self.text(&format!("{keyword}{column}"));
                ColumnFacts {
                    name: of("TTYPE").unwrap_or_else(|| format!("col{column}")),
                    type_name: of("TFORM").unwrap_or_default(),
                    unit: of("TUNIT"),
                    ucd: of("TUCD"),
                    description: of("TCOMM"),
                    chunks: None,
                }
            })
            .collect()
    }
}

/// The value of a card: a string without its quotes and trailing spaces, or a number.
fn value_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let Some(quoted) = text.strip_prefix('\'') else {
        return text.split('/').next().unwrap_or_default().trim().to_owned();
    };
    let mut value = String::new();
    let mut characters = quoted.chars().peekable();
    while let Some(c) = characters.next() {
        // A quote within a string is written twice.
        if c == '\'' && characters.next_if_eq(&'\'').is_none() {
            break;
        }
        value.push(c);
    }
    value.trim_end().to_owned()
}
