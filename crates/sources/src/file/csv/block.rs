//! Whole records in memory, and where their values are.

use std::ops::Range;

use taploom_model::Result;

use crate::error::damaged;

/// The place of a value in the text of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: u32,
    /// The end, and [`Self::QUOTED`].
    to: u32,
}

impl Span {
    /// A block is smaller than 2 GiB, so the highest bit of an end is free.
    const QUOTED: u32 = 1 << 31;

    #[inline]
    pub(super) fn new(from: usize, to: usize) -> Self {
        Self { from: from as u32, to: to as u32 }
    }

    pub(super) fn quoted(from: usize, to: usize) -> Self {
        Self { from: from as u32, to: to as u32 | Self::QUOTED }
    }

    #[inline]
    pub(super) fn from(self) -> usize {
        self.from as usize
    }

    #[inline]
    pub(super) fn to(self) -> usize {
        (self.to & !Self::QUOTED) as usize
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.to() - self.from()
    }

    /// Whether the value was quoted, which distinguishes an empty string or array from a null.
    #[inline]
    pub(super) fn is_quoted(self) -> bool {
        self.to & Self::QUOTED != 0
    }
}

/// Records that follow one another in a file, all with the same number of values.
#[derive(Default)]
pub(in crate::file) struct Block {
    /// The text of the records up to `filled`. Bytes after `filled` have no meaning.
    pub(super) text: Vec<u8>,
    pub(super) filled: usize,
    /// The places of the values, record after record and in the order of the text.
    pub(super) spans: Vec<Span>,
    pub(super) records: usize,
    /// Number of values in each record.
    pub(super) width: usize,
}

impl Block {
    /// Number of records.
    pub(in crate::file) fn records(&self) -> usize {
        self.records
    }

    /// Total length of the values of a record, in bytes.
    pub(super) fn bytes(&self, record: usize) -> usize {
        self.spans[record * self.width..][..self.width].iter().map(|span| span.len()).sum()
    }

    /// Number of values in each record.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Estimated memory for a record by itself, in bytes.
    pub(super) fn memory(&self, record: usize) -> usize {
        let text = (self.bytes(record) + 1).next_power_of_two().max(1 << 10);
        text + self.width * (size_of::<usize>() + size_of::<bool>())
    }

    /// Makes nulls of the values that are equal to this word and not quoted.
    pub(super) fn set_nulls(&mut self, word: &[u8]) {
        for span in &mut self.spans {
            if !span.is_quoted() && &self.text[span.from()..span.to()] == word {
                *span = Span::new(span.from(), span.from());
            }
        }
    }

    /// The values of the first record, as names of columns.
    pub(in crate::file) fn names(&self, source: &str) -> Result<Vec<String>> {
        let values = self.values(0..self.records.min(1));
        let names = (0..self.width).flat_map(|index| values.column(index));
        let names = names.map(|name| match name.text {
            Some(name) => Ok(name.to_owned()),
            None => {
                Err(damaged(format!("source {source}: the names of its columns are not UTF-8")))
            }
        });
        names.collect()
    }

    /// The values of some of the records.
    pub(super) fn values(&self, records: Range<usize>) -> Values<'_> {
        let spans = &self.spans[records.start * self.width..records.end * self.width];
        let start = spans.first().map_or(0, |span| span.from());
        let end = spans.last().map_or(start, |span| span.to());
        let bytes = &self.text[start..end];
        // Values begin and end at characters of ASCII, so each of them is UTF-8 if all of the text is.
        let text = match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => Text::Valid(text),
            Err(_) => Text::Mixed(bytes),
        };
        Values { text, start, spans, width: self.width }
    }
}

/// The values of some records.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    text: Text<'a>,
    /// Where `text` begins in the text of the block.
    start: usize,
    spans: &'a [Span],
    width: usize,
}

/// The text of some records.
#[derive(Clone, Copy)]
enum Text<'a> {
    Valid(&'a str),
    /// Text of which some part is not UTF-8; each value has to be checked by itself.
    Mixed(&'a [u8]),
}

impl<'a> Values<'a> {
    /// The values of the first records.
    pub(super) fn first(self, records: usize) -> Self {
        Self { spans: &self.spans[..records * self.width], ..self }
    }

    /// The values of one column.
    pub(super) fn column(&self, index: usize) -> Column<'a> {
        let Self { text, start, spans, width } = *self;
        Column { text, start, spans: spans.get(index..).unwrap_or_default(), width }
    }
}

/// Goes through the values of one column.
#[derive(Clone)]
pub(super) struct Column<'a> {
    text: Text<'a>,
    start: usize,
    /// Begins with the next value.
    spans: &'a [Span],
    width: usize,
}

/// One value in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    /// `None` if it is not UTF-8.
    pub(super) text: Option<&'a str>,
    /// Whether it was quoted, which distinguishes an empty string or array from a null.
    pub(super) is_quoted: bool,
}

impl<'a> Iterator for Column<'a> {
    type Item = Cell<'a>;

    #[inline]
    fn next(&mut self) -> Option<Cell<'a>> {
        let span = *self.spans.first()?;
        self.spans = self.spans.get(self.width..).unwrap_or_default();
        let range = span.from() - self.start..span.to() - self.start;
        let text = match self.text {
            Text::Valid(text) => text.get(range),
            Text::Mixed(bytes) => {
                bytes.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok())
            }
        };
        Some(Cell { text, is_quoted: span.is_quoted() })
    }
}
