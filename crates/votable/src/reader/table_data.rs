//! Rows in TABLEDATA; VOTable 1.4, 5.1 and 6.

use std::io::Read;
use std::str::FromStr;

use arrow_array::ArrowPrimitiveType;
use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use taploom_model::{Datatype, Error, ErrorKind, Result, counted};

use super::binary;
use super::cells::{ColumnCells, Elements, Null};
use super::passed_over::shown;
use super::xml::{Node, Tag, Xml, damaged, is_space};

/// The rows of TABLEDATA.
#[derive(Default)]
pub(super) struct TableDataRows {
    text: Vec<u8>,
}

impl TableDataRows {
    /// Appends a row. Returns `false` after the last row, at the end of TABLEDATA.
    pub(super) fn read_row<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [ColumnCells],
        row: u64,
    ) -> Result<bool> {
        let left = xml.left();
        let found = loop {
            match xml.next()? {
                Node::Open(tag) if tag.name == "TR" => {
                    if columns.is_empty() {
                        return Err(damaged("the TABLE has rows and no FIELD"));
                    }
                    xml.rest(&tag);
                    self.read_cells(xml, columns, row)?;
                    break true;
                }
                Node::Open(tag) => xml.pass_over(&tag)?,
                Node::Close | Node::End => break false,
            }
        };
        xml.restore(left);
        Ok(found)
    }

    fn read_cells<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [ColumnCells],
        row: u64,
    ) -> Result<()> {
        let fields = columns.len();
        let wrong_number = |found: String| {
            let tds = if found == "1" { "TD" } else { "TDs" };
            let fields = counted(fields as u64, "FIELD");
            let message = format!("the row has {found} {tds}, and the TABLE {fields}");
            Error::new(ErrorKind::InvalidValue, message).with_row(row)
        };
        let mut index = 0;
        loop {
            match xml.next()? {
                Node::Open(tag) if tag.name == "TD" => {
                    let Some(cells) = columns.get_mut(index) else {
                        return Err(wrong_number(format!("{} or more", index + 1)));
                    };
                    index += 1;
                    self.read_cell(xml, cells, tag)
                        .map_err(|error| error.with_column(cells.name.as_str()).with_row(row))?;
                }
                Node::Open(tag) => xml.pass_over(&tag)?,
                Node::Close | Node::End if index == fields => return Ok(()),
                Node::Close | Node::End => return Err(wrong_number(index.to_string())),
            }
        }
    }

    fn read_cell<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        cells: &mut ColumnCells,
        mut tag: Tag,
    ) -> Result<()> {
        let is_base64 = match tag.take("encoding") {
            None => false,
            Some(encoding) if encoding.trim().eq_ignore_ascii_case("base64") => true,
            Some(encoding) => {
                let message = format!(
                    "a TD of encoding {:?} is not supported; base64 and text are",
                    shown(&encoding)
                );
                return Err(Error::new(ErrorKind::InvalidValue, message));
            }
        };
        xml.rest(&tag);
        self.text.clear();
        self.text.shrink_to(64 * 1024);
        let most = xml.limit();
        if xml.append_text(&mut self.text, most.saturating_add(1))? {
            return Err(xml.too_long("the text of a cell takes"));
        }
        if let Node::Open(tag) = xml.next()? {
            let message = format!("an element {} within a TD", tag.shown());
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let text = std::str::from_utf8(&self.text).map_err(|error| {
            Error::new(ErrorKind::InvalidValue, "the text of the cell is not UTF-8")
                .with_source(error)
        })?;
        let appended = if is_base64 { append_base64(cells, text) } else { append(cells, text) };
        appended.map_err(|message| Error::new(ErrorKind::InvalidValue, message))
    }
}

/// Appends a cell that has the bytes of BINARY in base64; VOTable 1.0 to 1.5, the attribute `encoding` of
/// TD.
fn append_base64(cells: &mut ColumnCells, text: &str) -> Result<(), String> {
    let characters: String = text.chars().filter(|character| !is_space(*character)).collect();
    if characters.is_empty() {
        return cells.append_null();
    }
    let bytes = STANDARD.decode(&characters).map_err(|error| format!("no base64: {error}"))?;
    binary::append_whole(cells, &bytes)
}

/// Appends a cell. An empty cell is null.
fn append(cells: &mut ColumnCells, text: &str) -> Result<(), String> {
    let trimmed = if cells.datatype.is_text() { text } else { text.trim_matches(is_space) };
    if trimmed.is_empty() {
        return cells.append_null();
    }
    let values = || -> Box<dyn Iterator<Item = &str>> {
        match cells.is_list() {
            true => Box::new(trimmed.split(is_space).filter(|value| !value.is_empty())),
            false => Box::new(std::iter::once(trimmed)),
        }
    };
    let null = cells.null;
    let integer = |value: i64| null == Some(Null::Integer(value));
    let float = |value: f64| null == Some(Null::Float(value));
    let values = values();
    match &mut cells.elements {
        Elements::Boolean(builder) if cells.datatype == Datatype::Bit => bits(builder, trimmed)?,
        Elements::Boolean(builder) => {
            for value in values {
                builder.append_option(boolean(value)?);
            }
        }
        Elements::UnsignedByte(builder) => integers(builder, values, integer, "unsignedByte")?,
        Elements::Short(builder) => integers(builder, values, integer, "short")?,
        Elements::Int(builder) => integers(builder, values, integer, "int")?,
        Elements::Long(builder) => integers(builder, values, integer, "long")?,
        Elements::Float(builder) => {
            for value in values {
                let number = number(value, |number: &f32| number.is_finite(), "float")?;
                builder.append_option(number.filter(|number| !float(f64::from(*number))));
            }
        }
        Elements::Double(builder) => {
            for value in values {
                let number = number(value, |number: &f64| number.is_finite(), "double")?;
                builder.append_option(number.filter(|number| !float(*number)));
            }
        }
        Elements::Text(builder) => match cells.string_length {
            Some(length) => strings(builder, text, length, cells.datatype)?,
            None => builder.append_value(text),
        },
    }
    cells.end_cell()
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

fn integers<'a, T: ArrowPrimitiveType<Native: TryFrom<i64>>>(
    builder: &mut PrimitiveBuilder<T>,
    values: impl Iterator<Item = &'a str>,
    is_null: impl Fn(i64) -> bool,
    datatype: &str,
) -> Result<(), String> {
    for text in values {
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) if !digits.starts_with(['+', '-']) => i64::from_str_radix(digits, 16),
            _ => text.parse(),
        };
        let number =
            number.ok().and_then(|number| T::Native::try_from(number).ok().zip(Some(number)));
        let (value, number) =
            number.ok_or_else(|| format!("{:?} is not of type {datatype}", shown(text)))?;
        builder.append_option((!is_null(number)).then_some(value));
    }
    Ok(())
}

/// A number; `null` and `-` are null. The standard does not have these words, but IRSA writes them for
/// floats.
fn number<T: FromStr>(
    text: &str,
    is_finite: impl Fn(&T) -> bool,
    datatype: &str,
) -> Result<Option<T>, String> {
    if text == "-" || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    let number = text.parse().ok();
    // A number beyond the range of the type is not infinity.
    let number =
        number.filter(|number| is_finite(number) || !text.bytes().any(|b| b.is_ascii_digit()));
    number.map(Some).ok_or_else(|| format!("{:?} is not of type {datatype}", shown(text)))
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
