//! Values that are changed.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::{Fault, Planted, planted};
use crate::cells::Cell;

const TABLES: &str = "every_table_reads_back";

pub(super) const FAULTS: &[Planted] = &[
    planted(
        Fault::TextsCutAt65535,
        "cuts texts at 65,535 bytes",
        "texts_beyond_65_535_bytes_read_back",
        "texts beyond",
    ),
    planted(
        Fault::ListCountsOf16Bits,
        "counts the elements of a list in 16 bits",
        "lists_beyond_65_535_elements_read_back",
        "long lists",
    ),
    planted(Fault::EmptyTextIsNull, "writes an empty text as null", TABLES, "read null"),
    planted(Fault::NullTextIsEmpty, "writes a null text as an empty one", TABLES, "expected null"),
    planted(Fault::NanIsNull, "writes NaN as null", TABLES, "read null"),
    planted(Fault::NullIsNan, "writes a null double as NaN", TABLES, "expected null"),
    planted(Fault::MinusZeroIsZero, "loses the sign of -0.0", TABLES, "-0.0"),
    planted(Fault::InfinityIsLargest, "writes infinity as the largest double", TABLES, "inf"),
    planted(
        Fault::SmallestLongIsClipped,
        "writes the smallest long as the one after it",
        TABLES,
        "-9223372036854775808",
    ),
    planted(
        Fault::NulEndsText,
        "ends texts at a NUL, and counts none",
        "cells_that_were_altered_are_counted",
        "unicode",
    ),
    planted(Fault::QuotesLost, "takes a pair of quotes for one", TABLES, "twice"),
    planted(Fault::LineBreaksAreSpaces, "writes line breaks as spaces", TABLES, "\\n"),
    planted(
        Fault::BeyondBmpReplaced,
        "replaces characters beyond U+FFFF, and counts none",
        TABLES,
        "😀",
    ),
    planted(Fault::TextTrimmed, "trims texts", TABLES, "leading and trailing"),
    planted(Fault::NullListIsEmpty, "writes a null list as an empty one", TABLES, "expected null"),
    planted(Fault::EmptyListIsNull, "writes an empty list as null", TABLES, "read null"),
    planted(
        Fault::ValuesBeneathNulls,
        "takes a value beneath a null for a value",
        "values_beneath_nulls_are_not_written",
        "beneath",
    ),
    planted(
        Fault::NullElementsLost,
        "leaves out elements that are null",
        "null_elements_read_back_or_are_named",
        "elements that are null",
    ),
    planted(Fault::FloatsOfSixDigits, "writes floats with six digits", TABLES, "float"),
    planted(Fault::LongsAsDoubles, "writes longs by way of doubles", TABLES, "long"),
    planted(
        Fault::BooleansInverted,
        "writes true as false",
        "fields_that_are_not_nullable_read_back",
        "flag",
    ),
];

/// Writes a cell in the way of the fault, if the fault concerns the cell.
pub(crate) fn instead(cell: &mut Cell<'_>, array: &ArrayRef, row: usize) -> bool {
    let is_double = array.data_type() == &DataType::Float64;
    if cell.fault != Fault::NullIsNan || !is_double || array.is_valid(row) || !cell.column.nullable
    {
        return false;
    }
    cell.bytes.push(1);
    cell.bytes.extend_from_slice(&f64::NAN.to_le_bytes());
    true
}

/// Whether a cell is written as null.
pub(crate) fn is_null(cell: &Cell<'_>, array: &ArrayRef, row: usize, is_null: bool) -> bool {
    let is_text = array.data_type() == &DataType::Utf8;
    let is_list = matches!(array.data_type(), DataType::List(_));
    let is_double = array.data_type() == &DataType::Float64;
    match cell.fault {
        Fault::EmptyTextIsNull if is_text && !is_null => {
            array.as_string::<i32>().value(row).is_empty()
        }
        Fault::EmptyListIsNull if is_list && !is_null => {
            array.as_list::<i32>().value_length(row) == 0
        }
        Fault::NanIsNull if is_double && !is_null => {
            array.as_primitive::<Float64Type>().value(row).is_nan()
        }
        // These nulls have no values in the buffers.
        Fault::NullTextIsEmpty if is_text => false,
        Fault::NullListIsEmpty if is_list => false,
        Fault::ValuesBeneathNulls if is_double && is_null => {
            array.as_primitive::<Float64Type>().values()[row] == 0.0
        }
        _ => is_null,
    }
}

pub(crate) fn flag(fault: Fault, flag: bool) -> bool {
    flag != (fault == Fault::BooleansInverted)
}

pub(crate) fn same<T>(_: Fault, value: T) -> T {
    value
}

pub(crate) fn long(fault: Fault, value: i64) -> i64 {
    match fault {
        Fault::SmallestLongIsClipped => value.max(-i64::MAX),
        Fault::LongsAsDoubles => value as f64 as i64,
        _ => value,
    }
}

pub(crate) fn float(fault: Fault, value: f32) -> f32 {
    match fault {
        Fault::FloatsOfSixDigits if value.is_finite() => {
            format!("{value:.5e}").parse().unwrap_or(value)
        }
        _ => value,
    }
}

pub(crate) fn double(fault: Fault, value: f64) -> f64 {
    match fault {
        Fault::MinusZeroIsZero if value == 0.0 => 0.0,
        Fault::InfinityIsLargest => value.clamp(f64::MIN, f64::MAX),
        _ => value,
    }
}

pub(crate) fn text(fault: Fault, text: &str) -> Cow<'_, str> {
    match fault {
        Fault::NulEndsText => Cow::Borrowed(text.split('\0').next().unwrap_or_default()),
        Fault::QuotesLost => Cow::Owned(text.replace("\"\"", "\"")),
        Fault::LineBreaksAreSpaces => Cow::Owned(text.replace('\n', " ")),
        Fault::BeyondBmpReplaced => {
            Cow::Owned(text.chars().map(|c| if c > '\u{ffff}' { '\u{fffd}' } else { c }).collect())
        }
        Fault::TextTrimmed => Cow::Borrowed(text.trim()),
        _ => Cow::Borrowed(text),
    }
}

pub(crate) fn text_bytes(fault: Fault, bytes: &[u8]) -> &[u8] {
    match fault {
        Fault::TextsCutAt65535 => &bytes[..bytes.len().min(65_535)],
        _ => bytes,
    }
}

/// Elements of a list that are written.
pub(crate) fn count(fault: Fault, count: usize) -> usize {
    match fault {
        Fault::ListCountsOf16Bits => count & 0xffff,
        _ => count,
    }
}

pub(crate) fn keeps_element(fault: Fault, elements: &ArrayRef, index: usize) -> bool {
    fault != Fault::NullElementsLost || elements.is_valid(index)
}
