//! The columns of a table, as described by TFORMn and related keywords; FITS 4.0, sections 7.2 and 7.3.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field};
use taploom_model::{Arraysize, ColumnMetadata, Datatype, Error, ErrorKind, Result};

use super::ascii::AsciiForm;
use super::cells::{self, Encoding};
use super::header::Header;
use super::heap::{Descriptor, Heap};
use super::rows::RowBytes;
use crate::error::damaged;

/// A column of a table.
pub(super) struct FitsColumn {
    pub(super) name: String,
    pub(super) metadata: ColumnMetadata,
    /// The offset of a cell in its row, in bytes.
    offset: usize,
    /// The width of a cell in its row, in bytes.
    width: usize,
    content: Content,
}

/// The encoding of a column, by the kind of table.
enum Content {
    Binary(Encoding, Shape),
    Ascii(AsciiForm),
}

/// The number of values in a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    One,
    /// An array of a fixed number of values.
    Fixed(usize),
    /// Texts of this width, and their number per cell.
    Texts(usize, usize),
    /// An array in the heap.
    InHeap,
}

/// The columns of a table. Ignored parts are noted.
///
/// # Errors
/// [`ErrorKind::Source`] naming the column whose keywords are missing or wrong.
pub(super) fn columns(
    header: &Header,
    row_bytes: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<FitsColumn>> {
    let count = header.integer("TFIELDS").filter(|count| (0..=999).contains(count));
    let count = count.ok_or_else(|| damaged("TFIELDS is missing or not between 0 and 999"))?;
    let name_of = |number: i64| {
        header.text(&format!("TTYPE{number}")).unwrap_or_else(|| format!("col{number}"))
    };
    if header.text("XTENSION").as_deref() == Some("TABLE") {
        let columns = (1..=count)
            .map(|number| FitsColumn::in_ascii(header, number, name_of(number), row_bytes));
        return columns.collect();
    }
    let mut columns = Vec::new();
    let mut offset = 0_usize;
    for number in 1..=count {
        let name = name_of(number);
        let (column, width) = FitsColumn::new(header, number, name, offset, notes)?;
        columns.extend(column);
        offset = offset.saturating_add(width);
        if offset > row_bytes {
            return Err(damaged(format!(
                "the columns up to number {number} take {offset} bytes, but a row has only {row_bytes}"
            )));
        }
    }
    if offset < row_bytes {
        notes.push(format!(
            "the last {} bytes of every row belong to no column, and are ignored",
            row_bytes - offset
        ));
    }
    Ok(columns)
}

impl FitsColumn {
    /// The column with this number and its width in bytes. `None` for a column without values.
    fn new(
        header: &Header,
        number: i64,
        name: String,
        offset: usize,
        notes: &mut Vec<String>,
    ) -> Result<(Option<Self>, usize)> {
        let key = |keyword: &str| format!("{keyword}{number}");
        let wrong = |message: String| damaged(message).with_column(&name);
        let form = header.text(&key("TFORM"));
        let form = form.ok_or_else(|| wrong(format!("TFORM{number} is missing")))?;
        let Some(Form { repeat, heap, letter }) = Form::parse(&form) else {
            return Err(wrong(format!("TFORM{number} {form:?} is not valid in a binary table")));
        };
        let (zero, scale) = (header.number(&key("TZERO")), header.number(&key("TSCAL")));
        let encoding =
            Encoding::new(letter, scale.unwrap_or(1.0), zero.unwrap_or(0.0)).map_err(wrong)?;
        let null = header.integer(&key("TNULL")).filter(|_| encoding.is_integer());
        let encoding = encoding.with_null(null);
        let width = match heap {
            Some(width) => width.checked_mul(repeat.min(1)),
            None => encoding.bytes(repeat as u64).and_then(|bytes| usize::try_from(bytes).ok()),
        };
        let width = width.ok_or_else(|| wrong(format!("TFORM{number} {form:?} is too large")))?;
        if repeat == 0 {
            notes.push(format!("column {name:?} has no values (TFORM {form}) and is left out"));
            return Ok((None, width));
        }
        let dimensions = header.text(&key("TDIM")).and_then(|text| dimensions(&text));
        let (shape, arraysize) = shape(&encoding, repeat, heap.is_some(), dimensions.as_deref());
        let metadata = ColumnMetadata {
            datatype: encoding.datatype(),
            arraysize,
            null_value: null
                .filter(|_| encoding.datatype().is_some_and(Datatype::is_integer))
                .map(|null| null.to_string()),
            ..described(header, number)
        };
        let content = Content::Binary(encoding, shape);
        Ok((Some(Self { name, metadata, offset, width, content }), width))
    }

    /// The column with this number in an ASCII table, where each column declares its position.
    fn in_ascii(header: &Header, number: i64, name: String, row_bytes: usize) -> Result<Self> {
        let key = |keyword: &str| format!("{keyword}{number}");
        let wrong = |message: String| damaged(message).with_column(&name);
        let form = header.text(&key("TFORM"));
        let form = form.ok_or_else(|| wrong(format!("TFORM{number} is missing")))?;
        let Some(known) = AsciiForm::parse(&form) else {
            return Err(wrong(format!("TFORM{number} {form:?} is not valid in an ASCII table")));
        };
        let (zero, scale) = (header.number(&key("TZERO")), header.number(&key("TSCAL")));
        // A TNULL of spaces is not a null value.
        let null =
            header.has(&key("TNULL")).then(|| header.text(&key("TNULL")).unwrap_or_default());
        let known = known.with_scaling(scale.unwrap_or(1.0), zero.unwrap_or(0.0)).with_null(null);
        let start = header.integer(&key("TBCOL")).and_then(|start| usize::try_from(start).ok());
        let offset = start
            .and_then(|start| start.checked_sub(1))
            .filter(|offset| offset.checked_add(known.width).is_some_and(|end| end <= row_bytes));
        let offset = offset.ok_or_else(|| {
            wrong(format!(
                "TBCOL{number} is missing, or its {} characters are not within a row of {row_bytes}",
                known.width
            ))
        })?;
        let datatype = known.datatype();
        let metadata = ColumnMetadata {
            datatype: Some(datatype),
            arraysize: datatype
                .is_text()
                .then(|| format!("{}*", known.width).parse().ok())
                .flatten(),
            ..described(header, number)
        };
        let width = known.width;
        Ok(Self { name, metadata, offset, width, content: Content::Ascii(known) })
    }

    /// The Arrow type of the cells.
    pub(super) fn data_type(&self) -> DataType {
        let (encoding, shape) = match &self.content {
            Content::Binary(encoding, shape) => (encoding, shape),
            Content::Ascii(form) => return form.data_type(),
        };
        let element = encoding.element();
        let is_list = match shape {
            Shape::One => encoding.is_complex(),
            Shape::Fixed(_) | Shape::Texts(..) => true,
            Shape::InHeap => !encoding.is_text(),
        };
        match is_list {
            true => DataType::List(Arc::new(Field::new_list_field(element, true))),
            false => element,
        }
    }

    pub(super) fn is_in_heap(&self) -> bool {
        matches!(self.content, Content::Binary(_, Shape::InHeap))
    }

    /// The size of this number of values in the heap, in bytes.
    pub(super) fn heap_bytes(&self, values: u64) -> Option<u64> {
        match &self.content {
            Content::Binary(encoding, _) => encoding.bytes(values),
            Content::Ascii(_) => None,
        }
    }

    /// The bytes of the column's cells in the first rows.
    pub(super) fn raw_cells<'a>(
        &self,
        rows: &'a RowBytes,
        count: usize,
    ) -> impl Iterator<Item = &'a [u8]> {
        rows.cells(count, self.offset, self.width)
    }

    /// Converts the cells of the first rows. An error has the index of its row among them.
    pub(super) fn cells(
        &self,
        rows: &RowBytes,
        count: usize,
        heap: Option<&mut Heap>,
    ) -> Result<ArrayRef, (Error, usize)> {
        let fail = |(message, row): (String, usize)| (self.wrong(message), row);
        let (encoding, shape) = match &self.content {
            Content::Binary(encoding, shape) => (encoding, *shape),
            Content::Ascii(form) => return form.cells(self.raw_cells(rows, count)).map_err(fail),
        };
        match (shape, heap) {
            (Shape::InHeap, Some(heap)) => {
                let mut bytes = Vec::new();
                let mut lengths = Vec::with_capacity(count);
                for (row, cell) in self.raw_cells(rows, count).enumerate() {
                    let descriptor = Descriptor::of(cell).map_err(|what| fail((what, row)))?;
                    let size = self.heap_bytes(descriptor.elements);
                    let size =
                        size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
                    heap.read(descriptor.offset, size, &mut bytes)
                        .map_err(|what| fail((what, row)))?;
                    lengths.push(usize::try_from(descriptor.elements).unwrap_or(usize::MAX));
                }
                cells::of_lengths(encoding, &bytes, &lengths).map_err(fail)
            }
            (Shape::InHeap, None) => Err(fail(("its arrays have no heap".to_owned(), 0))),
            (shape, _) => {
                let mut bytes = Vec::with_capacity(count.saturating_mul(self.width));
                self.raw_cells(rows, count).for_each(|cell| bytes.extend_from_slice(cell));
                cells::of_shape(encoding, &bytes, shape, self.width, count).map_err(fail)
            }
        }
    }

    /// An error that names this column.
    pub(super) fn wrong(&self, message: String) -> Error {
        Error::new(ErrorKind::Source, message).with_column(&self.name)
    }
}

