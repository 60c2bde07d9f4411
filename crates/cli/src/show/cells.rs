//! Formats cells for a terminal.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, downcast_run_array};
use arrow_schema::DataType;
use taploom::shown_cell;

use crate::terminal::{Align, harmless, needs_quotes, rounded, shown_name};

/// Significant digits of a double. An angle in degrees needs seven for arc seconds.
const DOUBLE_DIGITS: usize = 8;
/// Significant digits of a float: its full precision.
const FLOAT_DIGITS: usize = 7;
/// Lists show no further elements after this number of bytes.
const LIST_BYTES: usize = 30;
/// Structs and maps show no further members after this number of bytes.
const MEMBER_BYTES: usize = 100;
/// Maximum number of characters of a text; no table shows more.
const TEXT_CHARACTERS: usize = 200;

/// The cells of a column.
pub(super) struct ShownColumn {
    /// One cell per row.
    pub(super) cells: Vec<String>,
    /// The alignment of the cells.
    pub(super) align: Align,
    /// Number of nulls.
    pub(super) nulls: u64,
}

impl ShownColumn {
    /// Formats the cells of a column in these batches.
    pub(super) fn new(batches: &[RecordBatch], index: usize) -> Self {
        let (mut cells, mut nulls, mut align) = (Vec::new(), 0, Align::Left);
        for batch in batches {
            let array = batch.column(index);
            align = alignment(array.data_type());
            let known = array.logical_nulls();
            for row in 0..array.len() {
                if known.as_ref().is_some_and(|known| known.is_null(row)) {
                    nulls += 1;
                    cells.push("null".to_owned());
                } else {
                    cells.push(cell(array, row));
                }
            }
        }
        Self { cells, align, nulls }
    }
}

fn alignment(data_type: &DataType) -> Align {
    match data_type {
        DataType::Dictionary(_, values) => alignment(values),
        DataType::RunEndEncoded(_, values) => alignment(values.data_type()),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Align::Point,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Align::Point,
        data_type if data_type.is_integer() => Align::Right,
        DataType::Boolean => Align::Right,
        _ => Align::Left,
    }
}

/// Formats a cell that is not null.
fn cell(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Float64 => rounded(array.as_primitive::<Float64Type>().value(row), DOUBLE_DIGITS),
        DataType::Float32 => {
            rounded(array.as_primitive::<Float32Type>().value(row).into(), FLOAT_DIGITS)
        }
        DataType::Utf8 => text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => text(array.as_string_view().value(row)),
        DataType::List(_) => list(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row)),
        DataType::ListView(_) => list(&array.as_list_view::<i32>().value(row)),
        DataType::LargeListView(_) => list(&array.as_list_view::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row)),
        DataType::Struct(_) => {
            let members = array.as_struct();
            let names = members.column_names().into_iter().map(shown_name);
            let members = names.zip(members.columns());
            let shown = members.map(|(name, values)| format!("{name}: {}", element(values, row)));
            bracketed(["{", "}"], MEMBER_BYTES, shown)
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let shown = (0..entries.len())
                .map(|entry| format!("{}: {}", element(keys, entry), element(values, entry)));
            bracketed(["{", "}"], MEMBER_BYTES, shown)
        }
        DataType::RunEndEncoded(..) => downcast_run_array!(
            array => cell(array.values(), array.get_physical_index(row)),
            _ => other(array, row)
        ),
        DataType::Dictionary(..) => {
            let array = array.slice(row, 1);
            let dictionary = array.as_any_dictionary();
            match dictionary.normalized_keys().first() {
                Some(key) if *key < dictionary.values().len() => cell(dictionary.values(), *key),
                _ => other(&array, 0),
            }
        }
        _ => other(array, row),
    }
}

/// A cell of another type. Of these, only binary can be empty.
fn other(array: &ArrayRef, row: usize) -> String {
    let shown = harmless(&shown_cell(array, row));
    if shown.is_empty() { "\"\"".to_owned() } else { shown }
}

/// A text, quoted if it could be mistaken for something else.
fn text(value: &str) -> String {
    let end = value.char_indices().nth(TEXT_CHARACTERS).map_or(value.len(), |(end, _)| end);
    let shown = harmless(&value[..end]);
    let dots = if end < value.len() { "…" } else { "" };
    match value == "null" || needs_quotes(value) {
        true => format!("\"{shown}{dots}\""),
        false => format!("{shown}{dots}"),
    }
}

