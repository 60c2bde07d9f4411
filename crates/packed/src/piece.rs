//! Packs arrays into bytes: as a copy, or as a list of slices that are written to a file one after the other.

use std::io::IoSlice;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array, ArrayRef, GenericByteArray, RecordBatch, downcast_primitive_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, ToByteSlice};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType};

use crate::layout::{ALIGN, HAS_NULLS, HEADER, Layout, is_flat, one_column};

/// Appends a piece to a buffer: the same rows of several arrays.
pub struct PieceWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    rows: usize,
}

impl<'a> PieceWriter<'a> {
    /// Begins a piece at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.begin();
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
        let length = self.out.len() - self.start;
        self.out.fill(self.start, piece_header(length, self.rows));
    }
}

/// Pieces as slices, in the order in which they are written to a file. The buffers of arrays are not copied.
///
/// ```
/// use std::io::Write;
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array};
/// use arrow_schema::ArrowError;
/// use taploom_packed::{PieceSlices, PieceWriter};
///
/// let array: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None]));
/// let mut slices = PieceSlices::default();
/// slices.begin_piece();
/// slices.add(&array)?;
/// slices.finish_piece();
/// let written: Vec<u8> = slices.slices().iter().flat_map(|slice| slice.to_vec()).collect();
///
/// let mut copied = Vec::new();
/// let mut piece = PieceWriter::new(&mut copied);
/// piece.add(&array)?;
/// piece.finish();
/// assert_eq!(written, copied);
/// # Ok::<(), ArrowError>(())
/// ```
#[derive(Debug, Default)]
pub struct PieceSlices<'a> {
    /// Headers, padding, and bytes of arrays that can't be taken as they are.
    own: Vec<u8>,
    parts: Vec<Part<'a>>,
    length: usize,
    /// Where the header of the open piece is in `own`, and where the piece begins.
    open: (usize, usize),
    rows: usize,
}

#[derive(Debug)]
enum Part<'a> {
    /// The next bytes of `own`.
    Own(usize),
    Shared(&'a [u8]),
}

impl<'a> PieceSlices<'a> {
    /// Begins a piece.
    pub fn begin_piece(&mut self) {
        self.open = (self.begin(), self.length - HEADER);
    }

    /// Appends an array of a [plain type](crate::plain_type). All arrays of a piece have the same length.
    ///
    /// # Errors
    /// As [`PieceWriter::add`]. The slices have to be dropped then.
    pub fn add(&mut self, array: &'a ArrayRef) -> Result<(), ArrowError> {
        self.rows = array.len();
        pack_array(array, self)
    }

    /// Ends the piece.
    pub fn finish_piece(&mut self) {
        let (header, start) = self.open;
        self.fill(header, piece_header(self.length - start, self.rows));
    }

    /// Appends pieces that are packed already.
    pub fn add_packed(&mut self, pieces: &'a [u8]) {
        self.push(pieces);
    }

    /// Bytes of all slices.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no slices.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes that had to be copied.
    pub fn copied_bytes(&self) -> usize {
        self.own.len()
    }

    /// The slices.
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut own = self.own.as_slice();
        let slices = self.parts.iter().map(|part| match part {
            Part::Own(length) => own.split_off(..*length).unwrap_or_default(),
            Part::Shared(bytes) => bytes,
        });
        slices.map(IoSlice::new).collect()
    }

    /// Removes all slices, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.own.clear();
        self.parts.clear();
        self.length = 0;
    }

    fn push(&mut self, bytes: &'a [u8]) {
        if !bytes.is_empty() {
            self.parts.push(Part::Shared(bytes));
            self.length += bytes.len();
        }
    }

    fn push_own(&mut self, bytes: &[u8]) {
        self.own.extend_from_slice(bytes);
        self.length += bytes.len();
        match self.parts.last_mut() {
            Some(Part::Own(length)) => *length += bytes.len(),
            _ => self.parts.push(Part::Own(bytes.len())),
        }
    }
}

/// A place for packed bytes.
trait Place<'a> {
    /// Bytes so far.
    fn packed(&self) -> usize;

    /// Makes room for a header, and returns where it is.
    fn begin(&mut self) -> usize;

    /// Writes a header.
    fn fill(&mut self, at: usize, header: [u8; HEADER]);

    /// Appends bytes that stay where they are.
    fn put(&mut self, bytes: &'a [u8]);

    /// Appends bytes that are dropped afterwards.
    fn put_copy(&mut self, bytes: &[u8]);

    /// Fills up to a multiple of [`ALIGN`].
    fn pad(&mut self) {
        let length = self.packed();
        self.put_copy(&[0; ALIGN][..length.next_multiple_of(ALIGN) - length]);
    }
}

