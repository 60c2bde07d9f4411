//! What readers and formats lose, done to rows, so that the rest can be compared.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, UInt8Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use taploom::VoType;

/// Something that is not told apart from something else.
pub struct Loss {
    /// What `readers` calls it.
    pub name: &'static str,
    /// For people.
    pub sentence: &'static str,
    change: fn(Cell, &VoType) -> Cell,
}

/// All losses, in the order in which they are done: first what nulls become, then what becomes null.
pub const LOSSES: &[Loss] = &[
    loss("tabs-are-spaces", "tabs and line breaks in text become spaces", |cell, _| {
        text(cell, |text| text.replace(['\t', '\n', '\r'], " "))
    }),
    loss("text-is-trimmed", "white space at both ends of text is lost", |cell, _| {
        text(cell, |text| text.trim().to_owned())
    }),
    loss("trailing-spaces-are-lost", "spaces at the end of text are lost", |cell, _| {
        text(cell, |text| text.trim_end_matches(' ').to_owned())
    }),
    loss(
        "trailing-spaces-in-lists-are-lost",
        "spaces at the end of a string in an array are lost",
        |cell, _| {
            elements(cell, |element| match element {
                Some(Value::Text(text)) => Some(Value::Text(text.trim_end_matches(' ').to_owned())),
                other => other,
            })
        },
    ),
    loss(
        "strings-in-lists-are-trimmed",
        "white space at both ends of a string in an array is lost",
        |cell, _| {
            elements(cell, |element| match element {
                Some(Value::Text(text)) => Some(Value::Text(text.trim().to_owned())),
                other => other,
            })
        },
    ),
    loss(
        "null-element-is-empty",
        "a null string in an array is read as an empty string",
        |cell, _| match cell {
            Cell::List(Some(values), element @ DataType::Utf8) => {
                let values = values.into_iter();
                let values = values.map(|value| value.or_else(|| Some(Value::Text(String::new()))));
                Cell::List(Some(values.collect()), element)
            }
            other => other,
        },
    ),
    loss("null-element-is-nan", "a null float in an array is read as NaN", |cell, _| match cell {
        Cell::List(Some(values), element) if element.is_floating() => {
            let values = values.into_iter().map(|value| value.or(Some(Value::Float(f64::NAN))));
            Cell::List(Some(values.collect()), element)
        }
        other => other,
    }),
    loss("null-is-empty-string", "a null text is read as an empty string", |cell, _| match cell {
        Cell::One(None, DataType::Utf8) => {
            Cell::One(Some(Value::Text(String::new())), DataType::Utf8)
        }
        other => other,
    }),
    loss("null-is-nan", "a null float or double is read as NaN", |cell, _| match cell {
        Cell::One(None, element) if element.is_floating() => {
            Cell::One(Some(Value::Float(f64::NAN)), element)
        }
        other => other,
    }),
    loss("null-is-false", "a null boolean is read as false", |cell, _| match cell {
        Cell::One(None, DataType::Boolean) => {
            Cell::One(Some(Value::Boolean(false)), DataType::Boolean)
        }
        other => other,
    }),
    loss("null-bit-is-false", "a null bit is read as 0", |cell, vo_type| match cell {
        Cell::One(None, DataType::Boolean) if vo_type.datatype == taploom::Datatype::Bit => {
            Cell::One(Some(Value::Boolean(false)), DataType::Boolean)
        }
        other => other,
    }),
    loss(
        "null-list-is-nan",
        "a null array of a fixed number of floats is read as an array of NaN",
        |cell, vo_type| full(cell, vo_type, DataType::is_floating, &Value::Float(f64::NAN)),
    ),
    loss(
        "nan-complex-is-null",
        "a complex number with a NaN part is read as null",
        |cell, vo_type| match cell {
            Cell::List(Some(mut values), element) if vo_type.datatype.is_complex() => {
                for pair in values.chunks_exact_mut(2) {
                    if pair.iter().flatten().any(Value::is_nan) {
                        pair.fill(None);
                    }
                }
                Cell::List(Some(values), element)
            }
            other => other,
        },
    ),
    loss(
        "not-ascii-is-a-question-mark",
        "characters other than printable ASCII become question marks",
        |cell, _| {
            let cell = elements(cell, |element| match element {
                Some(Value::Text(text)) => Some(Value::Text(printable(&text))),
                other => other,
            });
            text(cell, printable)
        },
    ),
    loss(
        "null-list-is-false",
        "a null array of a fixed number of booleans is read as an array of false",
        |cell, vo_type| {
            full(cell, vo_type, |element| *element == DataType::Boolean, &Value::Boolean(false))
        },
    ),
    loss(
        "null-list-of-bits-is-zero",
        "a null array of a fixed number of bits is read as an array of 0",
        |cell, vo_type| match vo_type.datatype {
            taploom::Datatype::Bit => full(cell, vo_type, |_| true, &Value::Boolean(false)),
            _ => cell,
        },
    ),
    loss(
        "null-list-is-zero",
        "a null array of a fixed number of integers is read as an array of 0",
        |cell, vo_type| full(cell, vo_type, DataType::is_integer, &Value::Integer(0)),
    ),
    loss(
        "null-list-is-empty-strings",
        "a null array of a fixed number of strings is read as an array of empty strings",
        |cell, vo_type| {
            full(cell, vo_type, |element| *element == DataType::Utf8, &Value::Text(String::new()))
        },
    ),
    loss(
        "null-list-is-null-elements",
        "a null array of fixed length is read as an array of nulls",
        |cell, vo_type| match (cell, vo_type.fixed_elements()) {
            (Cell::List(None, element), Some(length)) => {
                Cell::List(Some(vec![None; length as usize]), element)
            }
            (other, _) => other,
        },
    ),
    loss(
        "infinity-is-null",
        "an infinite float or double is read as null",
        |cell, _| match elements(cell, |element| element.filter(|value| !value.is_infinite())) {
            Cell::One(value, element) => {
                Cell::One(value.filter(|value| !value.is_infinite()), element)
            }
            list @ Cell::List(..) => list,
        },
    ),
    loss("nan-element-is-null", "NaN in an array is read as null", |cell, _| {
        elements(cell, |element| element.filter(|value| !value.is_nan()))
    }),
    loss("empty-strings-end-lists", "empty strings at the end of an array are lost", |cell, _| {
        match cell {
            Cell::List(Some(mut values), DataType::Utf8) => {
                while values.last() == Some(&Some(Value::Text(String::new()))) {
                    values.pop();
                }
                Cell::List(Some(values), DataType::Utf8)
            }
            other => other,
        }
    }),
    loss(
        "empty-string-in-lists-is-null",
        "an empty string in an array is read as null",
        |cell, _| {
            elements(cell, |element| element.filter(|value| *value != Value::Text(String::new())))
        },
    ),
    loss("list-of-nulls-is-null", "an array that has only nulls is read as null", |cell, _| {
        match cell {
            Cell::List(Some(values), element)
                if !values.is_empty() && values.iter().all(Option::is_none) =>
            {
                Cell::List(None, element)
            }
            other => other,
        }
    }),
    loss(
        "list-of-nan-is-null",
        "an array that has only NaN is read as null",
        |cell, _| match cell {
            Cell::List(Some(values), element)
                if !values.is_empty()
                    && values.iter().flatten().filter(|v| v.is_nan()).count() == values.len() =>
            {
                Cell::List(None, element)
            }
            other => other,
        },
    ),
    loss(
        "null-list-is-empty",
        "a null array of variable length is read as an empty array",
        |cell, vo_type| match cell {
            Cell::List(None, element) if vo_type.fixed_elements().is_none() => {
                Cell::List(Some(Vec::new()), element)
            }
            other => other,
        },
    ),
    loss("empty-list-is-null", "an empty array is read as null", |cell, _| match cell {
        Cell::List(Some(values), element) if values.is_empty() => Cell::List(None, element),
        other => other,
    }),
    loss("empty-string-is-null", "an empty text is read as null", |cell, _| match cell {
        Cell::One(Some(Value::Text(text)), element) if text.is_empty() => Cell::One(None, element),
        other => other,
    }),
    loss("nan-is-null", "NaN is read as null", |cell, _| match cell {
        Cell::One(value, element) => Cell::One(value.filter(|value| !value.is_nan()), element),
        other => other,
    }),
];

