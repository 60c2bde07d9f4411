//! Where a kernel writes to.

/// Bytes that a kernel may write after the start of a value, if no word is longer: it stores 32 bytes for each value
/// whatever its length, and an exponent of 8 bytes after its digits.
pub(crate) const ROOM: usize = 40;

/// The place for a column of text.
pub(crate) struct Cells<'a> {
    /// Has room for a text after the start of each.
    pub(crate) text: &'a mut [u8],
    /// For each value the end of its text. In rows, the text before it ends here when a kernel begins.
    pub(crate) ends: &'a mut [usize],
    /// The start of the first text. Not used in rows.
    pub(crate) start: usize,
}
