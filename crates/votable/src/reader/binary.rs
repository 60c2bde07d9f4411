//! Rows in BINARY and BINARY2; VOTable 1.4, 2.1, 5.3 and 5.4.

use std::borrow::Cow;
use std::io::Read;

use arrow_array::ArrowPrimitiveType;
use arrow_array::builder::PrimitiveBuilder;
use taploom_model::{Datatype, Error, ErrorKind, Result};

use super::base64_text::Base64Text;
use super::cells::{ColumnCells, Elements, Null};
use super::xml::{Xml, damaged};

/// The meaning of the count before a variable array of several dimensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CountOf {
    /// All values. This is the rule of the standard and of STIL.
    #[default]
    Primitives,
    /// Steps along the last dimension. This is what astropy and opencadc write.
    Outer,
}

/// The character set of `char` cells in BINARY and BINARY2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, which includes the ASCII of VOTable up to 1.5. Other bytes are an error.
    #[default]
    Utf8,
    /// ISO 8859-1, in which every byte is a character.
    Latin1,
}

/// The rows of a STREAM.
pub(super) struct BinaryRows {
    bytes: Base64Text,
    /// Whether null flags precede each row, as in BINARY2.
    flags: Option<Vec<u8>>,
    count_of: CountOf,
    charset: Charset,
}

impl BinaryRows {
    pub(super) fn new(has_flags: bool, count_of: CountOf, charset: Charset) -> Self {
        let flags = has_flags.then(Vec::new);
        Self { bytes: Base64Text::default(), flags, count_of, charset }
    }

    /// Appends a row. Returns `false` after the last row, at the end of STREAM.
    pub(super) fn read_row<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [ColumnCells],
        row: u64,
    ) -> Result<bool> {
        if self.bytes.peek(xml, 1)?.is_empty() {
            xml.close()?;
            return Ok(false);
        }
        if columns.is_empty() {
            return Err(damaged("the TABLE has rows and no FIELD"));
        }
        if let Some(flags) = &mut self.flags {
            let length = columns.len().div_ceil(8);
            let bytes = self.bytes.peek(xml, length)?;
            let bytes = bytes.get(..length).ok_or_else(|| cut(row))?;
            flags.clear();
            flags.extend_from_slice(bytes);
            self.bytes.take(length);
        }
        for (index, cells) in columns.iter_mut().enumerate() {
            let is_null =
                self.flags.as_ref().map(|flags| flags[index / 8] >> (7 - index % 8) & 1 == 1);
            self.read_cell(xml, cells, is_null, row)
                .map_err(|error| error.with_column(cells.name.as_str()).with_row(row))?;
        }
        Ok(true)
    }

    /// Reads one cell. A null cell has bytes, too.
    fn read_cell<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        cells: &mut ColumnCells,
        is_null: Option<bool>,
        row: u64,
    ) -> Result<()> {
        let values = match cells.fixed {
            Some(values) => values,
            None => {
                let count = self.bytes.peek(xml, 4)?.first_chunk().ok_or_else(|| cut(row))?;
                let count = u64::from(u32::from_be_bytes(*count));
                self.bytes.take(4);
                match self.count_of {
                    CountOf::Primitives => count,
                    CountOf::Outer => count.saturating_mul(cells.stride),
                }
            }
        };
        let length = byte_length(cells.datatype, values);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= xml.limit());
        let length =
            length.ok_or_else(|| xml.too_long(&format!("{values} values of a cell take")))?;
        let bytes = self.bytes.peek(xml, length)?.get(..length).ok_or_else(|| cut(row))?;
        let appended = match is_null {
            Some(true) => cells.append_null(),
            // A flag takes precedence over the null value. Elements of a list have no flags.
            Some(false) if !cells.is_list() => append(cells, bytes, values, None, self.charset),
            _ => append(cells, bytes, values, cells.null, self.charset),
        };
        self.bytes.take(length);
        appended.map_err(|message| Error::new(ErrorKind::InvalidValue, message))
    }
}

/// Appends a cell that consists of all these bytes. A count precedes the values if cells differ in length.
pub(super) fn append_whole(cells: &mut ColumnCells, bytes: &[u8]) -> Result<(), String> {
    let (values, bytes) = match cells.fixed {
        Some(values) => (values, bytes),
        None => {
            let (count, bytes) =
                bytes.split_first_chunk().ok_or("fewer bytes than the count of its values")?;
            (u64::from(u32::from_be_bytes(*count)), bytes)
        }
    };
    if byte_length(cells.datatype, values) != Some(bytes.len() as u64) {
        return Err(format!("{} bytes are not {values} values of {}", bytes.len(), cells.datatype));
    }
    append(cells, bytes, values, cells.null, Charset::Utf8)
}