/// The metadata of a column, from its keywords.
fn described(header: &Header, number: i64) -> ColumnMetadata {
    let text = |keyword: &str| header.text(&format!("{keyword}{number}"));
    ColumnMetadata {
        unit: text("TUNIT"),
        ucd: text("TUCD"),
        utype: text("TUTYP"),
        description: text("TCOMM"),
        ..ColumnMetadata::default()
    }
}

/// `rTa`, or `rPt(e)` for arrays in the heap.
#[derive(Debug, PartialEq)]
struct Form {
    repeat: usize,
    /// The size of a descriptor in bytes, for arrays in the heap.
    heap: Option<usize>,
    letter: u8,
}

impl Form {
    fn parse(form: &str) -> Option<Self> {
        let form = form.trim();
        let digits = form.bytes().take_while(u8::is_ascii_digit).count();
        let repeat = if digits == 0 { 1 } else { form[..digits].parse().ok()? };
        let mut letters = form[digits..].bytes().map(|letter| letter.to_ascii_uppercase());
        let letter = letters.next()?;
        let heap = match letter {
            b'P' => Some(8),
            b'Q' => Some(16),
            _ => return Some(Self { repeat, heap: None, letter }),
        };
        (repeat <= 1).then_some(())?;
        Some(Self { repeat, heap, letter: letters.next()? })
    }
}

