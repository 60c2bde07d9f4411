//! Arrow's lists and texts, cell by cell.

use std::ops::Range;

use arrow_array::{Array, ListArray, StringArray};

/// Where the elements of a list stand; nowhere for a null.
pub(crate) fn elements_of(lists: &ListArray, index: usize) -> Range<usize> {
    let offsets = lists.offsets();
    offsets[index] as usize..offsets[index + 1] as usize
}

/// A text; a null may have bytes behind it in Arrow, and has none here.
pub(crate) fn text_of(texts: &StringArray, index: usize) -> &str {
    if texts.is_null(index) { "" } else { texts.value(index) }
}