fn cut(row: u64) -> Error {
    damaged("the STREAM ends within the row").with_row(row)
}

fn byte_length(datatype: Datatype, values: u64) -> Option<u64> {
    use Datatype::{
        Bit, Boolean, Char, Double, DoubleComplex, Float, FloatComplex, Int, Long, Short,
        UnicodeChar, UnsignedByte,
    };
    let each = match datatype {
        Bit => return Some(values.div_ceil(8)),
        Boolean | UnsignedByte | Char => 1,
        Short | UnicodeChar => 2,
        Int | Float => 4,
        Long | Double | FloatComplex => 8,
        DoubleComplex => 16,
    };
    values.checked_mul(each)
}

fn append(
    cells: &mut ColumnCells,
    bytes: &[u8],
    values: u64,
    null: Option<Null>,
    charset: Charset,
) -> Result<(), String> {
    let integer = |value: i64| null == Some(Null::Integer(value));
    let float = |value: f64| null == Some(Null::Float(value));
    let string_length = cells.string_length;
    match &mut cells.elements {
        Elements::Boolean(builder) if cells.datatype == Datatype::Bit => {
            for index in 0..values as usize {
                builder.append_value(bytes[index / 8] >> (7 - index % 8) & 1 == 1);
            }
        }
        Elements::Boolean(builder) => {
            for byte in bytes {
                builder.append_option(boolean(*byte)?);
            }
        }
        Elements::UnsignedByte(builder) => {
            numbers(builder, bytes, u8::from_be_bytes, |value| integer(value.into()));
        }
        Elements::Short(builder) => {
            numbers(builder, bytes, i16::from_be_bytes, |value| integer(value.into()));
        }
        Elements::Int(builder) => {
            numbers(builder, bytes, i32::from_be_bytes, |value| integer(value.into()));
        }
        Elements::Long(builder) => numbers(builder, bytes, i64::from_be_bytes, integer),
        Elements::Float(builder) => {
            numbers(builder, bytes, f32::from_be_bytes, |value| float(value.into()));
        }
        Elements::Double(builder) => numbers(builder, bytes, f64::from_be_bytes, float),
        Elements::Text(builder) => {
            let width = if cells.datatype == Datatype::UnicodeChar { 2 } else { 1 };
            let length = match string_length {
                Some(length) if !values.is_multiple_of(length) => {
                    return Err(format!(
                        "{values} characters can't be divided into strings of {length}"
                    ));
                }
                Some(length) => length as usize * width,
                None => bytes.len(),
            };
            if string_length.is_none() {
                builder.append_value(text(bytes, width, charset)?);
            } else {
                for string in bytes.chunks(length.max(1)) {
                    builder.append_value(text(string, width, charset)?);
                }
            }
        }
    }
    cells.end_cell()
}

fn numbers<T: ArrowPrimitiveType, const N: usize>(
    builder: &mut PrimitiveBuilder<T>,
    bytes: &[u8],
    from: fn([u8; N]) -> T::Native,
    is_null: impl Fn(T::Native) -> bool,
) {
    for chunk in bytes.as_chunks().0 {
        let value = from(*chunk);
        builder.append_option((!is_null(value)).then_some(value));
    }
}

/// VOTable 1.4, 6: `T`, `t` or `1`; `F`, `f` or `0`; NUL, a space or `?` for null.
fn boolean(byte: u8) -> Result<Option<bool>, String> {
    match byte {
        b'T' | b't' | b'1' => Ok(Some(true)),
        b'F' | b'f' | b'0' => Ok(Some(false)),
        0 | b' ' | b'?' => Ok(None),
        _ => Err(format!("0x{byte:02x} is not a boolean; allowed are T, F, 1, 0 and ?")),
    }
}

/// A string up to its first NUL; VOTable 1.4, 6.
fn text(bytes: &[u8], width: usize, charset: Charset) -> Result<Cow<'_, str>, String> {
    if width == 2 {
        let units = bytes.as_chunks().0.iter().map(|unit| u16::from_be_bytes(*unit));
        let characters = char::decode_utf16(units.take_while(|unit| *unit != 0));
        return characters.collect::<Result<String, _>>().map(Cow::Owned).map_err(|error| {
            let unit = error.unpaired_surrogate();
            format!("0x{unit:04x} is half a surrogate pair; unicodeChar is UTF-16")
        });
    }
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = &bytes[..end];
    match charset {
        Charset::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
            let place = error.valid_up_to();
            format!(
                "byte 0x{:02x} at place {} of the text is not UTF-8; if char is ISO 8859-1, say so \
                 (Charset::Latin1)",
                bytes[place],
                place + 1
            )
        }),
        Charset::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}
