//! Parses the rows of the text protocol, "ProtocolText::ResultsetRow" in MySQL's documentation.

/// Iterates over the cells of a row, which borrow from its packet.
pub(super) struct RowCells<'a> {
    rest: &'a [u8],
}

/// The first byte of a cell that is null.
const NULL: u8 = 0xfb;

impl<'a> RowCells<'a> {
    pub(super) fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }

    /// The next cell, or `Some(None)` for a null. `None` if the packet ends before the cell does.
    #[inline]
    pub(super) fn cell(&mut self) -> Option<Option<&'a [u8]>> {
        // The first byte is the length, or announces a longer length, or marks a null.
        let (first, rest) = self.rest.split_first()?;
        let length = if *first < NULL {
            self.rest = rest;
            usize::from(*first)
        } else if *first == NULL {
            self.rest = rest;
            return Some(None);
        } else {
            self.length()?
        };
        let (cell, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(cell))
    }

    /// The next number in the format that the documentation calls "length-encoded integer".
    pub(super) fn length(&mut self) -> Option<usize> {
        let (first, rest) = self.rest.split_first()?;
        let bytes = match first {
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            _ if *first < NULL => {
                self.rest = rest;
                return Some(usize::from(*first));
            }
            _ => return None,
        };
        let (number, rest) = rest.split_at_checked(bytes)?;
        self.rest = rest;
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(number);
        usize::try_from(u64::from_le_bytes(wide)).ok()
    }

    /// Number of bytes that were not read.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_every_length() {
        let long = vec![b'x'; 70_000];
        let mut packet = vec![0xfb, 0, 2, b'a', b'b', 0xfc, 0xfb, 0];
        packet.extend_from_slice(&long[..251]);
        packet.extend_from_slice(&[0xfd, 0x70, 0x11, 1]);
        packet.extend_from_slice(&long);
        packet.extend_from_slice(&[0xfe, 1, 0, 0, 0, 0, 0, 0, 0, b'y']);
        let mut cells = RowCells::new(&packet);
        for expected in
            [None, Some(&b""[..]), Some(b"ab"), Some(&long[..251]), Some(&long), Some(b"y")]
        {
            assert!(cells.left() > 0);
            assert_eq!(cells.cell(), Some(expected));
        }
        assert_eq!(cells.left(), 0);
        assert_eq!(cells.cell(), None);
    }

    #[test]
    fn a_row_that_is_cut_short_has_no_cell_there() {
        for packet in [&[3, b'a', b'b'][..], &[0xfc, 1], &[0xfd], &[0xfe; 9], &[0xff]] {
            assert_eq!(RowCells::new(packet).cell(), None, "{packet:?}");
        }
    }
}
