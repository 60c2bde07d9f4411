//! Splits cells into values, and builds cells from values.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, StringArray, UInt8Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use taploom::VoType;

/// A cell, with the Arrow type of its elements.
pub(super) enum Cell {
    One(Option<Value>, DataType),
    List(Option<Vec<Option<Value>>>, DataType),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Value {
    pub(super) fn is_infinite(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_infinite())
    }

    pub(super) fn is_nan(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

pub(super) fn text(cell: Cell, change: impl Fn(&str) -> String) -> Cell {
    match cell {
        Cell::One(Some(Value::Text(text)), element) => {
            Cell::One(Some(Value::Text(change(&text))), element)
        }
        other => other,
    }
}

/// Replaces characters that FITS does not allow; FITS 4.0, 7.3.3.1.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

pub(super) fn elements(cell: Cell, change: impl Fn(Option<Value>) -> Option<Value>) -> Cell {
    match cell {
        Cell::List(Some(values), element) => {
            Cell::List(Some(values.into_iter().map(change).collect()), element)
        }
        other => other,
    }
}

/// Replaces a null of fixed length by that number of values.
pub(super) fn full(cell: Cell, vo_type: &VoType, of: fn(&DataType) -> bool, value: &Value) -> Cell {
    match (cell, vo_type.fixed_elements()) {
        (Cell::List(None, element), Some(length)) if of(&element) => {
            Cell::List(Some(vec![Some(value.clone()); length as usize]), element)
        }
        (other, _) => other,
    }
}

impl Cell {
    pub(super) fn of(column: &ArrayRef, row: usize) -> Self {
        match column.as_list_opt::<i32>() {
            Some(lists) => {
                let element = lists.value_type();
                let values = lists.is_valid(row).then(|| {
                    let values = lists.value(row);
                    (0..values.len()).map(|index| value_of(&values, index)).collect()
                });
                Self::List(values, element)
            }
            None => Self::One(value_of(column, row), column.data_type().clone()),
        }
    }
}

fn value_of(array: &ArrayRef, index: usize) -> Option<Value> {
    if array.is_null(index) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(index)),
        DataType::UInt8 => Value::Integer(array.as_primitive::<UInt8Type>().value(index).into()),
        DataType::Int16 => Value::Integer(array.as_primitive::<Int16Type>().value(index).into()),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(index).into()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(index)),
        DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(index).into()),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(index)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(index).to_owned()),
        other => panic!("{other} carries no datatype"),
    })
}

pub(super) fn array_of(cells: Vec<Cell>, data_type: &DataType) -> ArrayRef {
    let DataType::List(item) = data_type else {
        let values = cells.into_iter().map(|cell| match cell {
            Cell::One(value, _) => value,
            Cell::List(..) => None,
        });
        return values_array(values.collect(), data_type);
    };
    let lists: Vec<_> = cells
        .into_iter()
        .map(|cell| match cell {
            Cell::List(values, _) => values,
            Cell::One(..) => None,
        })
        .collect();
    let nulls: NullBuffer = lists.iter().map(Option::is_some).collect();
    let lengths = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values = values_array(lists.into_iter().flatten().flatten().collect(), item.data_type());
    let item = Arc::new(Field::new_list_field(item.data_type().clone(), true));
    Arc::new(ListArray::new(item, offsets, values, Some(nulls)))
}

fn values_array(values: Vec<Option<Value>>, data_type: &DataType) -> ArrayRef {
    macro_rules! of {
        ($array:ty, $variant:ident($value:ident) => $convert:expr) => {
            Arc::new(
                values
                    .into_iter()
                    .map(|value| match value {
                        Some(Value::$variant($value)) => Some($convert),
                        _ => None,
                    })
                    .collect::<$array>(),
            )
        };
    }
    match data_type {
        DataType::Boolean => of!(BooleanArray, Boolean(value) => value),
        DataType::UInt8 => of!(UInt8Array, Integer(value) => value as u8),
        DataType::Int16 => of!(Int16Array, Integer(value) => value as i16),
        DataType::Int32 => of!(Int32Array, Integer(value) => value as i32),
        DataType::Int64 => of!(Int64Array, Integer(value) => value),
        DataType::Float32 => of!(Float32Array, Float(value) => value as f32),
        DataType::Float64 => of!(Float64Array, Float(value) => value),
        DataType::Utf8 => of!(StringArray, Text(value) => value),
        other => panic!("{other} carries no datatype"),
    }
}
