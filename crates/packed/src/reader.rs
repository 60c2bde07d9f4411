//! Reads packed pieces.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, PrimitiveArray,
    downcast_primitive, make_array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_ipc::reader::read_record_batch;
use arrow_schema::{ArrowError, DataType};

use crate::layout::{ALIGN, HAS_NULLS, HEADER, Layout, one_column};

/// The length of the piece at the beginning of `bytes`; `None` if they are shorter than its header.
pub fn piece_length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u64::from_ne_bytes(*bytes.first_chunk()?)).ok()
}

/// Reads the arrays of a piece in the order in which they were added.
pub struct PieceReader<'a> {
    bytes: &'a Buffer,
    rows: usize,
    /// The offset of the next array.
    at: usize,
}

impl<'a> PieceReader<'a> {
    /// Reads the piece at the beginning of `bytes`. The arrays share the memory of `bytes`.
    ///
    /// # Errors
    /// [`ArrowError::IpcError`] if the bytes are too short.
    pub fn new(bytes: &'a Buffer) -> Result<Self, ArrowError> {
        Ok(Self { bytes, rows: number(bytes, 8)?, at: HEADER })
    }

    /// The next array, which has to be of this type.
    ///
    /// # Errors
    /// [`ArrowError`] if the bytes are not an array of the type.
    pub fn next(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let end = end(self.bytes, self.at)?;
        let array = part(self.bytes, self.at, end - self.at)?;
        self.at = end;
        unpack_array(&array, self.rows, data_type)
    }

    /// Skips the next array.
    ///
    /// # Errors
    /// [`ArrowError::IpcError`] if the bytes are too short.
    pub fn skip(&mut self) -> Result<(), ArrowError> {
        self.at = end(self.bytes, self.at)?;
        Ok(())
    }
}

/// A piece whose arrays can be read in any order.
#[derive(Debug)]
pub struct Piece {
    bytes: Buffer,
    rows: usize,
    /// The offset of each array.
    starts: Vec<usize>,
}

impl Piece {
    /// The piece at the beginning of `bytes`, which has this number of arrays. They share the memory of `bytes`.
    ///
    /// # Errors
    /// [`ArrowError::IpcError`] if the bytes are too short.
    pub fn new(bytes: Buffer, arrays: usize) -> Result<Self, ArrowError> {
        let rows = number(&bytes, 8)?;
        let mut starts = Vec::with_capacity(arrays);
        let mut at = HEADER;
        for _ in 0..arrays {
            starts.push(at);
            at = end(&bytes, at)?;
        }
        Ok(Self { bytes, rows, starts })
    }

    /// The array that was added as number `index`, counted from 0, which has to be of this type.
    ///
    /// # Errors
    /// [`ArrowError`] if the piece has no array of this number, or if the array has another type.
    pub fn array(&self, index: usize, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let start = self.starts.get(index).copied();
        let start = start.ok_or_else(|| ArrowError::IpcError(format!("no array {index}")))?;
        let array = part(&self.bytes, start, number(&self.bytes, start)?)?;
        unpack_array(&array, self.rows, data_type)
    }
}

fn unpack_array(bytes: &Buffer, rows: usize, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let half = |at: usize| {
        let half = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        half.map(|half| u32::from_ne_bytes(*half)).ok_or_else(cut_short)
    };
    let values = half(8)? as usize;
    let has_nulls = half(12)? & HAS_NULLS != 0;
    let mut at = HEADER;
    let mut next = |length: usize| {
        let buffer = part(bytes, at, length)?;
        at += length.next_multiple_of(ALIGN);
        Ok::<_, ArrowError>(buffer)
    };
    let validity = has_nulls.then(|| next(rows.div_ceil(8))).transpose()?;
    let layout = Layout::of(data_type);
    let offsets = match layout {
        Layout::Offsets32 => Some(next(rows.saturating_add(1).saturating_mul(size_of::<i32>()))?),
        Layout::Offsets64 => Some(next(rows.saturating_add(1).saturating_mul(size_of::<i64>()))?),
        Layout::Null | Layout::Bits | Layout::Fixed | Layout::Nested => None,
    };
    let values = next(values)?;
    match layout {
        Layout::Bits | Layout::Fixed => fixed(&values, rows, validity, data_type),
        Layout::Nested => unpack_message(&values, data_type),
        Layout::Null | Layout::Offsets32 | Layout::Offsets64 => {
            let data = ArrayData::builder(data_type.clone()).len(rows).null_bit_buffer(validity);
            let data = match offsets {
                Some(offsets) => data.add_buffer(offsets).add_buffer(values),
                None => data,
            };
            // A vector of bytes may begin at an address that is not aligned for its values.
            Ok(make_array(data.align_buffers(true).build()?))
        }
    }
}

