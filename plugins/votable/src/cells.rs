//! Arrow's lists and texts, cell by cell.

use std::ops::Range;

use arrow_array::{Array, ListArray, StringArray};

/// The range of the elements of a list; empty for null.
pub(crate) fn elements_of(lists: &ListArray, index: usize) -> Range<usize> {
    let offsets = lists.offsets();
    offsets[index] as usize..offsets[index + 1] as usize
}

/// A text; empty for null, although Arrow may have bytes there.
pub(crate) fn text_of(texts: &StringArray, index: usize) -> &str {
    if texts.is_null(index) { "" } else { texts.value(index) }
}
