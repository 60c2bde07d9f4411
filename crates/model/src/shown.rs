//! Formats cells for error messages.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;

/// A cell for an error message. Long cells are cut.
///
/// A timestamp is shown in UTC, whatever its time zone. A timestamp outside of the calendar is shown as a
/// number.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, TimestampNanosecondArray};
/// use taploom_model::shown_cell;
///
/// let seen = TimestampNanosecondArray::from(vec![1]).with_timezone("Europe/Paris");
/// let seen = Arc::new(seen) as ArrayRef;
/// assert_eq!(shown_cell(&seen, 0), "1970-01-01T00:00:00.000000001Z");
/// ```
pub fn shown_cell(array: &ArrayRef, index: usize) -> String {
    const MOST: usize = 100;
    let mut value = text(&array.slice(index, 1)).unwrap_or_else(|| "the value".to_owned());
    if let Some((end, _)) = value.char_indices().nth(MOST) {
        value.truncate(end);
        value.push('…');
    }
    value
}

/// A number of things, as errors name it.
///
/// ```
/// use taploom_model::counted;
///
/// assert_eq!((counted(1, "row"), counted(2, "row")), ("1 row".to_owned(), "2 rows".to_owned()));
/// ```
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The only cell of an array as text.
fn text(cell: &ArrayRef) -> Option<String> {
    let written = |cell: &ArrayRef| {
        // By default, Arrow writes nothing for a null within a list or struct.
        let options = FormatOptions::default().with_display_error(true).with_null("null");
        let value = ArrayFormatter::try_new(cell, &options).ok()?.value(0).to_string();
        // Arrow writes this prefix for a value that it can't format.
        Some(value).filter(|value| !value.starts_with("ERROR"))
    };
    let DataType::Timestamp(unit, zone) = cell.data_type() else { return written(cell) };
    let count = || {
        cast(cell, &DataType::Int64)
            .ok()
            .map(|count| count.as_primitive::<Int64Type>().value(0).to_string())
    };
    // Arrow knows names of zones only with a feature that is not enabled.
    let utc = || written(&cast(cell, &DataType::Timestamp(*unit, Some("+00:00".into()))).ok()?);
    let value = if zone.is_some() { utc() } else { written(cell) };
    value.or_else(count)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{Int32Array, ListArray, StructArray};
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn a_null_within_a_cell_is_not_blank() {
        let members: ArrayRef = Arc::new(Int32Array::from(vec![None, Some(1)]));
        let field = Arc::new(Field::new("x", DataType::Int32, true));
        let structs = Arc::new(StructArray::from(vec![(field, members)])) as ArrayRef;
        assert_eq!(shown_cell(&structs, 0), "{x: null}");
        let list = vec![Some(vec![Some(1), None])];
        let lists = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(list)) as ArrayRef;
        assert_eq!(shown_cell(&lists, 0), "[1, null]");
    }
}
