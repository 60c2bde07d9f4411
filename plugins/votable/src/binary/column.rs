//! One column: the writer of its cells, chosen once, and the position of its cells in a row.

use arrow_array::ArrayRef;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use taploom_format::{CellShape, Column, Datatype, Error, ErrorKind, Result, VoType};

use crate::binary::elements::{Bits, Booleans, Elements, Number, Numbers, Strings};
use crate::binary::lists::ListWriter;
use crate::binary::row_block::{COUNT_BYTES, RowBlock};
use crate::binary::strips::Strip;
use crate::binary::texts::TextWriter;
use crate::binary::words::{BitWriter, BooleanWriter, NumberWriter, WordWriter};
use crate::charset::{Charset, Length};
use crate::misfit::Misfit;
use crate::nulls::NullValue;
use crate::options::ArrayCount;

/// Maximum bytes of a cell of fixed width. Every row takes this memory, even for a null cell.
const MOST_FIXED: u64 = 16 << 20;

/// The differences between BINARY and BINARY2, and the options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether rows begin with null flags.
    pub(crate) flags: bool,
    pub(crate) count: ArrayCount,
}

/// Writes the cells of one column into blocks of rows.
pub(crate) struct BinaryColumn {
    pub(crate) name: String,
    pub(crate) writer: Writer,
    /// Offset of the cell from the beginning of the run.
    pub(crate) offset: usize,
    /// Set for the first of columns that are written together.
    pub(crate) strip: Option<Strip>,
}

/// How the cells of a column are written.
pub(crate) enum Writer {
    /// As words, for cells of at most eight bytes.
    Words(Box<dyn WordWriter>),
    Cells(Box<dyn CellWriter>),
}

/// The cells of a column for the rows of a block, from row `first` on. A slice of the array
/// would cost an allocation per column and block.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    pub(crate) array: &'a ArrayRef,
    pub(crate) first: usize,
    pub(crate) rows: usize,
    /// A bit per null, 64 rows per word; empty if only widths are needed.
    pub(crate) nulls: &'a [u64],
}

/// Writes the cells of a column as bytes; VOTable 1.4, sections 5.3 and 6.
pub(crate) trait CellWriter: Send + Sync {
    fn width(&self) -> Width;

    /// Adds to every width the bytes that the cell has after its count.
    fn add_widths(&self, _cells: Cells<'_>, _widths: &mut [usize]) {}

    /// Writes one cell into each row, in full; returns how many cells lost characters.
    fn write(&self, cells: Cells<'_>, offset: usize, block: &mut RowBlock) -> Result<u64, Misfit>;
}

/// Bytes of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Fixed(usize),
    /// A count, followed by that number of elements.
    Variable,
}

impl BinaryColumn {
    /// All columns, and the bytes of a row whose variable cells are all empty.
    pub(crate) fn lay_out(
        columns: &[Column],
        nulls: &[NullValue],
        rules: Rules,
    ) -> Result<(Vec<Self>, usize)> {
        let mut offset = if rules.flags { columns.len().div_ceil(8) } else { 0 };
        let mut least_width = offset;
        let mut laid_out: Vec<Self> = Vec::with_capacity(columns.len());
        for (column, nulls) in columns.iter().zip(nulls) {
            let writer =
                writer(column, *nulls, rules).map_err(|error| error.with_column(column.name()))?;
            let width = writer.width();
            let place = offset;
            offset = match width {
                Width::Fixed(width) => offset + width,
                Width::Variable => 0,
            };
            least_width += width.least();
            let name = column.name().to_owned();
            laid_out.push(Self { name, writer, offset: place, strip: None });
        }
        find_strips(&mut laid_out, least_width);
        Ok((laid_out, least_width))
    }

    /// Adds to every width the bytes that the cell has after its count.
    pub(crate) fn add_widths(&self, cells: Cells<'_>, widths: &mut [usize]) {
        if let Writer::Cells(writer) = &self.writer {
            writer.add_widths(cells, widths);
        }
    }
}

impl Width {
    fn least(self) -> usize {
        match self {
            Self::Fixed(width) => width,
            Self::Variable => COUNT_BYTES,
        }
    }
}

impl Writer {
    fn is_words(&self) -> bool {
        matches!(self, Self::Words(_))
    }

