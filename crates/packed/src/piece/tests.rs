//! Arrays are packed and read.

use arrow_array::{
    BooleanArray, FixedSizeBinaryArray, Float64Array, Int16Array, ListArray, NullArray,
    StringArray, types::Int32Type,
};
use arrow_buffer::Buffer;

use crate::{Piece, PieceReader};

use super::*;

/// Arrays of 100 rows of every layout.
fn arrays() -> Vec<ArrayRef> {
    let some = |row: i32| (row % 7 != 0).then_some(row);
    let rows = || (0..100).map(some);
    let bytes = rows().map(|row| row.map(|row| [row as u8; 3]));
    vec![
        Arc::new(Float64Array::from_iter(rows().map(|row| row.map(f64::from)))),
        Arc::new(Int16Array::from_iter_values(0..100)),
        Arc::new(BooleanArray::from_iter(rows().map(|row| row.map(|row| row % 3 == 0)))),
        Arc::new(StringArray::from_iter(rows().map(|row| row.map(|row| row.to_string())))),
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 3).unwrap()),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
            rows().map(|row| row.map(|row| vec![Some(row); row as usize % 4])),
        )),
        Arc::new(NullArray::new(100)),
    ]
}

#[test]
fn slices_have_the_same_bytes_as_a_copy_and_arrays_come_back() {
    // Slices that begin at a byte of their bitmaps, and within one; the second piece follows the first.
    for (first, rows) in [(0, 100), (8, 50), (3, 97), (99, 1), (5, 0)] {
        let slices_of = |arrays: Vec<ArrayRef>| -> Vec<ArrayRef> {
            arrays.iter().map(|array| array.slice(first, rows)).collect()
        };
        let arrays = slices_of(arrays());
        let mut packed = Vec::new();
        let mut slices = PieceSlices::default();
        for _ in 0..2 {
            let mut piece = PieceWriter::new(&mut packed);
            slices.begin_piece();
            for array in &arrays {
                piece.add(array).unwrap();
                slices.add(array).unwrap();
            }
            piece.finish();
            slices.finish_piece();
        }
        assert_eq!(slices.len(), packed.len());
        let written: Vec<u8> = slices.slices().iter().flat_map(|slice| slice.to_vec()).collect();
        assert!(written == packed, "{rows} rows from {first}");

        let bytes = Buffer::from(packed);
        let (mut reader, piece) =
            (PieceReader::new(&bytes).unwrap(), Piece::new(bytes.clone(), arrays.len()).unwrap());
        for (index, array) in arrays.iter().enumerate() {
            assert_eq!(&reader.next(array.data_type()).unwrap(), array);
            assert_eq!(&piece.array(index, array.data_type()).unwrap(), array);
        }
        assert!(piece.array(arrays.len(), &DataType::Null).is_err());
    }
}

/// A piece of all arrays.
fn packed() -> Vec<u8> {
    let mut packed = Vec::new();
    let mut piece = PieceWriter::new(&mut packed);
    for array in &arrays() {
        piece.add(array).unwrap();
    }
    piece.finish();
    packed
}

#[test]
fn arrays_come_back_from_every_address() {
    let arrays = arrays();
    let expected: Vec<_> = arrays.iter().cloned().map(Some).collect();
    let is_wrong = |shift: &usize| {
        let shifted = [vec![0; *shift], packed()].concat();
        let bytes = Buffer::from(shifted).slice(*shift);
        let piece = Piece::new(bytes.clone(), arrays.len()).unwrap();
        let mut reader = PieceReader::new(&bytes).unwrap();
        let given = arrays.iter().enumerate();
        let by_number: Vec<_> =
            given.map(|(index, array)| piece.array(index, array.data_type()).ok()).collect();
        let in_order: Vec<_> =
            arrays.iter().map(|array| reader.next(array.data_type()).ok()).collect();
        by_number != expected || in_order != expected
    };
    let wrong: Vec<usize> = (0..16).filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_piece_that_is_cut_short_is_an_error() {
    let (arrays, packed) = (arrays(), packed());
    let read = |bytes: &Buffer| {
        let mut reader = PieceReader::new(bytes)?;
        for array in &arrays {
            reader.next(array.data_type())?;
        }
        let piece = Piece::new(bytes.clone(), arrays.len())?;
        for (index, array) in arrays.iter().enumerate() {
            piece.array(index, array.data_type())?;
        }
        Ok::<(), ArrowError>(())
    };
    let is_read = |length: &usize| read(&Buffer::from(packed[..*length].to_vec())).is_ok();
    let lengths: Vec<usize> = (0..=packed.len()).filter(is_read).collect();
    assert_eq!(lengths, [packed.len()]);
}

#[test]
fn a_length_beyond_the_piece_is_an_error() {
    let mut damaged = packed();
    damaged[HEADER..HEADER + 8].copy_from_slice(&(u64::MAX - 7).to_ne_bytes());
    let bytes = Buffer::from(damaged);
    let mut reader = PieceReader::new(&bytes).unwrap();
    assert!(reader.skip().is_err());
    assert!(reader.next(arrays()[0].data_type()).is_err());
    assert!(Piece::new(bytes, 2).is_err());
}

#[test]
fn an_array_of_another_width_is_an_error() {
    let array: ArrayRef = Arc::new(Int16Array::from_iter_values(0..100));
    let mut packed = Vec::new();
    let mut piece = PieceWriter::new(&mut packed);
    piece.add(&array).unwrap();
    piece.finish();
    let piece = Piece::new(Buffer::from(packed), 1).unwrap();
    let wider = [DataType::Int32, DataType::Decimal128(9, 0), DataType::FixedSizeBinary(3)];
    assert_eq!(wider.map(|wider| piece.array(0, &wider).is_ok()), [false; 3]);
}
