//! Rows of text that are written column by column.

use crate::cells::Cells;

/// Bytes that a short text is moved with: a move of constant size needs no call.
const MOVED: usize = 32;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Rows of text that grow side by side: each column appends its cell to every row.
///
/// Every row has its own part of one buffer, so that a cell is written once, in its place. If a row outgrows its part,
/// all rows are moved apart. The memory is kept for the next rows.
#[derive(Debug, Default)]
pub struct Rows {
    text: Vec<u8>,
    /// Bytes from the start of one row to the start of the next.
    stride: usize,
    /// The offset in `text` where each row ends.
    ends: Vec<usize>,
    /// An upper bound of the length of the longest row.
    longest: usize,
}

/// A cell for [`Rows::append_all`].
#[derive(Debug, Clone, Copy)]
pub struct Cell<'t> {
    /// Bytes that begin with the text. Short texts are copied fastest if there are at least 32 bytes in all.
    pub bytes: &'t [u8],
    /// Length of the text. A length beyond the bytes stands for all of them.
    pub length: usize,
    /// Whether the text stands between quotes.
    pub is_quoted: bool,
}

impl<'t> Cell<'t> {
    /// A cell without quotes. A short text is copied into the buffer, so that it is followed by enough bytes.
    pub fn padded(text: &'t [u8], buffer: &'t mut [u8; MOVED]) -> Self {
        let bytes = match buffer.get_mut(..text.len()) {
            Some(beginning) => {
                beginning.copy_from_slice(text);
                buffer
            }
            None => text,
        };
        Self { bytes, length: text.len(), is_quoted: false }
    }
}

impl Rows {
    /// Starts this number of empty rows of about `width` bytes each; the rows before are dropped.
    pub fn start(&mut self, rows: usize, width: usize) {
        // All memory is used that is there: widths are underestimated alike in all rows of a table.
        let room = self.text.len() / rows.max(1);
        self.stride = stride(width).max(stride_within(room.min(4 * width)));
        self.longest = 0;
        self.ends.clear();
        self.ends.extend((0..rows).map(|row| row * self.stride));
        let bytes = rows * self.stride;
        if self.text.len() < bytes {
            self.text.resize(bytes, 0);
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of each row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.iter().enumerate().map(|(row, end)| &self.text[row * self.stride..*end])
    }

    /// The text of the last row.
    pub fn last(&self) -> Option<&[u8]> {
        let end = *self.ends.last()?;
        self.text.get((self.ends.len() - 1) * self.stride..end)
    }

    /// Appends a text to one row.
    ///
    /// # Panics
    /// If `row` is not less than [`len`](Self::len).
    pub fn append(&mut self, row: usize, text: &[u8]) {
        self.reserve(text.len());
        let end = self.ends[row] + text.len();
        self.text[self.ends[row]..end].copy_from_slice(text);
        self.ends[row] = end;
        self.longest = self.longest.max(end - row * self.stride);
    }

    /// Appends `before` and a cell to every row. The cell may stand between two `quotes`.
    ///
    /// ```
    /// use taploom_decimals::{Cell, Rows};
    ///
    /// let mut rows = Rows::default();
    /// rows.start(2, 8);
    /// rows.append_all(b",", b"'", |row| match row {
    ///     0 => Cell { bytes: b"yes and no", length: 3, is_quoted: true },
    ///     _ => Cell { bytes: b"null", length: 4, is_quoted: false },
    /// });
    /// assert_eq!(rows.iter().collect::<Vec<_>>(), [&b",'yes'"[..], b",null"]);
    /// ```
    pub fn append_all<'t>(
        &mut self,
        before: &[u8],
        quotes: &[u8],
        cell_of: impl Fn(usize) -> Cell<'t>,
    ) {
        let longest = (0..self.len()).map(|row| cell_of(row).length).max().unwrap_or(0);
        let most = before.len() + longest + 2 * quotes.len();
        self.reserve(most + MOVED);
        self.longest += most;
        let [mut buffer_of_before, mut buffer_of_quotes] = [[0; MOVED]; 2];
        let before = Cell::padded(before, &mut buffer_of_before);
        let quotes = Cell::padded(quotes, &mut buffer_of_quotes);
        let Self { text, ends, .. } = self;
        for (row, end) in ends.iter_mut().enumerate() {
            let cell = cell_of(row);
            let mut at = put(before, text, *end);
            if cell.is_quoted {
                at = put(quotes, text, at);
            }
            at = put(cell, text, at);
            if cell.is_quoted {
                at = put(quotes, text, at);
            }
            *end = at;
        }
    }

    /// Appends a text to each of the first rows.
    pub(crate) fn append_to_each(&mut self, rows: usize, text: &[u8]) {
        self.reserve(text.len() + MOVED);
        self.longest += text.len();
        let mut buffer = [0; MOVED];
        let cell = Cell::padded(text, &mut buffer);
        for end in &mut self.ends[..rows] {
            *end = put(cell, &mut self.text, *end);
        }
    }

    /// The ends of the first rows, with this room after each, for a kernel.
    pub(crate) fn cells(&mut self, rows: usize, room: usize) -> Cells<'_> {
        self.reserve(room);
        self.longest += room;
        Cells { text: &mut self.text, ends: &mut self.ends[..rows], rows: true, start: 0 }
    }

    /// Makes room for this number of bytes after the end of every row.
    pub fn reserve(&mut self, bytes: usize) {
        if self.longest + bytes <= self.stride {
            return;
        }
        // The bound may be far above the true length.
        let lengths = self.ends.iter().enumerate().map(|(row, end)| end - row * self.stride);
        self.longest = lengths.max().unwrap_or(0);
        if self.longest + bytes > self.stride {
            self.move_apart(self.longest + bytes);
        }
    }

    /// Gives each row at least this number of bytes.
    fn move_apart(&mut self, bytes: usize) {
        let stride = stride(bytes + bytes / 4);
        let mut text = vec![0; stride * self.ends.len()];
        for (row, end) in self.ends.iter_mut().enumerate() {
            let old = &self.text[row * self.stride..*end];
            *end = row * stride + old.len();
            text[row * stride..*end].copy_from_slice(old);
        }
        (self.text, self.stride) = (text, stride);
    }

    /// Heap held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

/// The distance of rows that have this number of bytes. Rows a multiple of 4 KiB apart would share a few sets of the
/// first-level cache.
fn stride(bytes: usize) -> usize {
    bytes.next_multiple_of(2 * LINE) + LINE
}

/// The largest distance of rows within this number of bytes.
fn stride_within(bytes: usize) -> usize {
    (bytes / (2 * LINE) * 2 * LINE).saturating_sub(LINE)
}

/// Writes a text at an offset; returns its end.
#[inline]
fn put(cell: Cell<'_>, to: &mut [u8], at: usize) -> usize {
    let length = cell.length.min(cell.bytes.len());
    let room = to.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<MOVED>);
    match (room, cell.bytes.first_chunk::<MOVED>()) {
        (Some(room), Some(bytes)) if length <= MOVED => *room = *bytes,
        _ => to[at..at + length].copy_from_slice(&cell.bytes[..length]),
    }
    at + length
}