/// The first elements of a list.
fn list(values: &ArrayRef) -> String {
    bracketed(["[", "]"], LIST_BYTES, (0..values.len()).map(|row| element(values, row)))
}

/// A cell within another cell, which may be null.
fn element(values: &ArrayRef, row: usize) -> String {
    let one = values.slice(row, 1);
    if one.logical_null_count() > 0 { "null".to_owned() } else { cell(&one, 0) }
}

/// Elements between brackets. None follows after this number of bytes.
fn bracketed(
    [open, close]: [&str; 2],
    bytes: usize,
    elements: impl Iterator<Item = String>,
) -> String {
    let mut shown = open.to_owned();
    for (index, element) in elements.enumerate() {
        if index > 0 {
            shown.push_str(", ");
        }
        if shown.len() > bytes {
            shown.push('…');
            break;
        }
        shown.push_str(&element);
    }
    shown.push_str(close);
    shown
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        BinaryArray, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array, Int32Array,
        ListArray, RunArray, StringArray, StructArray, TimestampMicrosecondArray,
    };
    use arrow_schema::Field;

    use super::*;

    fn shown(array: impl Array + 'static) -> (Vec<String>, u64) {
        let array: ArrayRef = Arc::new(array);
        let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
        let column = ShownColumn::new(&[batch], 0);
        (column.cells, column.nulls)
    }

    #[test]
    fn nulls_are_not_texts() {
        let texts =
            StringArray::from(vec![None, Some(""), Some("null"), Some(" a"), Some("b\u{1b}")]);
        let (cells, nulls) = shown(texts);
        assert_eq!(cells, ["null", "\"\"", "\"null\"", "\" a\"", "b\u{fffd}"]);
        assert_eq!(nulls, 1);
    }

    #[test]
    fn a_null_value_of_a_dictionary_is_a_null() {
        let keys = Int32Array::from(vec![Some(0), Some(1), None]);
        let values = StringArray::from(vec![Some("a"), None]);
        let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values)).unwrap();
        assert_eq!(shown(dictionary), (vec!["a".into(), "null".into(), "null".into()], 2));
    }

    #[test]
    fn lists_are_cut_and_numbers_rounded() {
        let long = (0..1000).map(Some).collect::<Vec<_>>();
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(long),
            Some(vec![Some(1), None]),
            Some(vec![]),
        ]);
        let (cells, _) = shown(lists);
        assert_eq!(cells, ["[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …]", "[1, null]", "[]"]);
        let pairs = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(
            vec![Some(vec![Some(1.0 / 3.0), Some(2.0)])],
            2,
        );
        assert_eq!(shown(pairs).0, ["[0.33333333, 2]"]);
        assert_eq!(shown(Float32Array::from(vec![0.45, -1e-9])).0, ["0.45", "-1e-9"]);
    }

    #[test]
    fn nulls_and_texts_within_a_cell_look_as_they_do_in_a_column() {
        let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![None, Some(0.1 + 0.2)]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(""), Some("a\u{1b}")]));
        let inner = StructArray::from(vec![(field("x", DataType::Float64), numbers)]);
        let (inner_type, inner) = (inner.data_type().clone(), Arc::new(inner) as ArrayRef);
        let outer = StructArray::from(vec![
            (field("s", inner_type), inner),
            (field("", DataType::Utf8), texts),
        ]);
        let expected = ["{s: {x: null}, \"\": \"\"}", "{s: {x: 0.3}, \"\": a\u{fffd}}"];
        assert_eq!(shown(outer).0, expected);

        let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        map.keys().append_value("a");
        map.values().append_null();
        map.append(true).unwrap();
        assert_eq!(shown(map.finish()).0, ["{a: null}"]);
        let bytes = BinaryArray::from(vec![Some(&b""[..]), Some(&b"ab"[..]), None]);
        assert_eq!(shown(bytes).0, ["\"\"", "6162", "null"]);

        let runs = StringArray::from(vec![Some("null"), None]);
        let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1, 3]), &runs).unwrap();
        let (cells, nulls) = shown(runs);
        assert_eq!(
            (cells.as_slice(), nulls),
            (&["\"null\"", "null", "null"].map(String::from)[..], 2)
        );
    }

    #[test]
    fn times_are_in_utc() {
        let times = TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/Paris");
        assert_eq!(shown(times).0, ["1970-01-01T00:00:00Z"]);
    }
}