/// Rows as they are where these losses happen.
///
/// # Panics
/// Where a loss has no such name.
pub fn with_losses(
    rows: &RecordBatch,
    types: &[VoType],
    losses: &[impl AsRef<str>],
) -> RecordBatch {
    let names = losses.iter().map(AsRef::as_ref);
    for name in names {
        assert!(LOSSES.iter().any(|loss| loss.name == name), "{name:?} is no loss that is known");
    }
    let happen: Vec<&Loss> =
        LOSSES.iter().filter(|loss| losses.iter().any(|name| name.as_ref() == loss.name)).collect();
    if happen.is_empty() {
        return rows.clone();
    }
    let columns = rows.columns().iter().zip(types);
    let columns = columns.map(|(column, vo_type)| {
        let cells = (0..column.len()).map(|row| {
            let cell = Cell::of(column, row);
            happen.iter().fold(cell, |cell, loss| (loss.change)(cell, vo_type))
        });
        array_of(cells.collect(), column.data_type())
    });
    RecordBatch::try_new(rows.schema(), columns.collect()).expect("columns of the same types")
}

const fn loss(
    name: &'static str,
    sentence: &'static str,
    change: fn(Cell, &VoType) -> Cell,
) -> Loss {
    Loss { name, sentence, change }
}

/// A cell, with the Arrow type of its elements.
enum Cell {
    One(Option<Value>, DataType),
    List(Option<Vec<Option<Value>>>, DataType),
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Value {
    fn is_infinite(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_infinite())
    }

    fn is_nan(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

fn text(cell: Cell, change: impl Fn(&str) -> String) -> Cell {
    match cell {
        Cell::One(Some(Value::Text(text)), element) => {
            Cell::One(Some(Value::Text(change(&text))), element)
        }
        other => other,
    }
}

/// FITS 4.0, 7.3.3.1: the characters that it has.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

fn elements(cell: Cell, change: impl Fn(Option<Value>) -> Option<Value>) -> Cell {
    match cell {
        Cell::List(Some(values), element) => {
            Cell::List(Some(values.into_iter().map(change).collect()), element)
        }
        other => other,
    }
}

/// A null of a fixed length as so many values.
fn full(cell: Cell, vo_type: &VoType, of: fn(&DataType) -> bool, value: &Value) -> Cell {
    match (cell, vo_type.fixed_elements()) {
        (Cell::List(None, element), Some(length)) if of(&element) => {
            Cell::List(Some(vec![Some(value.clone()); length as usize]), element)
        }
        (other, _) => other,
    }
}

impl Cell {
    fn of(column: &ArrayRef, row: usize) -> Self {
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

fn array_of(cells: Vec<Cell>, data_type: &DataType) -> ArrayRef {
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
