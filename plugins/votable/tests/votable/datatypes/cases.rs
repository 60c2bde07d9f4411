//! Columns with the bytes and the text of their cells.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use serde_json::{Value, json};

mod arrays;
mod values;

/// A column of three rows.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) field: Value,
    pub(crate) array: ArrayRef,
    pub(crate) rows: [Row; 3],
    pub(crate) truncated_cells: u64,
}

/// One cell.
pub(crate) struct Row {
    /// Flags and cell, in hexadecimal digits.
    pub(crate) binary2: &'static str,
    /// The cell without flags; `None` if it is the same as in BINARY2.
    pub(crate) binary: Option<&'static str>,
    pub(crate) text: &'static str,
}

/// A cell that BINARY writes like BINARY2, but without flags.
const fn row(binary2: &'static str, text: &'static str) -> Row {
    Row { binary2, binary: None, text }
}

/// A cell that BINARY writes in another way.
const fn row3(binary2: &'static str, binary: &'static str, text: &'static str) -> Row {
    Row { binary2, binary: Some(binary), text }
}

/// The columns, single values first.
pub(crate) fn cases() -> Vec<Case> {
    values::cases().into_iter().chain(arrays::cases()).collect()
}

fn case(name: &'static str, field: Value, array: ArrayRef, rows: [Row; 3]) -> Case {
    Case { name, field, array, rows, truncated_cells: 0 }
}

/// A column in which one cell loses characters.
fn cut(name: &'static str, field: Value, array: ArrayRef, rows: [Row; 3]) -> Case {
    Case { truncated_cells: 1, ..case(name, field, array, rows) }
}

fn of(datatype: &str) -> Value {
    json!({"datatype": datatype})
}

fn array(datatype: &str, arraysize: &str) -> Value {
    json!({"datatype": datatype, "arraysize": arraysize})
}

fn texts(cells: [Option<&str>; 3]) -> ArrayRef {
    Arc::new(StringArray::from(cells.to_vec()))
}
