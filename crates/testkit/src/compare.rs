//! Compares rows cell by cell.

use std::fmt::Debug;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::array_value_to_string;

/// Compares cell for cell, floats by their bits.
///
/// # Errors
/// A sentence that names the first cell that differs.
pub fn check_rows(name: &str, got: &RecordBatch, want: &RecordBatch) -> Result<(), String> {
    same(&format!("{name}: number of rows"), &got.num_rows(), &want.num_rows())?;
    for (index, field) in want.schema_ref().fields().iter().enumerate() {
        let (got, want) = (got.column(index), want.column(index));
        same(
            &format!("{name}: type of column {:?}", field.name()),
            got.data_type(),
            want.data_type(),
        )?;
        if got.to_data() == want.to_data() {
            continue;
        }
        for row in 0..want.len() {
            if got.slice(row, 1).to_data() != want.slice(row, 1).to_data() {
                return Err(format!(
                    "{name}: column {:?}, row {}: read {}, expected {}",
                    field.name(),
                    row + 1,
                    shown(got, row),
                    shown(want, row),
                ));
            }
        }
    }
    Ok(())
}

fn same<T: PartialEq + Debug>(what: &str, got: &T, want: &T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {want:?}")) }
}

/// A cell for a message; long cells are shortened.
fn shown(array: &dyn Array, row: usize) -> String {
    const MOST: usize = 200;
    if array.is_null(row) {
        return "null".to_owned();
    }
    let text = array_value_to_string(array, row).unwrap_or_default();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}
