//! One column of BINARY2: how its cells become bytes, chosen once, then looped.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef, StringArray};
use taploom_encoder::{Arraysize, Column, Datatype, Error, ErrorKind, Extent, Result};

use crate::row_block::RowBlock;

/// Characters of a cell of fixed length at the most: every row takes all of them in memory, whatever
/// text it has.
const MOST_FIXED: usize = 1 << 20;

/// Writes the cells of one column into blocks of rows.
pub(crate) struct ColumnWriter {
    kind: Kind,
    flag_byte: usize,
    flag_mask: u8,
    /// Where the cell begins, counted from the beginning of its run.
    offset: usize,
    truncated_cells: u64,
}

/// Cells of a column from a row on: as many as the block has rows. (A slice of the array would cost
/// an allocation for each column and block.)
#[derive(Clone, Copy)]
struct Cells<'a> {
    array: &'a ArrayRef,
    first: usize,
}

/// How a cell is laid out; VOTable 1.4, 2.1 and 5.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    UnsignedByte,
    Short,
    Int,
    Long,
    Float,
    Double,
    /// So many characters, filled up with NUL.
    FixedText(Charset, usize),
    /// A count and at most so many characters.
    VariableText(Charset, usize),
}

/// How characters become bytes; an arraysize counts the units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// `char`: ASCII, and UTF-8 from VOTable 1.6 on. The unit is a byte.
    Utf8,
    /// `unicodeChar`: big-endian UTF-16. The unit is two bytes.
    Utf16,
}

