//! Converts cells from their big-endian bytes; FITS 4.0, section 7.3.3.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, PrimitiveArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use taploom_model::Datatype;

use super::columns::{Shape, datatype};

/// The encoding of a column's values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoding {
    letter: u8,
    kind: Kind,
    /// TNULLn: the stored integer that stands for null.
    null: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// As the letter of TFORMn says.
    Plain,
    /// With the highest bit inverted: a signed byte, or an unsigned integer; FITS 4.0, 5.2.5.
    OtherSign,
    /// `zero + scale * stored`.
    Scaled { scale: f64, zero: f64 },
}

/// A message, and the position of the value or row.
pub(super) type Wrong = (String, usize);

impl Encoding {
    /// The encoding that TFORMn, TSCALn and TZEROn describe.
    pub(super) fn new(letter: u8, scale: f64, zero: f64) -> Result<Self, String> {
        if datatype(letter).is_none() {
            let letter = char::from(letter);
            return Err(format!("its TFORM has the letter {letter:?}, which stands for no type"));
        }
        let other_sign = match letter {
            b'B' => Some(-128.0),
            b'I' => Some(32_768.0),
            b'J' => Some(2_147_483_648.0),
            b'K' => Some(9_223_372_036_854_775_808.0),
            _ => None,
        };
        let is_plain = (scale, zero) == (1.0, 0.0);
        let kind = match letter {
            // The scaling keywords have no meaning for these letters; FITS 4.0, 7.3.2.
            b'L' | b'X' | b'A' => Kind::Plain,
            _ if is_plain => Kind::Plain,
            b'C' | b'M' => {
                return Err(
                    "its complex numbers have TSCAL or TZERO, which is not supported".to_owned()
                );
            }
            _ if scale == 1.0 && Some(zero) == other_sign => Kind::OtherSign,
            _ => Kind::Scaled { scale, zero },
        };
        Ok(Self { letter, kind, null: None })
    }

    pub(super) fn with_null(self, null: Option<i64>) -> Self {
        Self { null, ..self }
    }

    /// Whether the stored values are integers.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self.letter, b'B' | b'I' | b'J' | b'K')
    }

    pub(super) fn is_text(&self) -> bool {
        self.letter == b'A'
    }

    pub(super) fn is_complex(&self) -> bool {
        matches!(self.letter, b'C' | b'M')
    }

    /// The datatype, if VOTable has the type.
    pub(super) fn datatype(&self) -> Option<Datatype> {
        match self.kind {
            Kind::Plain => datatype(self.letter),
            Kind::OtherSign => None,
            Kind::Scaled { .. } => Some(Datatype::Double),
        }
    }

    /// The Arrow type of an element. A complex number has two elements.
    pub(super) fn element(&self) -> DataType {
        match (self.kind, self.letter) {
            (Kind::Scaled { .. }, _) => DataType::Float64,
            (Kind::OtherSign, b'B') => DataType::Int8,
            (Kind::OtherSign, b'I') => DataType::UInt16,
            (Kind::OtherSign, b'J') => DataType::UInt32,
            (Kind::OtherSign, _) => DataType::UInt64,
            (Kind::Plain, letter) => datatype(letter).map_or(DataType::Null, Datatype::element),
        }
    }

    /// The size of this number of values in bytes.
    pub(super) fn bytes(&self, values: u64) -> Option<u64> {
        match self.letter {
            b'X' => Some(values.div_ceil(8)),
            _ => values.checked_mul(self.value_bytes() as u64),
        }
    }

    /// The size of a value in bytes, except for bits.
    fn value_bytes(&self) -> usize {
        match self.letter {
            b'I' => 2,
            b'J' | b'E' => 4,
            b'K' | b'D' | b'C' => 8,
            b'M' => 16,
            _ => 1,
        }
    }

    /// The number of elements of this number of values.
    fn elements(&self, values: usize) -> usize {
        if self.is_complex() { values.saturating_mul(2) } else { values }
    }

    /// Converts values that are not text or bits.
    fn values(&self, bytes: &[u8]) -> Result<ArrayRef, Wrong> {
        macro_rules! number {
            ($stored:ty, $plain:ty, $other:ty, $flip:expr) => {{
                let stored = || stored(bytes, <$stored>::from_be_bytes);
                let nulls = self.null.map(|null| {
                    stored().map(|value| i64::from(value) != null).collect::<NullBuffer>()
                });
                match self.kind {
                    Kind::Plain => primitive::<$plain>(stored(), nulls),
                    Kind::OtherSign => {
                        primitive::<$other>(stored().map(|value| (value ^ $flip) as _), nulls)
                    }
                    Kind::Scaled { scale, zero } => primitive::<Float64Type>(
                        stored().map(|value| zero + scale * value as f64),
                        nulls,
                    ),
                }
            }};
        }
        macro_rules! float {
            ($stored:ty, $plain:ty) => {{
                let stored = || stored(bytes, <$stored>::from_be_bytes);
                match self.kind {
                    Kind::Scaled { scale, zero } => primitive::<Float64Type>(
                        stored().map(|value| zero + scale * f64::from(value)),
                        None,
                    ),
                    _ => primitive::<$plain>(stored(), None),
                }
            }};
        }
        Ok(match self.letter {
            b'L' => logical(bytes)?,
            b'B' => number!(u8, UInt8Type, Int8Type, 1 << 7),
            b'I' => number!(i16, Int16Type, UInt16Type, i16::MIN),
            b'J' => number!(i32, Int32Type, UInt32Type, i32::MIN),
            b'K' => number!(i64, Int64Type, UInt64Type, i64::MIN),
            b'E' | b'C' => float!(f32, Float32Type),
            _ => float!(f64, Float64Type),
        })
    }
}

