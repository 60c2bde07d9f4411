//! Puts SQLite's dynamically typed values into columns of one type.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::types::Date32Type;
use arrow_cast::parse::Parser;
use arrow_schema::{DataType, TimeUnit};
use rusqlite::types::{Value, ValueRef};
use taploom_model::{Datatype, Error, ErrorKind, Result};

use crate::timestamp::micros_of_text;

/// The type that all cells of a column must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellType {
    Boolean,
    Long,
    Double,
    Text,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DD hh:mm:ss` with a T or a space, and up to six digits of a second.
    Timestamp,
    Blob,
}

impl CellType {
    /// Derives the type from a column's declaration, by SQLite's rules of affinity (datatype3.html, 3.1), and from
    /// names of types that SQLite does not have, such as TIMESTAMP. `None` if the declaration implies no type.
    pub(super) fn of_declaration(declared: &str) -> Option<Self> {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        Some(if has(&["TIMESTAMP", "DATETIME"]) {
            Self::Timestamp
        } else if has(&["BOOL"]) {
            Self::Boolean
        } else if declared == "DATE" {
            Self::Date
        } else if has(&["INT"]) {
            Self::Long
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if has(&["BLOB"]) {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"]) {
            Self::Double
        } else {
            return None;
        })
    }

    /// The type in which to read values for a requested datatype. The encoder narrows the values.
    pub(super) fn of_datatype(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Boolean => Self::Boolean,
            Datatype::UnsignedByte | Datatype::Short | Datatype::Int | Datatype::Long => Self::Long,
            Datatype::Float | Datatype::Double => Self::Double,
            _ => Self::Text,
        }
    }

    /// Derives the type from the first values of a column without a declared type, such as an expression.
    pub(super) fn of_values<'v>(values: impl Iterator<Item = &'v Value>) -> Result<Self> {
        let mut kind = None;
        for value in values {
            kind = match (value, kind) {
                (Value::Null, kind) => kind,
                (Value::Blob(_), _) => return Err(blob_unsupported()),
                (Value::Text(_), _) | (_, Some(Self::Text)) => Some(Self::Text),
                (Value::Real(_), _) | (_, Some(Self::Double)) => Some(Self::Double),
                (Value::Integer(_), _) => Some(Self::Long),
            };
        }
        Ok(kind.unwrap_or(Self::Text))
    }

    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Long => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Text | Self::Blob => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

/// Collects the cells of a column.
pub(super) enum CellBuilder {
    Boolean(BooleanBuilder),
    Long(Int64Builder),
    Double(Float64Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl CellBuilder {
    pub(super) fn new(kind: CellType) -> Self {
        match kind {
            CellType::Boolean => Self::Boolean(BooleanBuilder::new()),
            CellType::Long => Self::Long(Int64Builder::new()),
            CellType::Double => Self::Double(Float64Builder::new()),
            CellType::Text | CellType::Blob => Self::Text(StringBuilder::new()),
            CellType::Date => Self::Date(Date32Builder::new()),
            CellType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    pub(super) fn cell_type(&self) -> CellType {
        match self {
            Self::Boolean(_) => CellType::Boolean,
            Self::Long(_) => CellType::Long,
            Self::Double(_) => CellType::Double,
            Self::Text(_) => CellType::Text,
            Self::Date(_) => CellType::Date,
            Self::Timestamp(_) => CellType::Timestamp,
        }
    }

    /// Appends one value.
    ///
    /// # Errors
    /// If the value is not of the type of the column.
    pub(super) fn append(&mut self, value: ValueRef<'_>) -> Result<()> {
        match self {
            Self::Boolean(builder) => builder.append_option(match value {
                ValueRef::Null => None,
                ValueRef::Integer(0) => Some(false),
                ValueRef::Integer(1) => Some(true),
                _ => return Err(unfit(value, "a boolean, which is 0 or 1")),
            }),
            Self::Long(builder) => builder.append_option(match value {
                ValueRef::Null => None,
                ValueRef::Integer(number) => Some(number),
                _ => return Err(unfit(value, "an integer")),
            }),
            Self::Double(builder) => builder.append_option(match value {
                ValueRef::Null => None,
                ValueRef::Real(number) => Some(number),
                // Beyond 2^53 not every integer is a double.
                ValueRef::Integer(number) if number.unsigned_abs() <= 1 << 53 => {
                    Some(number as f64)
                }
                _ => return Err(unfit(value, "a real number")),
            }),
            // Offsets of 32 bits: a batch of fewer rows holds less text.
            Self::Text(builder)
                if i32::try_from(builder.values_slice().len() + text_bytes(value)).is_err() =>
            {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    "the text of one batch is over 2 GiB; take fewer rows to a batch",
                ));
            }
            Self::Text(builder) => match value {
                ValueRef::Null => builder.append_null(),
                ValueRef::Integer(number) => builder.append_value(number.to_string()),
                // With a point, as SQLite itself writes it.
                ValueRef::Real(number) => builder.append_value(format!("{number:?}")),
                ValueRef::Text(text) => builder.append_value(
                    std::str::from_utf8(text).map_err(|_| unfit(value, "text in UTF-8"))?,
                ),
                ValueRef::Blob(_) => return Err(unfit(value, "text")),
            },
            Self::Date(builder) => {
                let date = |text: &str| date_alone(text).and_then(Date32Type::parse);
                builder.append_option(parsed(value, DATE, date)?);
            }
            Self::Timestamp(builder) => {
                builder.append_option(parsed(value, TIMESTAMP, micros_of_text)?);
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Long(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The error for a column with BLOBs.
pub(super) fn blob_unsupported() -> Error {
    let message = "BLOB is not supported yet; convert it in the query, e.g. by hex()";
    Error::new(ErrorKind::UnsupportedColumn, message)
}

/// Parses a value that has to be text or null.
fn parsed<T>(
    value: ValueRef<'_>,
    wanted: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    let text = match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    };
    text.and_then(parse).map(Some).ok_or_else(|| unfit(value, wanted))
}

/// Upper limit for the length of a value as text, in bytes.
fn text_bytes(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(text) => text.len(),
        _ => 32,
    }
}

/// The date of a text that has no time, or the time midnight without an offset.
fn date_alone(text: &str) -> Option<&str> {
    let Some((date, time)) = text.split_once([' ', 'T']) else { return Some(text) };
    let rest = time.strip_prefix("00:00:00").or_else(|| time.strip_prefix("00:00"))?;
    let decimals = rest.strip_prefix('.').unwrap_or(rest);
    decimals.bytes().all(|byte| byte == b'0').then_some(date)
}

const DATE: &str = "a date, YYYY-MM-DD without a time (CAST(... AS TEXT) gives the text)";
const TIMESTAMP: &str = "a timestamp, YYYY-MM-DD hh:mm:ss with at most six more digits";

fn unfit(value: ValueRef<'_>, wanted: &str) -> Error {
    let shown = match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => format!("the integer {number}"),
        ValueRef::Real(number) => format!("the real number {number}"),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let short: String = text.chars().take(40).collect();
            format!("the text {short:?}")
        }
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    };
    Error::new(
        ErrorKind::InvalidValue,
        format!(
            "{shown} is not {wanted}, which the type of the column or its first values require"
        ),
    )
}