/// Parses `(d1,d2,...)`; FITS 4.0, 7.3.2.
fn dimensions(text: &str) -> Option<Vec<usize>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let dimensions = inner.split(',').map(|extent| extent.trim().parse().ok());
    dimensions.collect::<Option<Vec<usize>>>().filter(|dimensions| !dimensions.contains(&0))
}

/// The number of values in a cell, and the matching arraysize. Dimensions that do not match the number of
/// values are ignored.
fn shape(
    encoding: &Encoding,
    repeat: usize,
    is_in_heap: bool,
    dimensions: Option<&[usize]>,
) -> (Shape, Option<Arraysize>) {
    let size = |text: String| text.parse::<Arraysize>().ok();
    let product = |dimensions: &[usize]| {
        dimensions.iter().try_fold(1_usize, |product, extent| product.checked_mul(*extent))
    };
    let joined = |dimensions: &[usize]| {
        dimensions.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
    };
    if is_in_heap {
        return (Shape::InHeap, Some(Arraysize::FREE));
    }
    if encoding.is_text() {
        return match dimensions {
            Some([width, others @ ..]) if !others.is_empty() => {
                let texts = product(others)
                    .filter(|texts| texts.checked_mul(*width).is_some_and(|bytes| bytes <= repeat));
                match texts {
                    Some(texts) => {
                        (Shape::Texts(*width, texts), size(format!("{width}x{}", joined(others))))
                    }
                    None => (Shape::One, size(format!("{repeat}*"))),
                }
            }
            _ => (Shape::One, size(format!("{repeat}*"))),
        };
    }
    match dimensions.filter(|dimensions| product(dimensions) == Some(repeat)) {
        Some(dimensions) if dimensions.len() > 1 || repeat > 1 => {
            (Shape::Fixed(repeat), size(joined(dimensions)))
        }
        _ if repeat > 1 => (Shape::Fixed(repeat), size(repeat.to_string())),
        _ => (Shape::One, encoding.is_complex().then_some(Arraysize::ONE)),
    }
}

/// The VOTable datatype of a letter; FITS 4.0, table 18.
pub(super) fn datatype(letter: u8) -> Option<Datatype> {
    Some(match letter {
        b'L' => Datatype::Boolean,
        b'X' => Datatype::Bit,
        b'B' => Datatype::UnsignedByte,
        b'I' => Datatype::Short,
        b'J' => Datatype::Int,
        b'K' => Datatype::Long,
        b'A' => Datatype::Char,
        b'E' => Datatype::Float,
        b'D' => Datatype::Double,
        b'C' => Datatype::FloatComplex,
        b'M' => Datatype::DoubleComplex,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_parsed() {
        let form = |repeat, heap, letter| Some(Form { repeat, heap, letter });
        for (text, expected) in [
            ("J", form(1, None, b'J')),
            ("12A", form(12, None, b'A')),
            ("3e", form(3, None, b'E')),
            ("20A20", form(20, None, b'A')),
            ("1PE(7)", form(1, Some(8), b'E')),
            ("QD", form(1, Some(16), b'D')),
            ("0PJ", form(0, Some(8), b'J')),
            ("2PJ(3)", None),
            ("7", None),
            ("P", None),
            ("99999999999999999999J", None),
        ] {
            assert_eq!(Form::parse(text), expected, "{text}");
        }
        assert_eq!(dimensions("(3, 4)"), Some(vec![3, 4]));
        assert_eq!((dimensions("3,4"), dimensions("(0)"), dimensions("()")), (None, None, None));
    }
}