impl ColumnWriter {
    /// The writers of all columns, and the bytes of a row whose variable cells are all empty.
    pub(crate) fn lay_out(columns: &[Column]) -> Result<(Vec<Self>, usize)> {
        let mut run = columns.len().div_ceil(8);
        let mut least_width = run;
        let mut writers = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let kind = Kind::of(column)?;
            least_width += kind.width();
            writers.push(Self {
                kind,
                flag_byte: index / 8,
                flag_mask: 0x80 >> (index % 8),
                offset: run,
                truncated_cells: 0,
            });
            run = if kind.is_variable() { 0 } else { run + kind.width() };
        }
        Ok((writers, least_width))
    }

    /// Whether cells differ in width.
    pub(crate) fn is_variable(&self) -> bool {
        self.kind.is_variable()
    }

    /// Cells that lost characters so far.
    pub(crate) fn truncated_cells(&self) -> u64 {
        self.truncated_cells
    }

    /// Adds to every width what the cell has beyond its count, from row `first` of `array` on.
    pub(crate) fn add_widths(&self, array: &ArrayRef, first: usize, widths: &mut [usize]) {
        if let Kind::VariableText(charset, most) = self.kind {
            let texts = array.as_string::<i32>();
            for (row, width) in widths.iter_mut().enumerate() {
                *width += charset.fit(cell(texts, first + row), most).bytes;
            }
        }
    }

    /// Writes cells of `array` from row `first` on, one into each row of the block.
    pub(crate) fn write(&mut self, array: &ArrayRef, first: usize, block: &mut RowBlock) {
        let cells = Cells { array, first };
        match self.kind {
            Kind::Boolean => {
                let values = array.as_boolean().values();
                let values = (first..).take(block.runs.len()).map(|row| values.value(row));
                self.scatter(block, values.map(|value| [if value { b'T' } else { b'F' }]));
                self.write_nulls(cells, block, [0]);
            }
            Kind::UnsignedByte => self.numbers::<UInt8Type, 1>(cells, block, u8::to_be_bytes, 0),
            Kind::Short => self.numbers::<Int16Type, 2>(cells, block, i16::to_be_bytes, 0),
            Kind::Int => self.numbers::<Int32Type, 4>(cells, block, i32::to_be_bytes, 0),
            Kind::Long => self.numbers::<Int64Type, 8>(cells, block, i64::to_be_bytes, 0),
            Kind::Float => {
                self.numbers::<Float32Type, 4>(cells, block, f32::to_be_bytes, f32::NAN);
            }
            Kind::Double => {
                self.numbers::<Float64Type, 8>(cells, block, f64::to_be_bytes, f64::NAN);
            }
            Kind::FixedText(charset, length) => self.fixed_text(cells, block, charset, length),
            Kind::VariableText(charset, most) => self.variable_text(cells, block, charset, most),
        }
    }

    fn numbers<T: ArrowPrimitiveType, const W: usize>(
        &self,
        cells: Cells<'_>,
        block: &mut RowBlock,
        to_be_bytes: fn(T::Native) -> [u8; W],
        null: T::Native,
    ) {
        let values = &cells.array.as_primitive::<T>().values()[cells.first..];
        self.scatter(block, values.iter().map(|value| to_be_bytes(*value)));
        self.write_nulls(cells, block, to_be_bytes(null));
    }

    fn scatter<const W: usize>(&self, block: &mut RowBlock, cells: impl Iterator<Item = [u8; W]>) {
        for (cell, run) in cells.zip(&block.runs) {
            let at = run + self.offset;
            block.bytes[at..at + W].copy_from_slice(&cell);
        }
    }

    /// Sets the flags of null cells, and puts `cell` over what stands there.
    fn write_nulls<const W: usize>(&self, cells: Cells<'_>, block: &mut RowBlock, cell: [u8; W]) {
        let nulls = cells.array.nulls().filter(|nulls| nulls.null_count() > 0);
        let Some(nulls) = nulls else { return };
        for row in 0..block.runs.len() {
            if nulls.is_null(cells.first + row) {
                block.bytes[block.flags[row] + self.flag_byte] |= self.flag_mask;
                let at = block.runs[row] + self.offset;
                block.bytes[at..at + W].copy_from_slice(&cell);
            }
        }
    }

    fn fixed_text(
        &mut self,
        cells: Cells<'_>,
        block: &mut RowBlock,
        charset: Charset,
        length: usize,
    ) {
        let texts = cells.array.as_string::<i32>();
        for row in 0..block.runs.len() {
            let text = cell(texts, cells.first + row);
            let fitting = charset.fit(text, length);
            self.truncated_cells += u64::from(fitting.text.len() < text.len());
            let at = block.runs[row] + self.offset;
            charset.write(fitting, &mut block.bytes[at..at + fitting.bytes]);
        }
        self.write_nulls(cells, block, []);
    }

    /// Writes count and characters, and moves the run of every row behind them.
    fn variable_text(
        &mut self,
        cells: Cells<'_>,
        block: &mut RowBlock,
        charset: Charset,
        most: usize,
    ) {
        self.write_nulls(cells, block, []);
        let texts = cells.array.as_string::<i32>();
        for (row, run) in block.runs.iter_mut().enumerate() {
            let text = cell(texts, cells.first + row);
            let fitting = charset.fit(text, most);
            self.truncated_cells += u64::from(fitting.text.len() < text.len());
            let at = *run + self.offset;
            // An Arrow string has at most 2^31 bytes, and so many units at the most.
            let count = (fitting.bytes / charset.unit()) as u32;
            block.bytes[at..at + 4].copy_from_slice(&count.to_be_bytes());
            let end = at + 4 + fitting.bytes;
            charset.write(fitting, &mut block.bytes[at + 4..end]);
            *run = end;
        }
    }
}

