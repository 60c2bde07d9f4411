//! One value at a time, on any processor.

use crate::number::Number;
use crate::rows::Rows;
use crate::values::Values;
use crate::words::Words;

pub(crate) fn append<N: Number>(
    values: Values<'_, N>,
    words: &Words<'_>,
    text: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) {
    ends.reserve(values.len());
    for value in values.iter() {
        let mut buffer = N::Buffer::default();
        let cell = value.map_or(words.null, |value| value.text(words, &mut buffer));
        text.extend_from_slice(cell.as_bytes());
        ends.push(text.len());
    }
}

#[inline]
pub(crate) fn append_one<N: Number>(value: N, words: &Words<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(value.text(words, &mut N::Buffer::default()).as_bytes());
}

pub(crate) fn append_to_rows<N: Number>(
    values: Values<'_, N>,
    words: &Words<'_>,
    before: &[u8],
    rows: &mut Rows,
) {
    for (row, value) in (0..rows.len()).zip(values.iter()) {
        let mut buffer = N::Buffer::default();
        let cell = value.map_or(words.null, |value| value.text(words, &mut buffer));
        rows.append(row, before);
        rows.append(row, cell.as_bytes());
    }
}