    pub(crate) fn width(&self) -> Width {
        match self {
            Self::Words(writer) => Width::Fixed(writer.bytes()),
            Self::Cells(writer) => writer.width(),
        }
    }
}

/// Finds the columns that are written together; a row has at least `room` bytes.
fn find_strips(columns: &mut [BinaryColumn], mut room: usize) {
    if let Some(first) = columns.first() {
        // Null flags.
        room -= first.offset;
    }
    let widths: Vec<usize> = columns.iter().map(|column| column.writer.width().least()).collect();
    let mut index = 0;
    while index < columns.len() {
        let words = columns[index..].iter().take_while(|column| column.writer.is_words()).count();
        let strip = Strip::new(columns[index].offset, room, &widths[index..index + words]);
        let end = index + strip.as_ref().map_or(1, |strip| strip.columns);
        columns[index].strip = strip;
        room -= widths[index..end].iter().sum::<usize>();
        index = end;
    }
}

fn writer(column: &Column, nulls: NullValue, rules: Rules) -> Result<Writer> {
    let vo_type = column.vo_type()?;
    match (vo_type.cell(), Charset::of(vo_type.datatype)) {
        (CellShape::Text { length }, Some(charset)) => {
            let length = Length::of(length);
            if let Length::Fixed(length) = length {
                check_fixed(vo_type, (length * charset.unit()) as u64)?;
            }
            Ok(Writer::Cells(Box::new(TextWriter::new(charset, length))))
        }
        (CellShape::Texts { length, .. }, Some(charset)) => {
            list(vo_type, Strings::new(charset, length as usize), rules)
        }
        (cell, _) => values(column, vo_type, &cell, nulls, rules),
    }
}

/// A writer of numbers or booleans, alone or in lists.
fn values(
    column: &Column,
    vo_type: &VoType,
    cell: &CellShape,
    nulls: NullValue,
    rules: Rules,
) -> Result<Writer> {
    let is_list = matches!(cell, CellShape::Array { .. });
    match vo_type.datatype {
        Datatype::Boolean if is_list => list(vo_type, Booleans, rules),
        Datatype::Bit if is_list => list(vo_type, Bits { rules }, rules),
        Datatype::Bit => Ok(Writer::Words(Box::new(BitWriter { rules }))),
        Datatype::UnsignedByte => numbers::<UInt8Type>(column, vo_type, nulls, rules),
        Datatype::Short => numbers::<Int16Type>(column, vo_type, nulls, rules),
        Datatype::Int => numbers::<Int32Type>(column, vo_type, nulls, rules),
        Datatype::Long => numbers::<Int64Type>(column, vo_type, nulls, rules),
        Datatype::Float | Datatype::FloatComplex => {
            numbers::<Float32Type>(column, vo_type, nulls, rules)
        }
        Datatype::Double | Datatype::DoubleComplex => {
            numbers::<Float64Type>(column, vo_type, nulls, rules)
        }
        Datatype::Boolean => Ok(Writer::Words(Box::new(BooleanWriter))),
        Datatype::Char | Datatype::UnicodeChar => {
            Err(Error::new(ErrorKind::Internal, "a column of text has cells of numbers"))
        }
    }
}

fn numbers<T: Number>(
    column: &Column,
    vo_type: &VoType,
    nulls: NullValue,
    rules: Rules,
) -> Result<Writer> {
    let numbers = Numbers::<T>::new(column, nulls, rules)?;
    match vo_type.is_list() {
        true => list(vo_type, numbers, rules),
        false => Ok(Writer::Words(Box::new(NumberWriter(numbers)))),
    }
}

fn list<E: Elements + 'static>(vo_type: &VoType, elements: E, rules: Rules) -> Result<Writer> {
    let fixed = vo_type.fixed_elements();
    check_fixed(vo_type, elements.bytes(fixed.unwrap_or(1)))?;
    Ok(Writer::Cells(Box::new(ListWriter::new(elements, vo_type, rules.count))))
}

/// Refuses a cell that is too large. Every row takes the memory of a fixed cell, even if the cell
/// is null.
fn check_fixed(vo_type: &VoType, bytes: u64) -> Result<()> {
    if bytes <= MOST_FIXED {
        return Ok(());
    }
    let message = format!("{vo_type} takes {bytes} bytes per cell; the limit is {MOST_FIXED}");
    let remedy = match &vo_type.arraysize {
        Some(shape) if vo_type.fixed_elements().is_some() || !vo_type.is_list() => {
            format!("; declare {shape}* instead")
        }
        _ => "; declare shorter strings".to_owned(),
    };
    Err(Error::new(ErrorKind::UnsupportedColumn, message + &remedy))
}