impl Kind {
    fn of(column: &Column) -> Result<Self> {
        let vo_type = column.vo_type()?;
        if vo_type.is_list() || vo_type.datatype == Datatype::Bit {
            let message = format!("{vo_type} can't be written yet");
            return Err(
                Error::new(ErrorKind::UnsupportedColumn, message).with_column(column.name())
            );
        }
        let charset = match vo_type.datatype {
            Datatype::Boolean => return Ok(Self::Boolean),
            Datatype::UnsignedByte => return Ok(Self::UnsignedByte),
            Datatype::Short => return Ok(Self::Short),
            Datatype::Int => return Ok(Self::Int),
            Datatype::Long => return Ok(Self::Long),
            Datatype::Float => return Ok(Self::Float),
            Datatype::Double => return Ok(Self::Double),
            Datatype::Char => Charset::Utf8,
            Datatype::UnicodeChar => Charset::Utf16,
            Datatype::Bit | Datatype::FloatComplex | Datatype::DoubleComplex => unreachable!(),
        };
        Ok(match vo_type.arraysize.as_ref().map(Arraysize::last) {
            // Without an arraysize it is one character; VOTable 1.4, 2.2.
            None => Self::FixedText(charset, 1),
            Some(Extent::Fixed(length)) if length as usize > MOST_FIXED => {
                return Err(Error::new(
                    ErrorKind::UnsupportedColumn,
                    format!("every cell would take {length} characters; declare {length}* instead"),
                )
                .with_column(column.name()));
            }
            Some(Extent::Fixed(length)) => Self::FixedText(charset, length as usize),
            Some(Extent::Bounded(most)) => Self::VariableText(charset, most as usize),
            Some(Extent::Free) => Self::VariableText(charset, usize::MAX),
        })
    }

    /// Bytes of a cell; of a variable one, those of its count.
    fn width(self) -> usize {
        match self {
            Self::Boolean | Self::UnsignedByte => 1,
            Self::Short => 2,
            Self::Int | Self::Float | Self::VariableText(..) => 4,
            Self::Long | Self::Double => 8,
            Self::FixedText(charset, length) => charset.unit() * length,
        }
    }

    fn is_variable(self) -> bool {
        matches!(self, Self::VariableText(..))
    }
}

/// The beginning of a text that fits into a cell, and the bytes that it takes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fitting<'a> {
    text: &'a str,
    bytes: usize,
}

impl Charset {
    fn unit(self) -> usize {
        match self {
            Self::Utf8 => 1,
            Self::Utf16 => 2,
        }
    }

    /// Cuts a text to at most so many units, between two characters.
    fn fit(self, text: &str, most: usize) -> Fitting<'_> {
        let units = |character: char| match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        };
        // A byte of UTF-8 never makes more than one unit of either.
        if text.len() <= most && (self == Self::Utf8 || text.is_ascii()) {
            return Fitting { text, bytes: text.len() * self.unit() };
        }
        let mut taken = 0;
        let end = text
            .char_indices()
            .find(|(_, character)| {
                let fits = taken + units(*character) <= most;
                taken += if fits { units(*character) } else { 0 };
                !fits
            })
            .map_or(text.len(), |(index, _)| index);
        Fitting { text: &text[..end], bytes: taken * self.unit() }
    }

    /// Writes the characters to a place of just their size.
    fn write(self, fitting: Fitting<'_>, place: &mut [u8]) {
        match self {
            Self::Utf8 => place.copy_from_slice(fitting.text.as_bytes()),
            Self::Utf16 => {
                for (unit, place) in fitting.text.encode_utf16().zip(place.chunks_exact_mut(2)) {
                    place.copy_from_slice(&unit.to_be_bytes());
                }
            }
        }
    }
}

/// The text of a cell; a null may have bytes behind it in Arrow, and has none here.
fn cell(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) { "" } else { texts.value(row) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(charset: Charset, text: &str, most: usize) -> (&str, usize) {
        let Fitting { text, bytes } = charset.fit(text, most);
        (text, bytes)
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(fit(Charset::Utf8, "aé", 3), ("aé", 3));
        assert_eq!(fit(Charset::Utf8, "aé", 2), ("a", 1));
        assert_eq!(fit(Charset::Utf8, "é", 1), ("", 0));
        assert_eq!(fit(Charset::Utf16, "aé", 2), ("aé", 4));
        assert_eq!(fit(Charset::Utf16, "a😀b", 4), ("a😀b", 8));
        assert_eq!(fit(Charset::Utf16, "a😀b", 3), ("a😀", 6));
        assert_eq!(fit(Charset::Utf16, "a😀b", 2), ("a", 2));
        assert_eq!(fit(Charset::Utf16, "abc", usize::MAX), ("abc", 6));
    }
}