fn stored<const N: usize, T>(
    bytes: &[u8],
    from: impl Fn([u8; N]) -> T + Copy,
) -> impl Iterator<Item = T> {
    bytes.as_chunks::<N>().0.iter().map(move |bytes| from(*bytes))
}

fn primitive<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = T::Native>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    let values: Vec<T::Native> = values.collect();
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

/// `T`, `F`, or 0 for null. Some writers use a space for null.
fn logical(bytes: &[u8]) -> Result<ArrayRef, Wrong> {
    let values = bytes.iter().enumerate().map(|(at, byte)| match byte {
        b'T' => Ok(Some(true)),
        b'F' => Ok(Some(false)),
        0 | b' ' => Ok(None),
        other => Err((format!("a logical value is the byte {other}, neither T nor F nor 0"), at)),
    });
    Ok(Arc::new(values.collect::<Result<BooleanArray, _>>()?))
}

/// Converts cells of the same shape, `width` bytes each.
pub(super) fn of_shape(
    encoding: &Encoding,
    bytes: &[u8],
    shape: Shape,
    width: usize,
    count: usize,
) -> Result<ArrayRef, Wrong> {
    match shape {
        Shape::One if encoding.is_text() => Ok(texts(bytes.chunks(width.max(1)))),
        Shape::One if encoding.is_complex() => of_lengths(encoding, bytes, &vec![1; count]),
        Shape::One if encoding.letter == b'X' => Ok(bits(bytes, &vec![1; count])),
        Shape::One => encoding.values(bytes),
        Shape::Texts(length, texts_per_cell) => {
            let cells = bytes.chunks(width.max(1));
            let texts =
                texts(cells.flat_map(|cell| cell.chunks(length.max(1)).take(texts_per_cell)));
            list(texts, &vec![texts_per_cell; count])
        }
        Shape::Fixed(values) => of_lengths(encoding, bytes, &vec![values; count]),
        Shape::InHeap => Err(("its arrays have no heap".to_owned(), 0)),
    }
}

/// Converts cells with these numbers of values.
pub(super) fn of_lengths(
    encoding: &Encoding,
    bytes: &[u8],
    lengths: &[usize],
) -> Result<ArrayRef, Wrong> {
    if encoding.is_text() {
        let mut rest = bytes;
        return Ok(texts(lengths.iter().map(|length| {
            let (text, more) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
            rest = more;
            text
        })));
    }
    let values = match encoding.letter {
        b'X' => bits(bytes, lengths),
        _ => encoding.values(bytes).map_err(|(message, at)| {
            let ends = lengths.iter().scan(0_usize, |end, length| {
                *end += length;
                Some(*end)
            });
            (message, ends.take_while(|end| *end <= at).count())
        })?,
    };
    let lengths: Vec<usize> = lengths.iter().map(|length| encoding.elements(*length)).collect();
    list(values, &lengths)
}

/// Converts bits. Each cell takes a whole number of bytes.
fn bits(bytes: &[u8], lengths: &[usize]) -> ArrayRef {
    let mut rest = bytes;
    let mut values = Vec::with_capacity(lengths.iter().sum());
    for length in lengths {
        let (cell, more) = rest.split_at_checked(length.div_ceil(8)).unwrap_or((rest, &[]));
        rest = more;
        values.extend(
            (0..*length)
                .map(|bit| cell.get(bit / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1)),
        );
    }
    Arc::new(BooleanArray::from(values))
}

/// Converts texts. They end at the first NUL, and trailing spaces have no meaning (FITS 4.0, 7.3.3.1). An
/// empty text is null.
pub(super) fn texts<'a>(cells: impl Iterator<Item = &'a [u8]>) -> ArrayRef {
    let mut texts = StringBuilder::new();
    for cell in cells {
        let end = cell.iter().position(|byte| *byte == 0).unwrap_or(cell.len());
        let spaces = cell[..end].iter().rev().take_while(|byte| **byte == b' ').count();
        match &cell[..end - spaces] {
            [] => texts.append_null(),
            bytes => match std::str::from_utf8(bytes) {
                Ok(text) => texts.append_value(text),
                // FITS allows only ASCII. Other characters in FITS files are mostly ISO 8859-1.
                Err(_) => {
                    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                    texts.append_value(text);
                }
            },
        }
    }
    Arc::new(texts.finish())
}

fn list(values: ArrayRef, lengths: &[usize]) -> Result<ArrayRef, Wrong> {
    let elements = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length));
    if elements.is_none_or(|elements| i32::try_from(elements).is_err()) {
        let message = "its arrays have more than 2147483647 values in one batch".to_owned();
        return Err((message, 0));
    }
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    ListArray::try_new(item, offsets, values, None)
        .map(|list| Arc::new(list) as ArrayRef)
        .map_err(|error| (error.to_string(), 0))
}
