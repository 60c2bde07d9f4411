//! The keys of one column chunk, page by page, as codes of a table.
//!
//! A page is known by its bounds, walked by the runs of its codes, or decoded. In each case its keys are given as codes of
//! a [`Table`]: positions in the dictionary, or in the values that were decoded. The code after the last one is null.

use arrow_array::{Array, ArrayRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use taploom_expressions::{KeyReader, Keys};
use taploom_model::Error;

use super::constants::Constants;
use super::hybrid::{Damage, Hybrid, as_runs};
use super::page::{NoPages, PageDecoder};
use super::table::{Proof, Table};

/// Why keys can't be read.
pub(super) enum KeyError {
    /// The pages.
    Parquet(ParquetError),
    /// What the pages hold.
    Damaged(Damage),
    /// The values.
    Keys(Error),
}

impl From<ParquetError> for KeyError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<Damage> for KeyError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<Error> for KeyError {
    fn from(error: Error) -> Self {
        Self::Keys(error)
    }
}

/// Reads the keys of a column chunk.
pub(super) struct KeyChunk<'a> {
    keys: &'a KeyReader,
    decoder: &'a PageDecoder,
    pages: Box<dyn PageReader>,
    /// What is known of the pages by their bounds.
    constants: Option<Constants>,
    /// Data pages so far.
    page: usize,
    state: State,
    /// The values of the dictionary, while another table is the current one.
    dictionary: Option<Table>,
    table: Table,
    /// The codes that follow: one that is repeated, or those of the buffer from `at` on.
    repeated: Option<u32>,
    codes: Vec<u32>,
    at: usize,
    left: usize,
    /// Codes of rows that are not null, while others are between them.
    valid: Vec<u32>,
    /// Tables so far.
    tables: u64,
    pub(super) pages_read: u64,
    pub(super) pages_skipped: u64,
}

enum State {
    /// The next page is to be read.
    Between,
    Codes {
        rows: usize,
        levels: Option<Levels>,
        codes: Hybrid,
    },
    /// Values are decoded, and `at` is the next of those in the table.
    Values {
        rows: usize,
        reader: Box<ParquetRecordBatchReader>,
        at: usize,
    },
}

/// The definition levels of a page.
struct Levels {
    levels: Hybrid,
    /// A level that is repeated.
    run: Option<(u32, usize)>,
    /// Levels that are not.
    unpacked: Vec<u32>,
}

