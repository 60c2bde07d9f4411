//! The values of a column.

use crate::number::Number;

/// Values of a column, some of which may be null.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a, N> {
    values: &'a [N],
    validity: Option<Validity<'a>>,
}

/// Which values are valid: a bitmap as in Arrow. Bit `offset + i`, counted from the lowest bit of the first byte, is
/// set if value `i` is valid, and clear if it is null.
#[derive(Debug, Clone, Copy)]
pub struct Validity<'a> {
    /// The bitmap.
    pub bits: &'a [u8],
    /// Position of the first value's bit.
    pub offset: usize,
}

impl<'a, N: Number> Values<'a, N> {
    /// Values without nulls.
    pub fn new(values: &'a [N]) -> Self {
        Self { values, validity: None }
    }

    /// Sets which values are valid. Values that the bitmap is too short for are null.
    ///
    /// ```
    /// use taploom_decimals::{Decimals, Validity, Values, Words};
    ///
    /// let words = Words { null: "-", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };
    /// let values = Values::new(&[1, 2, 3]).with_validity(Validity { bits: &[0b1010], offset: 1 });
    /// let (mut text, mut ends) = (Vec::new(), Vec::new());
    /// Decimals::new(words).append(values, &mut text, &mut ends);
    /// assert_eq!(text, b"1-3");
    /// ```
    #[must_use]
    pub fn with_validity(mut self, validity: Validity<'a>) -> Self {
        self.validity = Some(validity);
        self
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The first values, or all if there are fewer.
    pub(crate) fn first(mut self, count: usize) -> Self {
        self.values = &self.values[..count.min(self.values.len())];
        self
    }

    /// Parts of this number of values.
    pub(crate) fn blocks(self, size: usize) -> impl Iterator<Item = Self> {
        let blocks = self.values.chunks(size).enumerate();
        blocks.map(move |(block, values)| Self {
            values,
            validity: self.validity.map(|validity| validity.from(block * size)),
        })
    }

    pub(crate) fn values(self) -> &'a [N] {
        self.values
    }

    pub(crate) fn validity(self) -> Option<Validity<'a>> {
        self.validity
    }

    /// The values with `None` for each null.
    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = Option<N>> {
        let values = self.values.iter().enumerate();
        values.map(move |(at, value)| match self.validity {
            Some(validity) if !validity.is_valid(at) => None,
            _ => Some(*value),
        })
    }
}

impl Validity<'_> {
    /// The bitmap from this value on.
    fn from(self, at: usize) -> Self {
        Self { offset: self.offset + at, ..self }
    }

    /// The bits of eight values, that of the first one lowest.
    #[inline]
    pub(crate) fn eight(self, at: usize) -> u8 {
        let bit = self.offset + at;
        let byte = |at: usize| self.bits.get(at).copied().unwrap_or(0);
        (u16::from_le_bytes([byte(bit / 8), byte(bit / 8 + 1)]) >> (bit % 8)) as u8
    }

    fn is_valid(&self, at: usize) -> bool {
        let bit = self.offset + at;
        self.bits.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }
}