impl<'a> Place<'a> for Vec<u8> {
    fn packed(&self) -> usize {
        self.len()
    }

    fn begin(&mut self) -> usize {
        let start = self.len();
        self.resize(start + HEADER, 0);
        start
    }

    fn fill(&mut self, at: usize, header: [u8; HEADER]) {
        self[at..at + HEADER].copy_from_slice(&header);
    }

    fn put(&mut self, bytes: &'a [u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_copy(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl<'a> Place<'a> for PieceSlices<'a> {
    fn packed(&self) -> usize {
        self.length
    }

    fn begin(&mut self) -> usize {
        let start = self.own.len();
        self.push_own(&[0; HEADER]);
        start
    }

    fn fill(&mut self, at: usize, header: [u8; HEADER]) {
        self.own[at..at + HEADER].copy_from_slice(&header);
    }

    fn put(&mut self, bytes: &'a [u8]) {
        self.push(bytes);
    }

    fn put_copy(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.push_own(bytes);
        }
    }
}

fn piece_header(length: usize, rows: usize) -> [u8; HEADER] {
    header(length as u64, (rows as u64).to_ne_bytes())
}

fn header(length: u64, rest: [u8; 8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&length.to_ne_bytes());
    header[8..].copy_from_slice(&rest);
    header
}

fn pack_array<'a>(array: &'a ArrayRef, out: &mut impl Place<'a>) -> Result<(), ArrowError> {
    let start = out.packed();
    let place = out.begin();
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut flags = 0;
    if let (Some(nulls), true) = (nulls, is_flat(array.data_type())) {
        flags |= HAS_NULLS;
        put_bits(nulls.inner(), out);
        out.pad();
    }
    let values_at = match array.data_type() {
        DataType::Utf8 => pack_texts(array.as_string::<i32>(), out),
        DataType::Binary => pack_texts(array.as_binary::<i32>(), out),
        DataType::LargeUtf8 => pack_texts(array.as_string::<i64>(), out),
        DataType::LargeBinary => pack_texts(array.as_binary::<i64>(), out),
        data_type => {
            let at = out.packed();
            match Layout::of(data_type) {
                Layout::Bits => put_bits(array.as_boolean().values(), out),
                Layout::Nested => put_message(array, out)?,
                _ => put_numbers(array, out),
            }
            at
        }
    };
    out.pad();
    let values = u32::try_from(out.packed() - values_at).map_err(|_| {
        ArrowError::InvalidArgumentError("a piece of a column has more than 4 GiB".to_owned())
    })?;
    let length = (out.packed() - start) as u64;
    let [a, b, c, d] = values.to_ne_bytes();
    let [e, f, g, h] = flags.to_ne_bytes();
    out.fill(place, header(length, [a, b, c, d, e, f, g, h]));
    Ok(())
}

fn put_bits<'a>(bits: &'a BooleanBuffer, out: &mut impl Place<'a>) {
    let (first, last) = (bits.offset(), bits.offset() + bits.len());
    if first.is_multiple_of(8) {
        out.put(&bits.values()[first / 8..last.div_ceil(8)]);
    } else {
        out.put_copy(bits.sliced().as_slice());
    }
}

/// Appends values of fixed width.
fn put_numbers<'a>(array: &'a ArrayRef, out: &mut impl Place<'a>) {
    let array: &'a dyn Array = &**array;
    downcast_primitive_array!(
        array => out.put(array.values().inner().as_slice()),
        DataType::FixedSizeBinary(_) => out.put(array.as_fixed_size_binary().value_data()),
        // An array of nulls has no values.
        _ => {}
    );
}

/// Appends an IPC message.
fn put_message<'a>(array: &'a ArrayRef, out: &mut impl Place<'a>) -> Result<(), ArrowError> {
    let schema = one_column(array.data_type());
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(array)])?;
    // The first message is the schema. It is left out, because the reader knows it.
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.get_mut().clear();
    writer.write(&batch)?;
    out.put_copy(writer.get_ref());
    Ok(())
}

/// Packs offsets, relative to the first one, and the values between them. Returns where the values begin.
fn pack_texts<'a, T: ByteArrayType>(
    array: &'a GenericByteArray<T>,
    out: &mut impl Place<'a>,
) -> usize {
    let offsets: &'a [T::Offset] = array.value_offsets();
    let (first, last) = (offsets[0], offsets[array.len()]);
    if first.as_usize() == 0 {
        out.put(offsets.to_byte_slice());
    } else {
        let moved: Vec<T::Offset> = offsets.iter().map(|offset| *offset - first).collect();
        out.put_copy(moved.to_byte_slice());
    }
    out.pad();
    let at = out.packed();
    out.put(&array.value_data()[first.as_usize()..last.as_usize()]);
    at
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests;
