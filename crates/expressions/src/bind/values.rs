//! Literals.

use sqlparser::ast::{DataType as SqlType, Value};

use crate::literal::{Literal, bytes};

pub(super) fn literal(value: &Value) -> Result<Literal, &'static str> {
    match value {
        Value::Null => Ok(Literal::Null),
        Value::Boolean(value) => Ok(Literal::Boolean(*value)),
        Value::Number(text, false) => Ok(Literal::Number(text.clone())),
        Value::SingleQuotedString(text) => Ok(Literal::Text(text.clone())),
        Value::HexStringLiteral(digits) => bytes(digits)
            .map(Literal::Bytes)
            .ok_or("bytes are written with two hexadecimal digits each: X'01ff'"),
        _ => Err(
            "a value is a number, text in single quotes, TRUE, FALSE, NULL, DATE '...', TIMESTAMP '...', \
                  TIME '...' or X'...'",
        ),
    }
}

pub(super) fn typed_literal(data_type: &SqlType, value: &Value) -> Result<Literal, &'static str> {
    let Value::SingleQuotedString(text) = value else {
        return Err("the value has to be text in single quotes");
    };
    match data_type {
        SqlType::Date => {
            let day = Literal::instant(text).filter(|_| text.trim().len() == "2027-01-31".len());
            day.ok_or("a date is written DATE '2027-01-31'")
        }
        SqlType::Timestamp(..) | SqlType::Datetime(_) => {
            Literal::instant(text).ok_or("a time is written TIMESTAMP '2027-01-31 12:00:00.5'")
        }
        SqlType::Time(..) => {
            Literal::time_of_day(text).ok_or("a time of day is written TIME '12:00:00.5'")
        }
        _ => Err("only DATE, TIMESTAMP and TIME can stand before a text"),
    }
}
