//! The text of cells that have no digits.

use crate::cells::ROOM;
use crate::number::Number;

/// The text of cells that have no digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// A null.
    pub null: &'a str,
    /// Not a number.
    pub nan: &'a str,
    /// Positive infinity.
    pub infinity: &'a str,
    /// Negative infinity.
    pub negative_infinity: &'a str,
}

/// Words, and a byte before each cell, in the form that the kernels need.
pub(crate) struct ShortWords<'a> {
    words: &'a Words<'a>,
    lead: Option<u8>,
    /// Null, NaN, infinity and negative infinity, each with the byte before it; only if they fit.
    short: [Word; 4],
    fit: bool,
}

/// Up to eight bytes.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) bytes: u64,
    /// Without the byte before the cell.
    pub(crate) length: u64,
}

impl Words<'_> {
    fn all(&self) -> [&str; 4] {
        [self.null, self.nan, self.infinity, self.negative_infinity]
    }

    /// Bytes that a cell may need, with one byte before it.
    pub(crate) fn room(&self) -> usize {
        self.all().iter().map(|word| word.len() + 1).fold(ROOM, usize::max)
    }
}

impl<'a> ShortWords<'a> {
    pub(crate) fn new(words: &'a Words<'a>, lead: Option<u8>) -> Self {
        let before = usize::from(lead.is_some());
        let fit = words.all().iter().all(|word| before + word.len() <= 8);
        let short = words.all().map(|word| {
            let mut bytes = [0; 8];
            for (byte, from) in bytes.iter_mut().zip(lead.iter().chain(word.as_bytes())) {
                *byte = *from;
            }
            Word { bytes: u64::from_le_bytes(bytes), length: word.len() as u64 }
        });
        Self { words, lead, short, fit }
    }

    /// Whether all words have at most eight bytes, with the byte before them.
    pub(crate) fn fit(&self) -> bool {
        self.fit
    }

    /// Null, NaN, infinity and negative infinity.
    pub(crate) fn words(&self) -> [Word; 4] {
        self.short
    }

    /// Number of bytes before each cell: 0 or 1.
    pub(crate) fn lead(&self) -> usize {
        usize::from(self.lead.is_some())
    }

    pub(crate) fn lead_byte(&self) -> u8 {
        self.lead.unwrap_or(0)
    }

    /// Writes one cell, null if there is no value; returns its end.
    pub(crate) fn write<N: Number>(
        &self,
        value: Option<N>,
        text: &mut [u8],
        start: usize,
    ) -> usize {
        let mut buffer = N::Buffer::default();
        let cell = value.map_or(self.words.null, |value| value.text(self.words, &mut buffer));
        let from = start + self.lead();
        if let Some(lead) = self.lead {
            text[start] = lead;
        }
        text[from..from + cell.len()].copy_from_slice(cell.as_bytes());
        from + cell.len()
    }
}
