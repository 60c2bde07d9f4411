//! Arrays in every Arrow type that is carried in a list of another.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, FixedSizeListBuilder, Int32Builder, ListBuilder, StringBuilder,
};
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, DurationMillisecondArray, FixedSizeListArray,
    Int32Array, Int64Array, ListArray, RunArray, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_cast::cast;
use arrow_schema::{DataType, Field, TimeUnit};
use taploom_format::Datatype;

use crate::tables::{Table, TestColumn};

/// Five rows: two elements, null, none, four elements, and two that are null or zero.
#[allow(clippy::unwrap_used, reason = "a test table that is wrong is a defect of the test")]
pub(crate) fn other_arrow() -> Table {
    let item = |data_type| Arc::new(Field::new("element", data_type, true));
    let ints: ArrayRef =
        Arc::new(ints(&[Some(&[1, -2]), None, Some(&[]), Some(&[3, 4, 5, 6]), Some(&[0, 0])]));
    let pairs: ArrayRef =
        Arc::new(fixed_size(2, &[Some(&[1, 2]), None, Some(&[3, 4]), Some(&[5, 6]), None]));
    let flat_pairs: ArrayRef =
        Arc::new(self::ints(&[Some(&[1, 2]), None, Some(&[3, 4]), Some(&[5, 6]), None]));
    let cast_ints = |to: &DataType| cast(&ints, to).unwrap();
    let longs = cast_ints(&DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))));
    let bytes: Vec<Option<&[u8]>> = vec![Some(b"ab"), None, Some(b""), Some(b"\0\xfe"), Some(b"x")];
    let byte_lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(
        bytes.iter().map(|cell| cell.map(|cell| cell.iter().copied().map(Some))),
    ));
    let binary: ArrayRef = Arc::new(BinaryArray::from(bytes.clone()));

    let mut columns = vec![
        TestColumn::converted(
            "large list",
            cast_ints(&DataType::LargeList(item(DataType::Int32))),
            Arc::clone(&ints),
        ),
        TestColumn::converted(
            "list view",
            cast_ints(&DataType::ListView(item(DataType::Int32))),
            Arc::clone(&ints),
        ),
        TestColumn::converted(
            "large list view of int64",
            cast_ints(&DataType::LargeListView(item(DataType::Int64))),
            Arc::clone(&longs),
        ),
        TestColumn::converted("fixed-size list", Arc::clone(&pairs), Arc::clone(&flat_pairs)),
        TestColumn::same("binary", Arc::clone(&binary)),
        TestColumn::same("large binary", cast(&binary, &DataType::LargeBinary).unwrap()),
        TestColumn::same("binary view", cast(&binary, &DataType::BinaryView).unwrap()),
    ];
    for column in &mut columns[4..] {
        column.expected = Arc::clone(&byte_lists);
    }
    columns.push(fixed_size_binary());
    columns.push(duration());
    columns.push(dictionary_of_lists(&ints));
    columns.push(runs());
    columns.push(nested());
    columns.push(hidden_elements());
    columns.push(timestamps());
    columns.push(unsigned());
    columns.push(declared_text());
    Table::of("arrays in other Arrow types", columns)
}

fn ints(cells: &[Option<&[i32]>]) -> ListArray {
    ListArray::from_iter_primitive::<Int32Type, _, _>(
        cells.iter().map(|cell| cell.map(|cell| cell.iter().copied().map(Some))),
    )
}

/// Null cells have values in the buffer.
fn fixed_size(length: i32, cells: &[Option<&[i32]>]) -> FixedSizeListArray {
    let mut lists = FixedSizeListBuilder::new(Int32Builder::new(), length);
    for cell in cells {
        for index in 0..length as usize {
            lists.values().append_value(cell.map_or(-99, |cell| cell[index]));
        }
        lists.append(cell.is_some());
    }
    lists.finish()
}

#[allow(clippy::unwrap_used, reason = "a test table that is wrong is a defect of the test")]
fn fixed_size_binary() -> TestColumn {
    let mut hashes = FixedSizeBinaryBuilder::new(3);
    let cells = [Some(b"abc"), None, Some(b"\0\0\0"), Some(b"\xfe\x80\x7f"), Some(b"xyz")];
    for cell in cells {
        match cell {
            Some(bytes) => hashes.append_value(bytes).unwrap(),
            None => hashes.append_null(),
        }
    }
    let expected = ListArray::from_iter_primitive::<UInt8Type, _, _>(
        cells.iter().map(|cell| cell.map(|cell| cell.iter().copied().map(Some))),
    );
    TestColumn::converted("fixed-size binary", Arc::new(hashes.finish()), Arc::new(expected))
}

fn duration() -> TestColumn {
    let ticks = vec![Some(1), None, Some(0), Some(-5), Some(i64::MAX)];
    let given = DurationMillisecondArray::from(ticks.clone());
    TestColumn::converted("duration", Arc::new(given), Arc::new(Int64Array::from(ticks)))
}

