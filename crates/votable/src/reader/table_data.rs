//! Rows in TABLEDATA; VOTable 1.4, 5.1 and 6.

mod plain_row;
#[cfg(test)]
mod tests;
mod values;

use std::io::Read;

use taploom_model::{Error, ErrorKind, Result, counted};

use self::plain_row::{Found, PlainRow};
use self::values::{append, append_base64};
use super::cells::ColumnCells;
use super::passed_over::shown;
use super::xml::{Node, Tag, Xml, damaged};
use crate::text::forbidden;

/// The longest row, in bytes, that is held as a whole and read without the parser.
const LONGEST: usize = 1 << 20;

/// The rows of TABLEDATA.
pub(super) struct TableDataRows {
    plain: PlainRow,
    longest: usize,
    text: Vec<u8>,
}

impl TableDataRows {
    /// Rows whose cells take at most this many bytes each.
    pub(super) fn new(memory_limit: usize) -> Self {
        Self { plain: PlainRow::default(), longest: memory_limit.min(LONGEST), text: Vec::new() }
    }

    /// Appends a row. Returns `false` after the last row, at the end of TABLEDATA.
    pub(super) fn read_row<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [ColumnCells],
        row: u64,
    ) -> Result<bool> {
        if let Some(length) = self.find_plain(xml, columns.len())
            && self.append_plain(&xml.ahead()[..length], columns, row)?
        {
            xml.pass(length);
            return Ok(true);
        }
        self.parse_row(xml, columns, row)
    }

    /// Finds the cells of the next row in the bytes ahead, and returns its length with the white space before
    /// it. `None` if the parser has to read what follows.
    fn find_plain<R: Read>(&mut self, xml: &mut Xml<R>, fields: usize) -> Option<usize> {
        if fields == 0 || !xml.takes_row(fields) {
            return None;
        }
        self.plain.clear();
        loop {
            let ahead = xml.ahead();
            let ahead = &ahead[..ahead.len().min(self.longest)];
            match self.plain.find(ahead, fields) {
                Found::Row(length) => return Some(length),
                Found::Part if ahead.len() < self.longest && xml.read_ahead() => {}
                Found::Part | Found::Other => return None,
            }
        }
    }

    /// Appends the row that was found. Returns `false` for a row with bytes that are no characters of XML, which the
    /// parser has to read.
    fn append_plain(&self, bytes: &[u8], columns: &mut [ColumnCells], row: u64) -> Result<bool> {
        let Some(texts) = self.plain.texts(bytes) else { return Ok(false) };
        for (cells, text) in columns.iter_mut().zip(texts) {
            append(cells, text).map_err(|message| wrong_cell(message, cells, row))?;
        }
        Ok(true)
    }

    /// Appends a row that the parser reads.
    fn parse_row<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [ColumnCells],
        row: u64,
    ) -> Result<bool> {
        let left = xml.left();
        let found = loop {
            match xml.next()? {
                Node::Open(tag) if tag.name == "TR" => {
                    if columns.is_empty() {
                        return Err(damaged("the TABLE has rows and no FIELD"));
                    }
                    xml.rest(&tag);
                    self.read_cells(xml, columns, row)?;
                    break true;
                }
                Node::Open(tag) => xml.pass_over(&tag)?,
                Node::Close | Node::End => break false,
            }
        };
        xml.restore(left);
        Ok(found)
    }

    fn read_cells<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [ColumnCells],
        row: u64,
    ) -> Result<()> {
        let fields = columns.len();
        let wrong_number = |found: String| {
            let tds = if found == "1" { "TD" } else { "TDs" };
            let fields = counted(fields as u64, "FIELD");
            let message = format!("the row has {found} {tds}, and the TABLE {fields}");
            Error::new(ErrorKind::InvalidValue, message).with_row(row)
        };
        let mut index = 0;
        loop {
            match xml.next()? {
                Node::Open(tag) if tag.name == "TD" => {
                    let Some(cells) = columns.get_mut(index) else {
                        return Err(wrong_number(format!("{} or more", index + 1)));
                    };
                    index += 1;
                    self.read_cell(xml, cells, tag)
                        .map_err(|error| error.with_column(cells.name.as_str()).with_row(row))?;
                }
                Node::Open(tag) => xml.pass_over(&tag)?,
                Node::Close | Node::End if index == fields => return Ok(()),
                Node::Close | Node::End => return Err(wrong_number(index.to_string())),
            }
        }
    }

    fn read_cell<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        cells: &mut ColumnCells,
        mut tag: Tag,
    ) -> Result<()> {
        let is_base64 = match tag.take("encoding") {
            None => false,
            Some(encoding) if encoding.trim().eq_ignore_ascii_case("base64") => true,
            Some(encoding) => {
                let message = format!(
                    "a TD of encoding {:?} is not supported; base64 and text are",
                    shown(&encoding)
                );
                return Err(Error::new(ErrorKind::InvalidValue, message));
            }
        };
        xml.rest(&tag);
        self.text.clear();
        self.text.shrink_to(64 * 1024);
        let most = xml.limit();
        if xml.append_text(&mut self.text, most.saturating_add(1))? {
            return Err(xml.too_long("the text of a cell takes"));
        }
        if let Node::Open(tag) = xml.next()? {
            let message = format!("an element {} within a TD", tag.shown());
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let text = std::str::from_utf8(&self.text).map_err(|error| {
            Error::new(ErrorKind::InvalidValue, "the text of the cell is not UTF-8")
                .with_source(error)
        })?;
        if let Some(character) = forbidden(text) {
            let message = format!("the text of the cell has {character}");
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let appended = if is_base64 { append_base64(cells, text) } else { append(cells, text) };
        appended.map_err(|message| Error::new(ErrorKind::InvalidValue, message))
    }
}

/// The error for a text that is not a value of its FIELD.
fn wrong_cell(message: String, cells: &ColumnCells, row: u64) -> Error {
    Error::new(ErrorKind::InvalidValue, message).with_column(cells.name.as_str()).with_row(row)
}
