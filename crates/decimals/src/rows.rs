//! Rows of text that are written column by column.

use crate::cells::Cells;

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

impl Rows {
    /// Starts this number of empty rows; the rows before are dropped.
    pub fn start(&mut self, rows: usize) {
        self.ends.clear();
        self.ends.extend((0..rows).map(|row| row * self.stride));
        self.longest = 0;
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

    /// Appends a text to one row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn append(&mut self, row: usize, text: &[u8]) {
        self.reserve(text.len());
        let end = self.ends[row] + text.len();
        self.text[self.ends[row]..end].copy_from_slice(text);
        self.ends[row] = end;
        self.longest = self.longest.max(end - row * self.stride);
    }

    /// Appends a text to each of the first rows.
    pub(crate) fn append_to_each(&mut self, rows: usize, text: &[u8]) {
        let mut chunk = [0; 32];
        self.reserve(text.len().max(chunk.len()));
        self.longest += text.len();
        let ends = &mut self.ends[..rows];
        let Some(start) = chunk.get_mut(..text.len()) else {
            for end in ends {
                self.text[*end..*end + text.len()].copy_from_slice(text);
                *end += text.len();
            }
            return;
        };
        start.copy_from_slice(text);
        // A copy of a constant length takes a few instructions. What is behind the text will be overwritten.
        for end in ends {
            self.text[*end..*end + 32].copy_from_slice(&chunk);
            *end += text.len();
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
        // Rows a multiple of 4 KiB apart would share a few sets of the first-level cache.
        let stride = (bytes + bytes / 4).next_multiple_of(128) + 64;
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
