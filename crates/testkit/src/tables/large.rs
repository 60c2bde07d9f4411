//! Tables with many rows, and with large cells.

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int16Type, Int32Type, UInt8Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
};
use taploom_format::Datatype;

use crate::tables::{Table, TestColumn};

/// Two columns, which an oracle reads quickly however many rows there are.
pub(crate) fn narrow(rows: usize) -> Table {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    let sevenths: Int32Array =
        (0..rows as i32).map(|row| (row % 7 != 3).then_some(row / 7)).collect();
    Table::same("200,000 rows", vec![("id", ids), ("seventh", Arc::new(sevenths))])
}

/// Texts whose lengths are near the limit of 16 bits, among short ones.
pub(crate) fn long_texts() -> Table {
    let texts = [3, 65_534, 65_535, 65_536, 65_537, 0, 200_001]
        .map(|length| Some("0123456789abcdef".chars().cycle().take(length).collect::<String>()));
    let unicode = [65_535, 3, 70_000, 0, 1, 32_768, 2].map(|length| Some("é😀".repeat(length / 2)));
    let rows = Int32Array::from_iter_values(0..7);
    Table::same(
        "texts beyond 65,535 bytes",
        vec![
            ("row", Arc::new(rows)),
            ("text", Arc::new(StringArray::from(texts.to_vec()))),
            ("unicode", Arc::new(StringArray::from(unicode.to_vec()))),
        ],
    )
}

/// Lists whose lengths are near the limit of 16 bits. Their values show their positions.
pub(crate) fn long_lists() -> Vec<Table> {
    let lengths = [2, 65_535, 65_536, 0, 65_537, 3];
    let of = |name, datatype, cells: ArrayRef| {
        Table::of(name, vec![TestColumn::same("list", cells).of(datatype, Some("*"))])
    };
    let shorts = ListArray::from_iter_primitive::<Int16Type, _, _>(lengths.map(|length| {
        Some((0..length).map(|index| Some((index % 30_011) as i16)).collect::<Vec<_>>())
    }));
    let bytes = ListArray::from_iter_primitive::<UInt8Type, _, _>(lengths.map(|length| {
        Some((0..length).map(|index| Some((index % 251) as u8)).collect::<Vec<_>>())
    }));
    let doubles = ListArray::from_iter_primitive::<Float64Type, _, _>(
        [3, 65_537].map(|length| Some((0..length).map(|i| Some(f64::from(i))).collect::<Vec<_>>())),
    );
    vec![
        of("long lists of shorts", Datatype::Short, Arc::new(shorts)),
        of("long lists of bytes", Datatype::UnsignedByte, Arc::new(bytes)),
        of("long lists of doubles", Datatype::Double, Arc::new(doubles)),
    ]
}

/// Lists of numbers, of flags and of a fixed length, with nulls, in more rows than fit in a block.
pub(crate) fn many_lists(rows: usize) -> Table {
    let lengths = (0..rows).map(|row| (row % 9 != 4).then_some(row % 4));
    let numbers = lengths.clone().enumerate().map(|(row, length)| {
        length.map(|length| {
            (0..length).map(|index| Some((row * 4 + index) as i32)).collect::<Vec<_>>()
        })
    });
    let bytes = lengths.enumerate().map(|(row, length)| {
        length.map(|length| (0..length).map(|index| Some((row + index) as u8)).collect::<Vec<_>>())
    });
    let pairs = (0..rows).map(|row| Some([Some(row as f64), Some(-(row as f64))]));
    let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>(numbers.collect::<Vec<_>>());
    let bytes = ListArray::from_iter_primitive::<UInt8Type, _, _>(bytes.collect::<Vec<_>>());
    let pairs = ListArray::from_iter_primitive::<Float64Type, _, _>(pairs);
    let ids = Int64Array::from_iter_values(0..rows as i64);
    Table::of(
        "many lists",
        vec![
            TestColumn::same("id", Arc::new(ids)),
            TestColumn::same("ints", Arc::new(numbers)).of(Datatype::Int, Some("*")),
            TestColumn::same("bytes", Arc::new(bytes)).of(Datatype::UnsignedByte, Some("*")),
            TestColumn::same("pairs", Arc::new(pairs)).of(Datatype::Double, Some("2")),
        ],
    )
}

/// Numbers, flags and words in 100 columns, which don't compress well.
pub(crate) fn hundred_columns(rows: usize) -> Table {
    let columns = (0..100).map(|index: usize| {
        let random = |row: usize| (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + index) >> 11;
        let cells: ArrayRef = match index % 10 {
            0 => {
                Arc::new((0..rows).map(|row| Some(random(row) % 9 == 0)).collect::<BooleanArray>())
            }
            1 => Arc::new(
                (0..rows).map(|row| Some(format!("w{}", random(row)))).collect::<StringArray>(),
            ),
            _ => Arc::new(
                (0..rows).map(|row| Some(1.0 / random(row) as f64)).collect::<Float64Array>(),
            ),
        };
        TestColumn::same(format!("c{index}"), cells)
    });
    Table::of("a hundred columns", columns.collect())
}
