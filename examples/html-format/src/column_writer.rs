//! Writes one column as HTML. The strategy is chosen once, at the start.

use std::ops::Range;

use taploom_format::arrow_array::ArrayRef;
use taploom_format::arrow_array::cast::AsArray;
use taploom_format::{CellLosses, Column, Result};
use taploom_text::{Cells, ColumnText, Elements, WORDS, append_json_strings, elements_of};

use crate::escape::{append_json, append_text};

/// A text without characters, which differs from a null.
const EMPTY_TEXT: &[u8] = b"<span></span>";

// ANCHOR: column
/// The strategy for the cells of one column. A null is an empty cell.
pub(crate) enum ColumnWriter {
    Value(Elements<'static>),
    Text,
    Array(Elements<'static>),
    Texts,
}

impl ColumnWriter {
    pub(crate) fn new(column: &Column) -> Result<Self> {
        let vo_type = column.vo_type()?;
        let element = vo_type.datatype.element();
        Ok(match (vo_type.is_list(), vo_type.datatype.is_text()) {
            (false, true) => Self::Text,
            (true, true) => Self::Texts,
            (false, false) => Self::Value(Elements::new(&element, &WORDS, "", "")?),
            (true, false) => Self::Array(Elements::new(&element, &WORDS, ", ", "null")?),
        })
    }
}

impl ColumnText for ColumnWriter {
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses> {
        let mut losses = CellLosses::default();
        match self {
            Self::Value(values) => values.append_cells(array, rows, to),
            Self::Text => {
                let texts = array.as_string::<i32>();
                to.extend(array, rows, "", |row, html| match texts.value(row) {
                    "" => html.extend_from_slice(EMPTY_TEXT),
                    text => losses.altered += u64::from(append_text(text, html)),
                });
            }
            Self::Array(elements) => {
                let lists = array.as_list::<i32>();
                to.extend(array, rows, "", |row, html| {
                    html.push(b'[');
                    elements.append_range(lists.values(), elements_of(lists, row), html);
                    html.push(b']');
                });
            }
            Self::Texts => {
                let lists = array.as_list::<i32>();
                let texts = lists.values().as_string::<i32>();
                let mut json = Vec::new();
                to.extend(array, rows, "", |row, html| {
                    json.clear();
                    append_json_strings(texts, elements_of(lists, row), &mut json);
                    append_json(&String::from_utf8_lossy(&json), html);
                });
            }
        }
        Ok(losses)
    }
}
// ANCHOR_END: column