/// An array of values of a fixed width. It is not made of [`ArrayData`], whose checks take several times as long.
fn fixed(
    values: &Buffer,
    rows: usize,
    validity: Option<Buffer>,
    data_type: &DataType,
) -> Result<ArrayRef, ArrowError> {
    fn numbers<T: ArrowPrimitiveType>(
        values: &Buffer,
        rows: usize,
        nulls: Option<NullBuffer>,
        data_type: &DataType,
    ) -> Result<ArrayRef, ArrowError> {
        let values = part(values, 0, rows.saturating_mul(size_of::<T::Native>()))?;
        let values = match values.as_ptr().align_offset(align_of::<T::Native>()) {
            0 => values,
            // A copy begins at an address that is aligned for every type.
            _ => Buffer::from(values.as_slice()),
        };
        let array = PrimitiveArray::<T>::try_new(ScalarBuffer::new(values, 0, rows), nulls)?;
        Ok(Arc::new(array.with_data_type(data_type.clone())))
    }
    macro_rules! numbers_of {
        ($type:ty, $values:ident, $nulls:ident) => {
            numbers::<$type>($values, rows, $nulls, data_type)
        };
    }
    let nulls = validity.map(|bits| NullBuffer::new(BooleanBuffer::new(bits, 0, rows)));
    downcast_primitive!(
        data_type => (numbers_of, values, nulls),
        DataType::Boolean => {
            let bits = BooleanBuffer::new(part(values, 0, rows.div_ceil(8))?, 0, rows);
            Ok(Arc::new(BooleanArray::new(bits, nulls)))
        }
        DataType::FixedSizeBinary(width) => {
            let values = part(values, 0, rows.saturating_mul(usize::try_from(*width).unwrap_or(0)))?;
            Ok(Arc::new(FixedSizeBinaryArray::try_new_with_len(*width, values, nulls, rows)?))
        }
        other => Err(ArrowError::InvalidArgumentError(format!("{other} has no fixed width")))
    )
}

/// Reads an IPC message: a marker, the length of its metadata, the metadata, the body.
fn unpack_message(bytes: &Buffer, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let damaged = |why: String| ArrowError::IpcError(why);
    let length = bytes.get(4..).and_then(|bytes| bytes.first_chunk()).ok_or_else(cut_short)?;
    let body = (u32::from_le_bytes(*length) as usize).saturating_add(8);
    let metadata = bytes.get(8..body).ok_or_else(cut_short)?;
    let message = arrow_ipc::root_as_message(metadata).map_err(|e| damaged(e.to_string()))?;
    let batch = message.header_as_record_batch();
    let batch = batch.ok_or_else(|| damaged("the message holds no batch".to_owned()))?;
    let schema = one_column(data_type);
    let body = bytes.slice(body);
    let none = HashMap::new();
    let batch = read_record_batch(&body, batch, schema, &none, None, &message.version())?;
    Ok(Arc::clone(batch.column(0)))
}

/// A part of the bytes, which shares their memory.
fn part(bytes: &Buffer, at: usize, length: usize) -> Result<Buffer, ArrowError> {
    match bytes.len().checked_sub(at) {
        Some(left) if left >= length => Ok(bytes.slice_with_length(at, length)),
        _ => Err(cut_short()),
    }
}

/// The end of the array at an offset.
fn end(bytes: &[u8], at: usize) -> Result<usize, ArrowError> {
    let end = at.checked_add(number(bytes, at)?);
    end.filter(|end| *end <= bytes.len()).ok_or_else(cut_short)
}

fn cut_short() -> ArrowError {
    ArrowError::IpcError("a packed piece is cut short".to_owned())
}

fn number(bytes: &[u8], at: usize) -> Result<usize, ArrowError> {
    let number = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    let number = number.and_then(|bytes| usize::try_from(u64::from_ne_bytes(*bytes)).ok());
    number.ok_or_else(cut_short)
}