impl<'a> KeyChunk<'a> {
    pub(super) fn new(
        keys: &'a KeyReader,
        decoder: &'a PageDecoder,
        pages: Box<dyn PageReader>,
        constants: Option<Constants>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            keys,
            decoder,
            pages,
            constants,
            page: 0,
            state: State::Between,
            dictionary: None,
            table: Table::empty(keys, decoder.data_type())?,
            repeated: None,
            codes: Vec::new(),
            at: 0,
            left: 0,
            valid: Vec::new(),
            tables: 0,
            pages_read: 0,
            pages_skipped: 0,
        })
    }

    /// A chunk of which every row has the same key, which needs no pages.
    pub(super) fn constant(
        keys: &'a KeyReader,
        decoder: &'a PageDecoder,
        value: &ArrayRef,
        rows: usize,
    ) -> Result<Self, KeyError> {
        let mut chunk = Self::new(keys, decoder, Box::new(NoPages), None)?;
        chunk.table = chunk.new_table(Proof::Bounds, keys.of_array(value)?, value.len());
        chunk.repeat(0, rows);
        Ok(chunk)
    }

    /// How many codes follow that belong to the current table.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The code of the rows that follow, if they all have the same.
    pub(super) fn repeated(&self) -> Option<u32> {
        self.repeated
    }

    /// The codes that follow, unless they are [`repeated`](Self::repeated), and what they mean.
    pub(super) fn codes_and_table(&mut self) -> (&[u32], &mut Table) {
        (self.codes.get(self.at..).unwrap_or(&[]), &mut self.table)
    }

    /// Passes over rows that were [`left`](Self::left).
    pub(super) fn advance(&mut self, rows: usize) {
        self.at += rows;
        self.left = self.left.saturating_sub(rows);
    }

    /// What the codes mean.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// Sees to it that codes are [`left`](Self::left). Codes before it may have belonged to another table.
    pub(super) fn fill(&mut self) -> Result<(), KeyError> {
        while self.left == 0 {
            match &mut self.state {
                State::Between => self.open_page()?,
                State::Codes { rows: 0, .. } | State::Values { rows: 0, .. } => {
                    self.state = State::Between;
                }
                State::Codes { .. } => self.fill_codes()?,
                State::Values { .. } => self.fill_values()?,
            }
        }
        Ok(())
    }

    fn repeat(&mut self, code: u32, rows: usize) {
        self.repeated = Some(code);
        self.at = 0;
        self.left = rows;
    }

    /// Makes a table the current one, and keeps the dictionary.
    fn switch_to(&mut self, table: Table) {
        let before = std::mem::replace(&mut self.table, table);
        if before.proof() == Proof::Codes {
            self.dictionary = Some(before);
        }
    }

    fn open_page(&mut self) -> Result<(), KeyError> {
        let next = self.pages.peek_next_page()?;
        let next = next.ok_or("fewer rows than the row group has")?;
        if next.is_dict {
            // Whoever needs it gets it then.
            return Ok(self.pages.skip_next_page()?);
        }
        let page = self.page;
        self.page += 1;
        if let Some(pages) = &self.constants
            && let Some(rows) = pages.rows.get(page).and_then(|rows| usize::try_from(*rows).ok())
            && next.num_rows.or(next.num_levels) == Some(rows)
            && let Some(value) = pages.value(page, self.decoder.data_type())
        {
            let keys = self.keys.of_array(&value)?;
            let table = self.new_table(Proof::Bounds, keys, value.len());
            self.pages.skip_next_page()?;
            self.pages_skipped += 1;
            self.switch_to(table);
            self.repeat(0, rows);
            return Ok(());
        }
        let page = self.pages.get_next_page()?.ok_or("fewer rows than the row group has")?;
        self.pages_read += 1;
        let rows = page.num_values() as usize;
        if rows == 0 {
            return Ok(());
        }
        let is_coded =
            matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
        self.state = if is_coded {
            let (levels, codes) = self.parts(&page)?;
            self.open_dictionary()?;
            let width = *codes.first().ok_or("a page that has no codes")?;
            let codes = Hybrid::new(codes.slice(1..), width)?;
            State::Codes { rows, levels, codes }
        } else {
            let reader = Box::new(self.decoder.values(page)?);
            State::Values { rows, reader, at: usize::MAX }
        };
        Ok(())
    }

    /// The definition levels of a page, and what follows them.
    fn parts(&self, page: &Page) -> Result<(Option<Levels>, Bytes), KeyError> {
        const CUT_OFF: Damage = "levels that are cut off";
        let has_levels = self.decoder.has_levels();
        let (levels, rest) = match page {
            Page::DataPage { buf, .. } if !has_levels => return Ok((None, buf.clone())),
            Page::DataPage { buf, def_level_encoding: Encoding::RLE, .. } => {
                let length = buf.first_chunk::<4>().ok_or(CUT_OFF)?;
                let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| CUT_OFF)?;
                let end = length.checked_add(4).filter(|end| *end <= buf.len()).ok_or(CUT_OFF)?;
                (buf.slice(4..end), buf.slice(end..))
            }
            Page::DataPage { buf, num_values, .. } => {
                // BIT_PACKED, which Parquet deprecates: one bit per value, from the highest on.
                let length = (*num_values as usize).div_ceil(8);
                let levels = buf.get(..length).ok_or(CUT_OFF)?;
                (as_runs(levels), buf.slice(length..))
            }
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let start = *rep_levels_byte_len as usize;
                let end = start + *def_levels_byte_len as usize;
                if end > buf.len() {
                    return Err(CUT_OFF.into());
                }
                (buf.slice(start..end), buf.slice(end..))
            }
            Page::DictionaryPage { .. } => return Err("a second dictionary".into()),
        };
        let levels = match has_levels {
            true => {
                Some(Levels { levels: Hybrid::new(levels, 1)?, run: None, unpacked: Vec::new() })
            }
            false => None,
        };
        Ok((levels, rest))
    }

    fn open_dictionary(&mut self) -> Result<(), KeyError> {
        if self.table.proof() == Proof::Codes {
            return Ok(());
        }
        let table = match self.dictionary.take() {
            Some(table) => table,
            None => {
                let page = self.pages.take_deferred_dictionary()?;
                let page = page.ok_or("a page of codes without a dictionary before it")?;
                let values = self.decoder.dictionary(page)?;
                let keys = self.keys.of_array(&values)?;
                self.new_table(Proof::Codes, keys, values.len())
            }
        };
        self.switch_to(table);
        Ok(())
    }

    fn fill_codes(&mut self) -> Result<(), KeyError> {
        let State::Codes { rows, levels, codes } = &mut self.state else { return Ok(()) };
        let null = self.table.null();
        self.at = 0;
        let level = match levels {
            None => Some((1, *rows)),
            Some(levels) => levels.next(*rows)?,
        };
        self.left = match level {
            Some((0, count)) => {
                self.repeated = Some(null);
                count
            }
            Some((1, count)) => {
                let found = codes.next(count, &mut self.codes)?;
                self.repeated = found.map(|(code, _)| code);
                let found = match found {
                    Some((code, times)) => {
                        check(&[code], null)?;
                        times
                    }
                    None => {
                        check(&self.codes, null)?;
                        self.codes.len()
                    }
                };
                if let Some(levels) = levels {
                    levels.run = Some((1, count - found));
                }
                found
            }
            Some(_) => return Err("a level that is higher than the column has".into()),
            None => {
                let levels = levels.as_ref().map_or(&[][..], |levels| &levels.unpacked);
                self.repeated = None;
                let wanted = levels.iter().filter(|level| **level == 1).count();
                self.valid.clear();
                while self.valid.len() < wanted {
                    match codes.next(wanted - self.valid.len(), &mut self.codes)? {
                        Some((code, times)) => self.valid.extend(std::iter::repeat_n(code, times)),
                        None => self.valid.extend_from_slice(&self.codes),
                    }
                }
                check(&self.valid, null)?;
                let mut valid = self.valid.iter().copied();
                let code = |level: &u32| if *level == 1 { valid.next() } else { None };
                self.codes.clear();
                self.codes.extend(levels.iter().map(code).map(|code| code.unwrap_or(null)));
                self.codes.len()
            }
        };
        *rows = rows.saturating_sub(self.left);
        Ok(())
    }

    fn fill_values(&mut self) -> Result<(), KeyError> {
        let State::Values { reader, at, .. } = &mut self.state else { return Ok(()) };
        if *at >= self.table.len() || self.table.proof() != Proof::Values {
            let batch = reader.next().transpose().map_err(ParquetError::from)?;
            let array = batch.and_then(|batch| batch.columns().first().cloned());
            let array = array.filter(|array| !array.is_empty());
            let array = array.ok_or("fewer values than its page says")?;
            *at = 0;
            let keys = self.keys.of_array(&array)?;
            let table = self.new_table(Proof::Values, keys, array.len());
            self.switch_to(table);
        }
        let State::Values { rows, at, .. } = &mut self.state else { return Ok(()) };
        let first = *at;
        let end = self.table.end_of_run(first).min(first + *rows);
        *at = end;
        *rows -= end - first;
        let code = u32::try_from(first).map_err(|_| "too many values")?;
        self.repeat(code, end - first);
        Ok(())
    }

    fn new_table(&mut self, proof: Proof, keys: Keys, len: usize) -> Table {
        self.tables += 1;
        Table::new(proof, self.tables, keys, len)
    }
}

/// Codes of a dictionary are below the one that stands for null.
fn check(codes: &[u32], null: u32) -> Result<(), KeyError> {
    let greatest = codes.iter().copied().fold(0, u32::max);
    match greatest < null {
        true => Ok(()),
        false => Err("a code beyond the end of the dictionary".into()),
    }
}

impl Levels {
    /// The next levels, `most` at most: one that is repeated, or, if there is none, all that are `unpacked`.
    fn next(&mut self, most: usize) -> Result<Option<(u32, usize)>, Damage> {
        match self.run.take() {
            Some((level, count)) if count > 0 => Ok(Some((level, count))),
            _ => self.levels.next(most, &mut self.unpacked),
        }
    }
}
