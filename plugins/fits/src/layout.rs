//! The positions of the cells in a row or in the heap, which are known after the last row.

use taploom_format::{CellShape, Datatype, Result, VoType};

use crate::column_writer::{ColumnWriter, Shape};

/// Bytes of a descriptor of an array in the heap: its length and its offset; FITS 4.0, section
/// 7.3.5.
const DESCRIPTOR_BYTES: usize = 16;
/// Texts up to this number of bytes are padded to the longest.
const WIDE: usize = 1024;
/// Longer texts are padded too, if that takes at most this many times the bytes of the heap.
const WASTE: u64 = 4;

/// The rows and the heap of a binary table.
pub(crate) struct Layout {
    pub(crate) fields: Vec<Place>,
    /// TNULLn, if the column has nulls.
    pub(crate) nulls: Vec<Option<i64>>,
    /// NAXIS1.
    pub(crate) row_bytes: usize,
    /// PCOUNT.
    pub(crate) heap_bytes: u64,
}

/// The position of the cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the row, with this number of bytes.
    Values(usize),
    /// In the row: this number of texts, each padded to this number of bytes.
    Texts(usize, usize),
    /// In the heap, in values of this number of bytes.
    Heap(usize),
}

impl Layout {
    /// The layout for this number of rows.
    pub(crate) fn new(columns: &[ColumnWriter], rows: u64) -> Result<Self> {
        let fields: Vec<Place> = columns.iter().map(|column| Place::of(column, rows)).collect();
        let in_heap = fields.iter().zip(columns).filter(|(place, _)| place.is_in_heap());
        Ok(Self {
            row_bytes: fields.iter().map(|place| place.bytes()).sum(),
            heap_bytes: in_heap.map(|(_, column)| column.found.bytes).sum(),
            nulls: columns.iter().map(ColumnWriter::null_value).collect::<Result<_>>()?,
            fields,
        })
    }
}

impl Place {
    fn of(column: &ColumnWriter, rows: u64) -> Self {
        let found = &column.found;
        match (column.shape, column.cell_bytes()) {
            (Shape::Values(_), Some(bytes)) => Self::Values(bytes),
            (Shape::Texts(1), _) if is_wasteful(found.most, found.bytes, rows) => {
                Self::Heap(column.value_bytes())
            }
            // Some readers ignore a column of strings with no characters.
            (Shape::Texts(count), _) => Self::Texts(count, found.most.max(1)),
            _ => Self::Heap(column.value_bytes()),
        }
    }

    /// Bytes of a cell in the row.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Values(bytes) => bytes,
            Self::Texts(count, width) => count.saturating_mul(width),
            Self::Heap(_) => DESCRIPTOR_BYTES,
        }
    }

    pub(crate) fn is_in_heap(self) -> bool {
        matches!(self, Self::Heap(_))
    }

    /// TFORMn; FITS 4.0, section 7.3.1.
    pub(crate) fn form(self, column: &ColumnWriter) -> String {
        let letter = letter(column.datatype);
        match (self, column.shape) {
            (Self::Heap(_), _) => format!("1Q{letter}({})", column.found.most),
            (Self::Texts(count, width), _) => format!("{}{letter}", count.saturating_mul(width)),
            (Self::Values(_), Shape::Values(values)) => format!("{values}{letter}"),
            (Self::Values(bytes), _) => format!("{bytes}{letter}"),
        }
    }

    /// TDIMn, for arrays of more than one dimension; the length of strings counts as a
    /// dimension (FITS 4.0, section 7.3.2). Bits have no TDIMn: astropy 8 takes their
    /// dimensions for bytes and reads no row.
    pub(crate) fn dimensions(self, vo_type: &VoType) -> Option<String> {
        let dimensions: Vec<String> = match (self, vo_type.cell()) {
            (Self::Texts(_, width), CellShape::Texts { dimensions, .. }) => {
                let dimensions = dimensions.fixed_dimensions()?;
                let dimensions = dimensions.iter().map(ToString::to_string);
                std::iter::once(width.to_string()).chain(dimensions).collect()
            }
            (Self::Values(_), CellShape::Array { .. }) if vo_type.datatype != Datatype::Bit => {
                // FITS has complex numbers: each is one value, as in the arraysize.
                let dimensions = vo_type.arraysize.as_ref()?.fixed_dimensions()?;
                dimensions.iter().map(ToString::to_string).collect()
            }
            _ => return None,
        };
        (dimensions.len() > 1).then(|| format!("({})", dimensions.join(",")))
    }
}

fn is_wasteful(widest: usize, bytes: u64, rows: u64) -> bool {
    let in_rows = rows.saturating_mul(widest as u64);
    let in_heap = bytes.saturating_add(rows.saturating_mul(DESCRIPTOR_BYTES as u64));
    widest > WIDE && in_rows > in_heap.saturating_mul(WASTE)
}

/// FITS 4.0, table 18.
fn letter(datatype: Datatype) -> char {
    match datatype {
        Datatype::Boolean => 'L',
        Datatype::Bit => 'X',
        Datatype::UnsignedByte => 'B',
        Datatype::Short => 'I',
        Datatype::Int => 'J',
        Datatype::Long => 'K',
        Datatype::Char | Datatype::UnicodeChar => 'A',
        Datatype::Float => 'E',
        Datatype::Double => 'D',
        Datatype::FloatComplex => 'C',
        Datatype::DoubleComplex => 'M',
    }
}
