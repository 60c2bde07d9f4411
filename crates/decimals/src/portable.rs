//! One value at a time, on any processor.

use crate::cells::Cells;
use crate::number::Number;
use crate::values::Values;
use crate::words::ShortWords;

/// Writes the text of each value; returns the end of the last one.
pub(crate) fn write<N: Number>(
    values: Values<'_, N>,
    words: &ShortWords<'_>,
    cells: Cells<'_>,
) -> usize {
    let Cells { text, ends, rows, mut start } = cells;
    for (value, end) in values.iter().zip(ends) {
        if rows {
            start = *end;
        }
        start = words.write(value, text, start);
        *end = start;
    }
    start
}
