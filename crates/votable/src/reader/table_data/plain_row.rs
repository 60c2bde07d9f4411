//! Finds the cells of a row in buffered bytes, without the parser of XML.
//!
//! Nearly all rows consist of `<TR>`, `<TD>`, `</TD>`, `<TD/>` and `</TR>`, white space between them, and text with few
//! references. The parser copies, checks and compares each of these tags; a search for the next `<` takes a small part
//! of that time. A row with anything else is left to the parser: attributes, prefixes, comments, CDATA sections,
//! processing instructions, other elements, a wrong number of TDs, wrong references, damage. So notes, and all errors
//! except those of values, come from the parser.
//!
//! Nothing is consumed before the whole row was found, so the parser can begin at the same byte.

use memchr::memchr3;

use crate::reader::xml::{REFERENCE, resolved};
use crate::text::forbidden;

/// The number of bytes that the parser looks at before it reads a tag, to recognise `<![CDATA[`. If they are missing
/// because the source fails, it fails in the same row for both.
const LOOKAHEAD: usize = 9;

/// The cells of one row.
#[derive(Default)]
pub(super) struct PlainRow {
    cells: Vec<Place>,
    /// The texts of cells with references, or with line ends that XML normalises.
    decoded: Vec<u8>,
    /// Where the search continues after more bytes were read: after the last whole cell.
    at: usize,
    in_row: bool,
}

/// Where the text of a cell is.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    /// Whether the text is in `decoded` instead of the row.
    is_decoded: bool,
}

/// What bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A row of this many bytes, with the white space before it.
    Row(usize),
    /// Perhaps a row, of which more bytes are needed.
    Part,
    /// Something for the parser.
    Other,
}

impl PlainRow {
    /// Begins the search for a row.
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.decoded.clear();
        self.at = 0;
        self.in_row = false;
    }

    /// Searches for a row with this many cells at the beginning of bytes. After [`Found::Part`], the search
    /// continues with the same bytes and more.
    pub(super) fn find(&mut self, bytes: &[u8], fields: usize) -> Found {
        loop {
            let start = after_space(bytes, self.at);
            let tag = &bytes[start..];
            if tag.len() < LOOKAHEAD {
                return Found::Part;
            }
            let has_room = self.cells.len() < fields;
            if !self.in_row {
                if !tag.starts_with(b"<TR>") {
                    return Found::Other;
                }
                self.in_row = true;
                self.at = start + "<TR>".len();
            } else if has_room && tag.starts_with(b"<TD>") {
                match self.cell(bytes, start + "<TD>".len()) {
                    Ok((place, end)) => {
                        self.cells.push(place);
                        self.at = end;
                    }
                    Err(found) => return found,
                }
            } else if !has_room && tag.starts_with(b"</TR>") {
                return Found::Row(start + "</TR>".len());
            } else if let Some(empty) = [&b"<TD/>"[..], b"<TD />"]
                .into_iter()
                .find(|empty| has_room && tag.starts_with(empty))
            {
                self.cells.push(Place { start, end: start, is_decoded: false });
                self.at = start + empty.len();
            } else {
                return Found::Other;
            }
        }
    }

    /// The texts of the cells of the row that was found, or `None` if one of them is not UTF-8, or has a character that
    /// XML does not allow.
    pub(super) fn texts<'a>(&'a self, row: &'a [u8]) -> Option<impl Iterator<Item = &'a str>> {
        let row = std::str::from_utf8(row).ok().filter(|row| forbidden(row).is_none())?;
        let decoded = std::str::from_utf8(&self.decoded).ok()?;
        Some(self.cells.iter().map(move |place| {
            let text = if place.is_decoded { decoded } else { row };
            // Never `None`: a text ends where an ASCII character or another text begins.
            text.get(place.start..place.end).unwrap_or_default()
        }))
    }

    /// The text of a TD that begins at `start`, and the end of the TD.
    fn cell(&mut self, bytes: &[u8], start: usize) -> Result<(Place, usize), Found> {
        let special = next_special(bytes, start)?;
        let (place, end) = match bytes[special] {
            b'<' => (Place { start, end: special, is_decoded: false }, special),
            _ => self.decode(bytes, start)?,
        };
        match &bytes[end..] {
            tag if tag.starts_with(b"</TD>") => Ok((place, end + "</TD>".len())),
            tag if tag.len() < "</TD>".len() => Err(Found::Part),
            _ => Err(Found::Other),
        }
    }

    /// Resolves references and normalises line ends (XML 1.0, 2.11) from `start` to the next tag. Returns the
    /// place of the text, and of the tag.
    fn decode(&mut self, bytes: &[u8], mut start: usize) -> Result<(Place, usize), Found> {
        // What follows the last whole cell is left over from a search that needed more bytes.
        let begin = self.cells.iter().rfind(|place| place.is_decoded).map_or(0, |place| place.end);
        self.decoded.truncate(begin);
        loop {
            let special = next_special(bytes, start)?;
            self.decoded.extend_from_slice(&bytes[start..special]);
            match &bytes[special..] {
                [b'<', ..] => {
                    let end = self.decoded.len();
                    return Ok((Place { start: begin, end, is_decoded: true }, special));
                }
                [b'\r'] => return Err(Found::Part),
                [b'\r', b'\n', ..] => start = special + 1,
                [b'\r', ..] => {
                    self.decoded.push(b'\n');
                    start = special + 1;
                }
                reference => match resolved(reference) {
                    Some((length, characters)) => {
                        self.decoded.extend_from_slice(characters.as_bytes());
                        start = special + length;
                    }
                    None if reference.len() < REFERENCE => return Err(Found::Part),
                    None => return Err(Found::Other),
                },
            }
        }
    }
}

/// The place of the next tag, reference or carriage return.
fn next_special(bytes: &[u8], start: usize) -> Result<usize, Found> {
    memchr3(b'<', b'&', b'\r', &bytes[start..]).map(|place| start + place).ok_or(Found::Part)
}

/// The place of the first byte from `at` on that is not white space.
fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}
