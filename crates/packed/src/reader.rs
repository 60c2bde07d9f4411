//! Reads packed pieces.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, downcast_primitive, make_array,
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
        let length = number(self.bytes, self.at)?;
        let array = self.bytes.slice_with_length(self.at, length);
        self.at += length;
        unpack_array(&array, self.rows, data_type)
    }

    /// Skips the next array.
    ///
    /// # Errors
    /// [`ArrowError::IpcError`] if the bytes are too short.
    pub fn skip(&mut self) -> Result<(), ArrowError> {
        self.at += number(self.bytes, self.at)?;
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
            at += number(&bytes, at)?;
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
        let array = self.bytes.slice_with_length(start, number(&self.bytes, start)?);
        unpack_array(&array, self.rows, data_type)
    }
}

fn unpack_array(bytes: &Buffer, rows: usize, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let half = |at: usize| bytes[at..at + 4].first_chunk().copied().unwrap_or_default();
    let values = u32::from_ne_bytes(half(8)) as usize;
    let has_nulls = u32::from_ne_bytes(half(12)) & HAS_NULLS != 0;
    let mut at = HEADER;
    let mut next = |length: usize| {
        let buffer = bytes.slice_with_length(at, length);
        at += length.next_multiple_of(ALIGN);
        buffer
    };
    let validity = has_nulls.then(|| next(rows.div_ceil(8)));
    if let Layout::Bits | Layout::Fixed = Layout::of(data_type) {
        let start = HEADER + validity.as_ref().map_or(0, |bits| bits.len().next_multiple_of(ALIGN));
        let values = bytes.slice_with_length(start, values);
        if let Some(array) = fixed(values, rows, validity.as_ref(), data_type) {
            return Ok(array);
        }
    }
    let data = ArrayData::builder(data_type.clone()).len(rows).null_bit_buffer(validity);
    // A vector of bytes may begin at an address that is not aligned for its values.
    let data = data.align_buffers(true);
    let data = match Layout::of(data_type) {
        Layout::Null => data,
        Layout::Bits | Layout::Fixed => data.add_buffer(next(values)),
        Layout::Offsets32 => {
            data.add_buffer(next((rows + 1) * size_of::<i32>())).add_buffer(next(values))
        }
        Layout::Offsets64 => {
            data.add_buffer(next((rows + 1) * size_of::<i64>())).add_buffer(next(values))
        }
        Layout::Nested => return unpack_message(&next(values), data_type),
    };
    Ok(make_array(data.build()?))
}

/// An array of numbers or booleans. `None` if the values are at an address that is not aligned for them, and for other
/// types: such arrays are made with more checks, which take several times as long.
fn fixed(
    values: Buffer,
    rows: usize,
    validity: Option<&Buffer>,
    data_type: &DataType,
) -> Option<ArrayRef> {
    fn numbers<T: ArrowPrimitiveType>(
        values: Buffer,
        rows: usize,
        nulls: Option<NullBuffer>,
        data_type: &DataType,
    ) -> Option<ArrayRef> {
        let is_aligned = values.as_ptr().align_offset(align_of::<T::Native>()) == 0;
        (is_aligned && values.len() >= rows * size_of::<T::Native>()).then(|| {
            let array = PrimitiveArray::<T>::new(ScalarBuffer::new(values, 0, rows), nulls);
            Arc::new(array.with_data_type(data_type.clone())) as ArrayRef
        })
    }
    macro_rules! numbers_of {
        ($type:ty, $values:ident, $nulls:ident) => {
            numbers::<$type>($values, rows, $nulls, data_type)
        };
    }
    let bits = |buffer: &Buffer| BooleanBuffer::new(buffer.clone(), 0, rows);
    let nulls = validity.map(|validity| NullBuffer::new(bits(validity)));
    downcast_primitive!(
        data_type => (numbers_of, values, nulls),
        DataType::Boolean if values.len() >= rows.div_ceil(8) => {
            Some(Arc::new(BooleanArray::new(bits(&values), nulls)))
        }
        _ => None
    )
}

/// Reads an IPC message: a marker, the length of its metadata, the metadata, the body.
fn unpack_message(bytes: &Buffer, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let damaged = |why: String| ArrowError::IpcError(why);
    let length = bytes[4..8].first_chunk().copied().unwrap_or_default();
    let body = 8 + u32::from_le_bytes(length) as usize;
    let message =
        arrow_ipc::root_as_message(&bytes[8..body]).map_err(|e| damaged(e.to_string()))?;
    let batch = message.header_as_record_batch();
    let batch = batch.ok_or_else(|| damaged("the message holds no batch".to_owned()))?;
    let schema = one_column(data_type);
    let body = bytes.slice(body);
    let none = HashMap::new();
    let batch = read_record_batch(&body, batch, schema, &none, None, &message.version())?;
    Ok(Arc::clone(batch.column(0)))
}

fn number(bytes: &[u8], at: usize) -> Result<usize, ArrowError> {
    let number = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    let number = number.and_then(|bytes| usize::try_from(u64::from_ne_bytes(*bytes)).ok());
    number.ok_or_else(|| ArrowError::IpcError("a packed piece is cut short".to_owned()))
}
