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
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShortWords<'a> {
    words: Words<'a>,
    lead: Option<u8>,
    /// Null, NaN, infinity and negative infinity, each with the byte before it; cut to eight bytes.
    short: [Word; 4],
    /// Bytes of the longest word but null.
    longest_not_finite: usize,
}

/// Up to eight bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    pub(crate) bytes: u64,
    /// Without the byte before the cell.
    pub(crate) length: u64,
}

impl Words<'_> {
    fn all(&self) -> [&str; 4] {
        [self.null, self.nan, self.infinity, self.negative_infinity]
    }
}

impl<'a> ShortWords<'a> {
    pub(crate) fn new(words: Words<'a>) -> Self {
        let short = words.all().map(|word| {
            let mut bytes = [0; 8];
            for (byte, from) in bytes.iter_mut().zip(word.as_bytes()) {
                *byte = *from;
            }
            Word { bytes: u64::from_le_bytes(bytes), length: word.len() as u64 }
        });
        let [_, nan, infinity, negative_infinity] = words.all().map(str::len);
        let longest_not_finite = nan.max(infinity).max(negative_infinity);
        Self { words, lead: None, short, longest_not_finite }
    }

    /// These words, with a byte before each cell.
    pub(crate) fn with_lead(self, lead: u8) -> Self {
        let short =
            self.short.map(|word| Word { bytes: word.bytes << 8 | u64::from(lead), ..word });
        Self { lead: Some(lead), short, ..self }
    }

    /// Bytes that a cell may need, with one byte before it.
    pub(crate) fn room(&self) -> usize {
        ROOM.max(self.longest_not_finite.max(self.words.null.len()) + 1)
    }

    /// Whether the word for null has at most eight bytes, with the byte before it.
    pub(crate) fn null_fits(&self) -> bool {
        self.lead() + self.words.null.len() <= 8
    }

    /// Whether the other words have at most eight bytes, with the byte before them.
    pub(crate) fn not_finite_fit(&self) -> bool {
        self.lead() + self.longest_not_finite <= 8
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

    /// Appends the text of a value.
    #[inline]
    pub(crate) fn append<N: Number>(&self, value: N, to: &mut Vec<u8>) {
        let mut buffer = N::Buffer::default();
        to.extend_from_slice(value.text(&self.words, &mut buffer).as_bytes());
    }

    /// Writes one cell and returns its end. A value of `None` is a null.
    pub(crate) fn write<N: Number>(
        &self,
        value: Option<N>,
        text: &mut [u8],
        start: usize,
    ) -> usize {
        let mut buffer = N::Buffer::default();
        let cell = value.map_or(self.words.null, |value| value.text(&self.words, &mut buffer));
        let from = start + self.lead();
        if let Some(lead) = self.lead {
            text[start] = lead;
        }
        text[from..from + cell.len()].copy_from_slice(cell.as_bytes());
        from + cell.len()
    }
}
