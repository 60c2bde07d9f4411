//! Cells as text: the values that they have, and their errors; VOTable 1.4, 6.

use std::str::FromStr;

use arrow_array::ArrowPrimitiveType;
use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use taploom_model::Datatype;

use crate::reader::binary;
use crate::reader::cells::{ColumnCells, Elements, Null};
use crate::reader::passed_over::shown;
use crate::reader::xml::is_space;

/// Appends a cell that has the bytes of BINARY in base64; VOTable 1.0 to 1.5, the attribute `encoding` of
/// TD.
pub(super) fn append_base64(cells: &mut ColumnCells, text: &str) -> Result<(), String> {
    let characters: String = text.chars().filter(|character| !is_space(*character)).collect();
    if characters.is_empty() {
        return cells.append_null();
    }
    let bytes = STANDARD.decode(&characters).map_err(|error| format!("no base64: {error}"))?;
    binary::append_whole(cells, &bytes)
}

/// Appends a cell. An empty cell is null.
pub(super) fn append(cells: &mut ColumnCells, text: &str) -> Result<(), String> {
    let trimmed = if cells.datatype.is_text() { text } else { without_space(text) };
    if trimmed.is_empty() {
        return cells.append_null();
    }
    let is_list = cells.is_list();
    let null = cells.null;
    let integer = |value: i64| null == Some(Null::Integer(value));
    let float = |value: f64| null == Some(Null::Float(value));
    match &mut cells.elements {
        Elements::Boolean(builder) if cells.datatype == Datatype::Bit => bits(builder, trimmed)?,
        Elements::Boolean(builder) => each(trimmed, is_list, |value| {
            builder.append_option(boolean(value)?);
            Ok(())
        })?,
        Elements::UnsignedByte(builder) => {
            each(trimmed, is_list, |value| {
                append_integer(builder, value, integer, "unsignedByte")
            })?;
        }
        Elements::Short(builder) => {
            each(trimmed, is_list, |value| append_integer(builder, value, integer, "short"))?;
        }
        Elements::Int(builder) => {
            each(trimmed, is_list, |value| append_integer(builder, value, integer, "int"))?;
        }
        Elements::Long(builder) => {
            each(trimmed, is_list, |value| append_integer(builder, value, integer, "long"))?;
        }
        Elements::Float(builder) => each(trimmed, is_list, |value| {
            let number = float_of(value, "float")?;
            builder.append_option(number.filter(|number: &f32| !float(f64::from(*number))));
            Ok(())
        })?,
        Elements::Double(builder) => each(trimmed, is_list, |value| {
            let number = float_of(value, "double")?;
            builder.append_option(number.filter(|number| !float(*number)));
            Ok(())
        })?,
        Elements::Text(builder) => match cells.string_length {
            Some(length) => strings(builder, text, length, cells.datatype)?,
            None => builder.append_value(text),
        },
    }
    cells.end_cell()
}

/// The text without white space around it.
fn without_space(text: &str) -> &str {
    let may_be_space = |byte: Option<&u8>| byte.is_none_or(|byte| *byte <= b' ');
    let bytes = text.as_bytes();
    if may_be_space(bytes.first()) || may_be_space(bytes.last()) {
        text.trim_matches(is_space)
    } else {
        text
    }
}

/// Calls a function with each value of a cell.
fn each(
    text: &str,
    is_list: bool,
    mut append: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    if !is_list {
        return append(text);
    }
    text.split(is_space).filter(|value| !value.is_empty()).try_for_each(append)
}

/// Digits with or without spaces.
fn bits(builder: &mut BooleanBuilder, text: &str) -> Result<(), String> {
    for digit in text.chars().filter(|digit| !is_space(*digit)) {
        match digit {
            '0' => builder.append_value(false),
            '1' => builder.append_value(true),
            _ => return Err(format!("{digit:?} is not a bit; allowed are 0 and 1")),
        }
    }
    Ok(())
}

fn boolean(text: &str) -> Result<Option<bool>, String> {
    let is = |names: [&str; 3]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    match text {
        "?" | "\0" => Ok(None),
        _ if is(["t", "true", "1"]) => Ok(Some(true)),
        _ if is(["f", "false", "0"]) => Ok(Some(false)),
        _ => Err(format!(
            "{:?} is not a boolean; allowed are T, F, 1, 0, true, false and ?",
            shown(text)
        )),
    }
}

fn append_integer<T: ArrowPrimitiveType<Native: TryFrom<i64>>>(
    builder: &mut PrimitiveBuilder<T>,
    text: &str,
    is_null: impl Fn(i64) -> bool,
    datatype: &str,
) -> Result<(), String> {
    let number = text.parse().ok().or_else(|| hexadecimal(text));
    let number = number.and_then(|number| T::Native::try_from(number).ok().zip(Some(number)));
    let (value, number) =
        number.ok_or_else(|| format!("{:?} is not of type {datatype}", shown(text)))?;
    builder.append_option((!is_null(number)).then_some(value));
    Ok(())
}

fn hexadecimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let is_signed = digits.starts_with(['+', '-']);
    if is_signed { None } else { i64::from_str_radix(digits, 16).ok() }
}

/// A number; `null` and `-` are null. The standard does not have these words, but IRSA writes them for
/// floats.
fn float_of<T: FromStr + Into<f64> + Copy>(
    text: &str,
    datatype: &str,
) -> Result<Option<T>, String> {
    let number: Option<T> = text.parse().ok();
    // A number beyond the range of the type is not infinity.
    let number = number.filter(|number| {
        let number: f64 = (*number).into();
        number.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit())
    });
    match number {
        Some(number) => Ok(Some(number)),
        None if text == "-" || text.eq_ignore_ascii_case("null") => Ok(None),
        None => Err(format!("{:?} is not of type {datatype}", shown(text))),
    }
}

/// Splits a text into strings of a fixed length that are padded with spaces. Lengths are counted as in
/// BINARY: in bytes for char, in UTF-16 code units for unicodeChar.
fn strings(
    builder: &mut StringBuilder,
    text: &str,
    length: u64,
    datatype: Datatype,
) -> Result<(), String> {
    let (mut start, mut used) = (0, 0);
    for (place, character) in text.char_indices() {
        if used == length {
            builder.append_value(text[start..place].trim_end_matches(' '));
            (start, used) = (place, 0);
        }
        used += match datatype {
            Datatype::UnicodeChar => character.len_utf16(),
            _ => character.len_utf8(),
        } as u64;
        if used > length {
            return Err(format!("{character:?} crosses the end of a string of {length}"));
        }
    }
    builder.append_value(text[start..].trim_end_matches(' '));
    Ok(())
}
