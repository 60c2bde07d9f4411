//! Elements that are read from the buffered bytes, without the parser.

use std::io::Read;

use super::tag::ELEMENT;
use super::{DEPTH, Xml};

impl<R: Read> Xml<R> {
    /// Whether the parser would accept a TR with this many TDs here, if their tags have no prefixes and no
    /// attributes. Then the caller may read the row from the bytes [`ahead`](Self::ahead) instead.
    pub(in crate::reader) fn takes_row(&self, cells: usize) -> bool {
        // The longest of these tags is `<TD />`.
        let cost = (cells + 1).saturating_mul(ELEMENT + "TD ".len());
        !self.closes
            && !self.in_cdata
            && self.prefix.is_none()
            && self.depth + 1 < DEPTH
            && self.left >= cost
    }

    /// The bytes that follow, as far as they were read from the source.
    pub(in crate::reader) fn ahead(&self) -> &[u8] {
        self.reader.get_ref().buffered()
    }

    /// Reads more bytes ahead. Returns `false` if the source has ended or fails, which the parser reports.
    pub(in crate::reader) fn read_ahead(&mut self) -> bool {
        self.input().read_ahead()
    }

    /// Passes bytes that were read ahead: whole elements, and white space.
    pub(in crate::reader) fn pass(&mut self, bytes: usize) {
        self.input().take(bytes);
    }
}
