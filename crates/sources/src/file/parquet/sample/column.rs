//! The keys of one column chunk, page by page, as codes of a table.
//!
//! The keys of a page are known from its bounds, or read as runs of dictionary codes, or decoded. In each case they
//! are returned as codes of a [`Table`], that is, as positions in the dictionary or among the decoded values. The
//! code after the last one stands for null.

use arrow_array::{Array, ArrayRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use taploom_expressions::{KeyReader, Keys};

use super::coded::CodedPage;
use super::constants::Constants;
use super::damage::ColumnError;
use super::page::{NoPages, PageDecoder};
use super::table::{Proof, Table};

/// Reads the keys of a column chunk.
pub(super) struct KeyChunk<'a> {
    keys: &'a KeyReader,
    decoder: &'a PageDecoder,
    pages: Box<dyn PageReader>,
    /// The pages that have a single key, as their bounds show.
    constants: Option<Constants>,
    /// Number of data pages so far.
    page: usize,
    state: State,
    /// The table of the dictionary, while another table is the current one.
    dictionary: Option<Table>,
    table: Table,
    /// The code of the next `left` rows, if they all have the same. Otherwise their codes start at `codes[at]`.
    repeated: Option<u32>,
    codes: Vec<u32>,
    at: usize,
    left: usize,
    /// Number of tables so far.
    tables: u64,
    pub(super) pages_read: u64,
    pub(super) pages_skipped: u64,
}

/// Codes of rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Codes<'a> {
    /// All rows have the same code.
    Repeated(u32),
    /// One code per row.
    Each(&'a [u32]),
}

enum State {
    /// Between two pages.
    Between,
    Codes(Box<CodedPage>),
    /// A page whose values are decoded. `at` is the position in the table of the next value.
    Values {
        rows: usize,
        reader: Box<ParquetRecordBatchReader>,
        at: usize,
    },
}

impl<'a> KeyChunk<'a> {
    pub(super) fn new(
        keys: &'a KeyReader,
        decoder: &'a PageDecoder,
        pages: Box<dyn PageReader>,
        constants: Option<Constants>,
    ) -> Result<Self, ColumnError> {
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
            tables: 0,
            pages_read: 0,
            pages_skipped: 0,
        })
    }

    /// A chunk in which every row has the same key, so that no page has to be read.
    pub(super) fn constant(
        keys: &'a KeyReader,
        decoder: &'a PageDecoder,
        value: &ArrayRef,
        rows: usize,
    ) -> Result<Self, ColumnError> {
        let mut chunk = Self::new(keys, decoder, Box::new(NoPages), None)?;
        chunk.table = chunk.new_table(Proof::Bounds, keys.of_array(value)?, value.len());
        chunk.repeat(0, rows);
        Ok(chunk)
    }

    /// Number of rows that follow whose codes belong to the current table.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The codes of the rows that follow, and the table of their keys.
    pub(super) fn codes_and_table(&mut self) -> (Codes<'_>, &mut Table) {
        let codes = match self.repeated {
            Some(code) => Codes::Repeated(code),
            None => Codes::Each(self.codes.get(self.at..).unwrap_or(&[])),
        };
        (codes, &mut self.table)
    }

    /// Skips `rows` of the rows that are [`left`](Self::left).
    pub(super) fn advance(&mut self, rows: usize) {
        self.at += rows;
        self.left = self.left.saturating_sub(rows);
    }

    /// The table of the current codes.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// Reads on until at least one row is [`left`](Self::left). This may switch to another table.
    pub(super) fn fill(&mut self) -> Result<(), ColumnError> {
        while self.left == 0 {
            match &mut self.state {
                State::Between => self.open_page()?,
                State::Codes(page) if page.rows() > 0 => {
                    match page.next(usize::MAX, &mut self.codes)? {
                        Some((code, rows)) => self.repeat(code, rows),
                        None => {
                            self.repeated = None;
                            (self.at, self.left) = (0, self.codes.len());
                        }
                    }
                }
                State::Codes(_) | State::Values { rows: 0, .. } => self.state = State::Between,
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

    /// Makes `table` the current one. If the previous table was the dictionary's, it is kept for later pages.
    fn switch_to(&mut self, table: Table) {
        let before = std::mem::replace(&mut self.table, table);
        if before.proof() == Proof::Codes {
            self.dictionary = Some(before);
        }
    }

    fn open_page(&mut self) -> Result<(), ColumnError> {
        let next = self.pages.peek_next_page()?;
        let next = next.ok_or("fewer rows than the row group has")?;
        if next.is_dict {
            // The dictionary is read when a page needs it.
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
        self.state = if CodedPage::is_coded(&page) {
            self.open_dictionary()?;
            State::Codes(Box::new(CodedPage::new(
                &page,
                self.decoder.has_levels(),
                self.table.null(),
            )?))
        } else {
            let reader = Box::new(self.decoder.values(page)?);
            State::Values { rows, reader, at: usize::MAX }
        };
        Ok(())
    }

    fn open_dictionary(&mut self) -> Result<(), ColumnError> {
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

    fn fill_values(&mut self) -> Result<(), ColumnError> {
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
