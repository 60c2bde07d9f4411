//! Applies the losses of readers and formats to rows, so that the other cells can be compared.

mod cell;

use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use taploom::VoType;

use cell::{Cell, Value, array_of, elements, full, text};

pub(crate) use cell::printable;

/// A loss: two values that a reader or a format does not distinguish.
pub struct Loss {
    /// The name of the loss in `readers`.
    pub name: &'static str,
    /// A sentence for the page.
    pub sentence: &'static str,
    change: fn(Cell, &VoType) -> Cell,
}

/// All losses, in the order in which they are applied: first the values that replace nulls, then the
/// values that become null.
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

/// The rows after these losses.
///
/// # Panics
/// If a loss with such a name does not exist.
pub fn with_losses(
    rows: &RecordBatch,
    types: &[VoType],
    losses: &[impl AsRef<str>],
) -> RecordBatch {
    let names = losses.iter().map(AsRef::as_ref);
    for name in names {
        assert!(LOSSES.iter().any(|loss| loss.name == name), "{name:?} is not a known loss");
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
