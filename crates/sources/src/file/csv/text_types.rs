//! Parses values of ECSV files, as Python writes them.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{FixedSizeListBuilder, ListBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, BooleanType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::{DataType, Field};
use serde_json::Value;

use super::cells::{AppendText, Element, ScalarBuilder, Text, pair};

/// The type of a column's values.
#[derive(Debug)]
pub(in crate::file) enum TextType {
    Boolean,
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float32,
    Float64,
    /// A complex number of two floats: `(1+2j)`.
    Complex32,
    Complex64,
    Text,
    /// Arrays of any depth, written as JSON. They become flat lists.
    Json(Box<Self>),
}

impl TextType {
    /// The Arrow type, and a builder for its cells.
    pub(super) fn builder(self) -> (DataType, Box<dyn AppendText>) {
        match self {
            Self::Boolean => scalar::<BooleanType>(DataType::Boolean),
            Self::Int8 => scalar::<Int8Type>(DataType::Int8),
            Self::UInt8 => scalar::<UInt8Type>(DataType::UInt8),
            Self::Int16 => scalar::<Int16Type>(DataType::Int16),
            Self::UInt16 => scalar::<UInt16Type>(DataType::UInt16),
            Self::Int32 => scalar::<Int32Type>(DataType::Int32),
            Self::UInt32 => scalar::<UInt32Type>(DataType::UInt32),
            Self::Int64 => scalar::<Int64Type>(DataType::Int64),
            Self::UInt64 => scalar::<UInt64Type>(DataType::UInt64),
            Self::Float32 => scalar::<Float32Type>(DataType::Float32),
            Self::Float64 => scalar::<Float64Type>(DataType::Float64),
            Self::Complex32 => complex::<Float32Type>(),
            Self::Complex64 => complex::<Float64Type>(),
            Self::Text => (DataType::Utf8, Box::new(Text(StringBuilder::new()))),
            Self::Json(inner) => inner.json(),
        }
    }

    fn json(self) -> (DataType, Box<dyn AppendText>) {
        match self {
            Self::Boolean => numbers::<BooleanType>(DataType::Boolean),
            Self::Int8 => numbers::<Int8Type>(DataType::Int8),
            Self::UInt8 => numbers::<UInt8Type>(DataType::UInt8),
            Self::Int16 => numbers::<Int16Type>(DataType::Int16),
            Self::UInt16 => numbers::<UInt16Type>(DataType::UInt16),
            Self::Int32 => numbers::<Int32Type>(DataType::Int32),
            Self::UInt32 => numbers::<UInt32Type>(DataType::UInt32),
            Self::Int64 => numbers::<Int64Type>(DataType::Int64),
            Self::UInt64 => numbers::<UInt64Type>(DataType::UInt64),
            Self::Float32 | Self::Complex32 => numbers::<Float32Type>(DataType::Float32),
            Self::Float64 | Self::Complex64 => numbers::<Float64Type>(DataType::Float64),
            Self::Text | Self::Json(_) => {
                (list(DataType::Utf8), Box::new(JsonTexts(ListBuilder::new(StringBuilder::new()))))
            }
        }
    }
}

fn scalar<E: Element>(data_type: DataType) -> (DataType, Box<dyn AppendText>) {
    (data_type, Box::new(ScalarBuilder::<E>(E::Builder::default())))
}

fn complex<T: Element<Builder = PrimitiveBuilder<T>> + ArrowPrimitiveType>()
-> (DataType, Box<dyn AppendText>) {
    let builder = FixedSizeListBuilder::new(PrimitiveBuilder::<T>::new(), 2);
    (pair(T::DATA_TYPE), Box::new(Complex::<T>(builder)))
}

fn numbers<E: Element>(element: DataType) -> (DataType, Box<dyn AppendText>) {
    (list(element), Box::new(JsonNumbers::<E>(ListBuilder::new(E::Builder::default()))))
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// Complex numbers: `(1+2j)`, `-2j`, `3`.
struct Complex<T: ArrowPrimitiveType>(FixedSizeListBuilder<PrimitiveBuilder<T>>);

impl<T: Element<Builder = PrimitiveBuilder<T>> + ArrowPrimitiveType> AppendText for Complex<T> {
    fn append(&mut self, text: &str) -> Option<()> {
        let text = text.trim().trim_start_matches('(').trim_end_matches(')');
        let (real, imaginary) = match text.strip_suffix(['j', 'J']) {
            None => (text, "0"),
            Some(rest) => {
                // The sign between both parts is not the first character and does not belong to an
                // exponent.
                let bytes = rest.as_bytes();
                let sign = (1..bytes.len()).rev().find(|at| {
                    matches!(bytes[*at], b'+' | b'-') && !matches!(bytes[*at - 1], b'e' | b'E')
                });
                rest.split_at_checked(sign.unwrap_or(0))?
            }
        };
        let real = if real.is_empty() { "0" } else { real };
        T::append(real, self.0.values())?;
        T::append(imaginary, self.0.values())?;
        self.0.append(true);
        Some(())
    }

    fn append_null(&mut self) {
        T::append_null(self.0.values());
        T::append_null(self.0.values());
        self.0.append(false);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Arrays of numbers and booleans. Python writes NaN and Infinity, which JSON does not have.
struct JsonNumbers<E: Element>(ListBuilder<E::Builder>);

impl<E: Element> AppendText for JsonNumbers<E> {
    fn append(&mut self, text: &str) -> Option<()> {
        let text = text.trim();
        if text == "null" {
            self.0.append(false);
            return Some(());
        }
        let mut depth = 0_usize;
        let mut start = None;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' | b',' => {
                    if let Some(start) = start.take() {
                        append_number::<E>(text[start..at].trim(), self.0.values())?;
                    }
                    depth = if byte == b']' { depth.checked_sub(1)? } else { depth };
                    if depth == 0 && at + 1 != text.len() {
                        return None;
                    }
                }
                _ if byte.is_ascii_whitespace() => {}
                _ if depth == 0 => return None,
                _ => start = start.or(Some(at)),
            }
        }
        (depth == 0 && text.starts_with('[')).then(|| self.0.append(true))
    }

    fn append_null(&mut self) {
        self.0.append(false);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

fn append_number<E: Element>(text: &str, to: &mut E::Builder) -> Option<()> {
    match text {
        "null" => {
            E::append_null(to);
            Some(())
        }
        text => E::append(text, to),
    }
}

/// Arrays of strings, written as JSON.
struct JsonTexts(ListBuilder<StringBuilder>);

impl AppendText for JsonTexts {
    fn append(&mut self, text: &str) -> Option<()> {
        match serde_json::from_str(text).ok()? {
            Value::Null => self.0.append(false),
            array @ Value::Array(_) => {
                append_texts(&array, self.0.values())?;
                self.0.append(true);
            }
            _ => return None,
        }
        Some(())
    }

    fn append_null(&mut self) {
        self.0.append(false);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

fn append_texts(value: &Value, to: &mut StringBuilder) -> Option<()> {
    match value {
        Value::Null => to.append_null(),
        Value::String(text) => to.append_value(text),
        Value::Array(values) => values.iter().try_for_each(|value| append_texts(value, to))?,
        _ => return None,
    }
    Some(())
}
