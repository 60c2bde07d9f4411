//! Packs arrays into bytes, and unpacks them.
//!
//! The buffers of a flat array (validity, offsets and values) are packed at multiples of 16 bytes, so that they can
//! be read without a copy. A nested array is packed as an Arrow IPC message.
//!
//! ```text
//! piece = total length u64, rows u64, array...
//! array = length u64, bytes of values u32, flags u32, [validity], [offsets], values
//! ```
//! Lengths include the header. Numbers have the byte order of this machine, so other machines can't read them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch, make_array};
use arrow_buffer::{Buffer, ToByteSlice};
use arrow_data::ArrayData;
use arrow_ipc::reader::read_record_batch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};

const ALIGN: usize = 16;
const HEADER: usize = 16;
const HAS_NULLS: u32 = 1;

/// Appends a piece to a buffer: the same rows of several arrays.
pub struct PieceWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    rows: usize,
}

impl<'a> PieceWriter<'a> {
    /// Begins a piece at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.resize(start + HEADER, 0);
        Self { out, start, rows: 0 }
    }

    /// Appends an array of a [plain type](crate::plain_type). All arrays of a piece have the same length.
    ///
    /// # Errors
    /// [`ArrowError`] for an array with more than 4 GiB of values, and for nested arrays that IPC does not hold.
    /// The piece is then unfinished and has to be dropped with its buffer.
    pub fn add(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        self.rows = array.len();
        pack_array(array, self.out)
    }

    /// Ends the piece.
    pub fn finish(self) {
        let length = (self.out.len() - self.start) as u64;
        let header = &mut self.out[self.start..self.start + HEADER];
        header[..8].copy_from_slice(&length.to_ne_bytes());
        header[8..].copy_from_slice(&(self.rows as u64).to_ne_bytes());
    }
}

fn pack_array(array: &ArrayRef, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let start = out.len();
    out.resize(start + HEADER, 0);
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut flags = 0;
    if let (Some(nulls), true) = (nulls, is_flat(array.data_type())) {
        flags |= HAS_NULLS;
        put(out, nulls.inner().sliced().as_slice());
    }
    let values_at = match Layout::of(array.data_type()) {
        Layout::Null => out.len(),
        Layout::Bits => {
            let data = array.to_data();
            let at = out.len();
            put(out, data.buffers()[0].bit_slice(data.offset(), data.len()).as_slice());
            at
        }
        Layout::Fixed(width) => {
            let data = array.to_data();
            let at = out.len();
            put(out, &data.buffers()[0][data.offset() * width..][..data.len() * width]);
            at
        }
        Layout::Offsets32 => pack_offsets::<i32>(&array.to_data(), out),
        Layout::Offsets64 => pack_offsets::<i64>(&array.to_data(), out),
        Layout::Nested => {
            let at = out.len();
            let schema = one_column(array.data_type());
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(array)])?;
            // The first message is the schema. It is left out, because the reader knows it.
            let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
            writer.get_mut().clear();
            writer.write(&batch)?;
            put(out, writer.get_ref());
            at
        }
    };
    let values = u32::try_from(out.len() - values_at).map_err(|_| {
        ArrowError::InvalidArgumentError("a piece of a column has more than 4 GiB".to_owned())
    })?;
    let length = (out.len() - start) as u64;
    let header = &mut out[start..start + HEADER];
    header[..8].copy_from_slice(&length.to_ne_bytes());
    header[8..12].copy_from_slice(&values.to_ne_bytes());
    header[12..].copy_from_slice(&flags.to_ne_bytes());
    Ok(())
}

/// Packs offsets, relative to the first one, and the values between them. Returns where the values begin.
fn pack_offsets<O: OffsetSizeTrait>(data: &ArrayData, out: &mut Vec<u8>) -> usize {
    let offsets = &data.buffer::<O>(0)[..=data.len()];
    let (first, last) = (offsets[0], offsets[data.len()]);
    for offset in offsets {
        out.extend_from_slice((*offset - first).to_byte_slice());
    }
    pad(out);
    let at = out.len();
    put(out, &data.buffers()[1][first.as_usize()..last.as_usize()]);
    at
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGN), 0);
}

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
    let data = ArrayData::builder(data_type.clone()).len(rows).null_bit_buffer(validity);
    // A vector of bytes may begin at an address that is not aligned for its values.
    let data = data.align_buffers(true);
    let data = match Layout::of(data_type) {
        Layout::Null => data,
        Layout::Bits | Layout::Fixed(_) => data.add_buffer(next(values)),
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

/// A schema of one nullable column. A null in a column that is not nullable is found when it is encoded.
fn one_column(data_type: &DataType) -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("", data_type.clone(), true)]))
}

fn number(bytes: &[u8], at: usize) -> Result<usize, ArrowError> {
    let number = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    let number = number.and_then(|bytes| usize::try_from(u64::from_ne_bytes(*bytes)).ok());
    number.ok_or_else(|| ArrowError::IpcError("a packed piece is cut short".to_owned()))
}

/// The layout of the values of a plain type.
enum Layout {
    Null,
    Bits,
    Fixed(usize),
    Offsets32,
    Offsets64,
    Nested,
}

impl Layout {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bits,
            DataType::Utf8 | DataType::Binary => Self::Offsets32,
            DataType::LargeUtf8 | DataType::LargeBinary => Self::Offsets64,
            DataType::FixedSizeBinary(width) => Self::Fixed(usize::try_from(*width).unwrap_or(0)),
            other => other.primitive_width().map_or(Self::Nested, Self::Fixed),
        }
    }
}

fn is_flat(data_type: &DataType) -> bool {
    !matches!(Layout::of(data_type), Layout::Nested | Layout::Null)
}