#[allow(clippy::unwrap_used, reason = "a test table that is wrong is a defect of the test")]
fn dictionary_of_lists(lists: &ArrayRef) -> TestColumn {
    let keys = Int32Array::from(vec![Some(3), None, Some(2), Some(0), Some(1)]);
    let given = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(lists)).unwrap();
    let expected = ints(&[Some(&[3, 4, 5, 6]), None, Some(&[]), Some(&[1, -2]), None]);
    TestColumn::converted("dictionary of lists", Arc::new(given), Arc::new(expected))
}

#[allow(clippy::unwrap_used, reason = "a test table that is wrong is a defect of the test")]
fn runs() -> TestColumn {
    let ends = Int32Array::from(vec![2, 3, 5]);
    let values = Int64Array::from(vec![Some(7), None, Some(-7)]);
    let given = RunArray::<Int32Type>::try_new(&ends, &values).unwrap();
    let expected = Int64Array::from(vec![Some(7), Some(7), None, Some(-7), Some(-7)]);
    TestColumn::converted("runs", Arc::new(given), Arc::new(expected))
}

/// Two pairs per cell: two fixed dimensions.
fn nested() -> TestColumn {
    let inner = fixed_size(
        2,
        &[
            Some(&[1, 2]),
            Some(&[3, 4]),
            Some(&[9, 9]),
            Some(&[9, 9]),
            Some(&[5, 6]),
            Some(&[7, 8]),
            Some(&[0, 0]),
            Some(&[0, 0]),
            Some(&[-1, -2]),
            Some(&[-3, -4]),
        ],
    );
    let item = Arc::new(Field::new("item", inner.data_type().clone(), true));
    let valid = vec![true, false, true, true, true].into();
    let given = FixedSizeListArray::new(item, 2, Arc::new(inner), Some(valid));
    let expected = ints(&[
        Some(&[1, 2, 3, 4]),
        None,
        Some(&[5, 6, 7, 8]),
        Some(&[0, 0, 0, 0]),
        Some(&[-1, -2, -3, -4]),
    ]);
    TestColumn::converted("fixed lists of fixed lists", Arc::new(given), Arc::new(expected))
}

/// Elements before the first cell, after the last, and within a null.
fn hidden_elements() -> TestColumn {
    let values = arrow_array::Float64Array::from_iter_values((0..10).map(f64::from));
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let lists = ListArray::new(
        item,
        OffsetBuffer::from_lengths([1, 2, 2, 0, 1, 2, 2]),
        Arc::new(values),
        Some(vec![true, true, false, true, true, true, true].into()),
    );
    let expected = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.0), Some(2.0)]),
        None,
        Some(vec![]),
        Some(vec![Some(5.0)]),
        Some(vec![Some(6.0), Some(7.0)]),
    ]);
    TestColumn::converted("hidden elements", Arc::new(lists.slice(1, 5)), Arc::new(expected))
}

#[allow(clippy::unwrap_used, reason = "a test table that is wrong is a defect of the test")]
fn timestamps() -> TestColumn {
    let seconds = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(0), Some(-1)]),
        None,
        Some(vec![]),
        Some(vec![Some(1_748_019_635)]),
        Some(vec![Some(0)]),
    ]);
    let (_, offsets, values, nulls) = seconds.into_parts();
    let values: ArrayRef = Arc::new(values);
    let values = cast(&values, &DataType::Timestamp(TimeUnit::Second, None)).unwrap();
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let given = ListArray::try_new(item, offsets, values, nulls).unwrap();
    let expected = texts(&[
        Some(&["1970-01-01T00:00:00", "1969-12-31T23:59:59"]),
        None,
        Some(&[]),
        Some(&["2025-05-23T17:00:35"]),
        Some(&["1970-01-01T00:00:00"]),
    ]);
    TestColumn::converted("lists of timestamps", Arc::new(given), Arc::new(expected))
}

#[allow(clippy::unwrap_used, reason = "a test table that is wrong is a defect of the test")]
fn unsigned() -> TestColumn {
    let values: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 0, 7, 8]));
    let item = Arc::new(Field::new_list_field(DataType::UInt64, true));
    let offsets = OffsetBuffer::from_lengths([2, 0, 0, 1, 1]);
    let valid = vec![true, false, true, true, true].into();
    let given = ListArray::try_new(item, offsets, values, Some(valid)).unwrap();
    let expected =
        texts(&[Some(&["18446744073709551615", "0"]), None, Some(&[]), Some(&["7"]), Some(&["8"])]);
    TestColumn::converted("lists of uint64", Arc::new(given), Arc::new(expected))
}

fn declared_text() -> TestColumn {
    let lists = texts(&[Some(&["ab", "c"]), None, Some(&[]), Some(&["", "ü😀"]), Some(&["x y"])]);
    TestColumn::same("lists of text", Arc::new(lists)).of(Datatype::UnicodeChar, Some("5x*"))
}

fn texts(cells: &[Option<&[&str]>]) -> ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        lists.append_option(cell.map(|cell| cell.iter().map(Some)));
    }
    lists.finish()
}
