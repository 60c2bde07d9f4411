//! Converts rows of every Arrow type to canonical types.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{
    Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use super::*;
use crate::datatype::Datatype;
use crate::metadata::ColumnMetadata;

fn canonical(array: ArrayRef) -> Result<ArrayRef> {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    let mut rows = CanonicalRows::new(&ResultSchema::derived(batch.schema()))?;
    Ok(Arc::clone(rows.convert(&batch)?.column(0)))
}

fn text(array: ArrayRef) -> Vec<Option<String>> {
    let array = canonical(array).unwrap();
    array.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect()
}

#[test]
fn timestamps_are_text_with_the_digits_of_their_unit() {
    let micros = TimestampMicrosecondArray::from(vec![Some(1_748_019_635_025_000), None]);
    assert_eq!(
        text(Arc::new(micros.clone())),
        [Some("2025-05-23T17:00:35.025000".to_owned()), None]
    );
    for zone in ["+02:00", "UTC", "Europe/Berlin"] {
        let zoned = micros.clone().with_timezone(zone);
        assert_eq!(
            text(Arc::new(zoned))[0].as_deref(),
            Some("2025-05-23T17:00:35.025000"),
            "an instant is written in UTC"
        );
    }
    let nanos = TimestampNanosecondArray::from(vec![-1]);
    assert_eq!(text(Arc::new(nanos))[0].as_deref(), Some("1969-12-31T23:59:59.999999999"));
    assert_eq!(text(Arc::new(Date32Array::from(vec![0])))[0].as_deref(), Some("1970-01-01"));
}

#[test]
fn what_votable_has_no_number_for_is_text() {
    assert_eq!(
        text(Arc::new(UInt64Array::from(vec![u64::MAX])))[0].as_deref(),
        Some("18446744073709551615")
    );
    let decimal = Decimal128Array::from(vec![-12345]).with_precision_and_scale(9, 2).unwrap();
    assert_eq!(text(Arc::new(decimal))[0].as_deref(), Some("-123.45"));
}

#[test]
fn a_cell_that_does_not_fit_is_named() {
    let array = Arc::new(Int64Array::from(vec![Some(1), None, Some(70_000)])) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable([("n", array, true)]).unwrap();
    let short = ColumnMetadata { datatype: Some(Datatype::Short), ..Default::default() };
    let schema = ResultSchema::new(batch.schema(), vec![short]).unwrap();
    let mut rows = CanonicalRows::new(&schema).unwrap();
    rows.convert(&batch.slice(0, 2)).unwrap();
    let error = rows.convert(&batch.slice(2, 1)).unwrap_err();
    assert_eq!(error.to_string(), r#"column "n", row 3: 70000 does not fit into short"#);
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
}

#[test]
fn a_double_too_large_for_a_float_is_an_error_and_infinity_is_not() {
    let float = ColumnMetadata { datatype: Some(Datatype::Float), ..Default::default() };
    let convert = |value| {
        let array = Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("f", array)]).unwrap();
        let schema = ResultSchema::new(batch.schema(), vec![float.clone()]).unwrap();
        CanonicalRows::new(&schema).unwrap().convert(&batch)
    };
    assert!(convert(f64::INFINITY).is_ok());
    assert!(convert(0.1).is_ok());
    assert_eq!(convert(1e300).unwrap_err().row(), Some(1));
}

#[test]
fn an_integer_with_more_digits_than_a_double_is_an_error() {
    let double = ColumnMetadata { datatype: Some(Datatype::Double), ..Default::default() };
    for (value, fits) in [(1 << 53, true), ((1 << 53) + 1, false), (i64::MAX, false)] {
        let array = Arc::new(Int64Array::from(vec![None, Some(value)])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", array)]).unwrap();
        let schema = ResultSchema::new(batch.schema(), vec![double.clone()]).unwrap();
        let converted = CanonicalRows::new(&schema).unwrap().convert(&batch);
        assert_eq!(converted.is_ok(), fits, "{value}");
        assert!(converted.is_ok() || converted.unwrap_err().row() == Some(2));
    }
}

#[test]
fn dictionaries_are_checked_like_their_values() {
    use arrow_array::DictionaryArray;
    use arrow_array::types::Int32Type;
    let keys = arrow_array::Int32Array::from(vec![0]);
    let dictionary = |values: ArrayRef| -> ArrayRef {
        Arc::new(DictionaryArray::<Int32Type>::new(keys.clone(), values))
    };
    for (values, datatype) in [
        (Arc::new(Float64Array::from(vec![1e300])) as ArrayRef, Datatype::Float),
        (Arc::new(Int64Array::from(vec![(1 << 53) + 1])) as ArrayRef, Datatype::Double),
    ] {
        let batch = RecordBatch::try_from_iter([("d", dictionary(values))]).unwrap();
        let metadata = ColumnMetadata { datatype: Some(datatype), ..Default::default() };
        let schema = ResultSchema::new(batch.schema(), vec![metadata]).unwrap();
        let error = CanonicalRows::new(&schema).unwrap().convert(&batch).unwrap_err();
        assert_eq!((error.column(), error.row()), (Some("d"), Some(1)));
    }
}

#[test]
fn years_have_four_digits() {
    let year_10000 = 253_402_300_800_000_000;
    for (micros, fits) in [
        (year_10000 - 1, true),
        (year_10000, false),
        (-62_167_219_200_000_000, true),
        (-62_167_219_200_000_001, false),
        (i64::MAX, false),
    ] {
        let array = TimestampMicrosecondArray::from(vec![None, Some(micros)]);
        assert_eq!(canonical(Arc::new(array)).is_ok(), fits, "{micros}");
    }
    assert!(canonical(Arc::new(Date32Array::from(vec![i32::MAX]))).is_err());
}

#[test]
fn a_null_that_must_not_be_is_named() {
    let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
    let mut rows = CanonicalRows::new(&ResultSchema::derived(Arc::new(schema))).unwrap();
    let array = Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable([("n", array, true)]).unwrap();
    let error = rows.convert(&batch).unwrap_err();
    assert_eq!((error.column(), error.row()), (Some("n"), Some(2)));
}

fn with(array: ArrayRef, metadata: serde_json::Value) -> Result<ArrayRef> {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    let metadata = vec![serde_json::from_value(metadata).unwrap()];
    let schema = ResultSchema::new(batch.schema(), metadata)?;
    Ok(Arc::clone(CanonicalRows::new(&schema)?.convert(&batch)?.column(0)))
}

fn doubles(cells: &[Option<&[f64]>]) -> ListArray {
    ListArray::from_iter_primitive::<Float64Type, _, _>(
        cells.iter().map(|cell| cell.map(|cell| cell.iter().copied().map(Some))),
    )
}

#[test]
fn lists_of_every_kind_are_carried_flat() {
    let expected = doubles(&[Some(&[1.0, 2.0, 3.0, 4.0]), None, Some(&[5.0, 6.0])]);
    let int = |cells: &[Option<&[i32]>]| {
        ListArray::from_iter_primitive::<Int32Type, _, _>(
            cells.iter().map(|cell| cell.map(|cell| cell.iter().copied().map(Some))),
        )
    };
    let item = |data_type| Arc::new(Field::new("element", data_type, true));
    let ints = int(&[Some(&[9]), Some(&[1, 2, 3, 4]), None, Some(&[5, 6]), Some(&[8])]);
    let large = DataType::LargeList(item(DataType::Int64));
    let views = DataType::ListView(item(DataType::Float32));
    for to in [large, views] {
        let given = arrow_cast::cast(&ints, &to).unwrap().slice(1, 3);
        let read = with(given, serde_json::json!({"datatype": "double"})).unwrap();
        assert_eq!(read.as_list::<i32>(), &expected, "{to}");
    }
    // Lists of pairs: the second is null, but has values in the buffer.
    let pairs = int(&[Some(&[1, 2]), Some(&[3, 4]), Some(&[7, 7]), Some(&[5, 6])]);
    let pairs = arrow_cast::cast(&pairs, &DataType::FixedSizeList(item(DataType::Int32), 2));
    let nested = ListArray::new(
        item(DataType::FixedSizeList(item(DataType::Int32), 2)),
        OffsetBuffer::from_lengths([2, 1, 1]),
        pairs.unwrap(),
        Some(vec![true, false, true].into()),
    );
    let read = with(Arc::new(nested), serde_json::json!({"datatype": "double"})).unwrap();
    assert_eq!(read.as_list::<i32>(), &expected);
}

#[test]
fn bytes_are_lists_of_bytes() {
    let bytes = arrow_array::BinaryArray::from_opt_vec(vec![Some(b"ab"), None, Some(b"")]);
    let read = canonical(Arc::new(bytes)).unwrap();
    let expected = ListArray::from_iter_primitive::<arrow_array::types::UInt8Type, _, _>([
        Some(vec![Some(97), Some(98)]),
        None,
        Some(vec![]),
    ]);
    assert_eq!(read.as_list::<i32>(), &expected);
}

#[test]
fn a_cell_of_another_shape_is_named() {
    for (cells, metadata, expected) in [
        (
            &[Some(&[1.0, 2.0][..]), Some(&[1.0])][..],
            serde_json::json!({"arraysize": "2"}),
            "[1.0] does not fit into double of arraysize 2: it has 1 elements, and 2 are declared",
        ),
        (
            &[Some(&[1.0][..]), Some(&[1.0, 2.0, 3.0])],
            serde_json::json!({"arraysize": "2*"}),
            "[1.0, 2.0, 3.0] does not fit into double of arraysize 2*: it has 3 elements",
        ),
        (
            &[None, Some(&[1.0, 2.0, 3.0])],
            serde_json::json!({"datatype": "doubleComplex"}),
            "[1.0, 2.0, 3.0] does not fit into doubleComplex of arraysize *: it has 3 elements",
        ),
    ] {
        let error = with(Arc::new(doubles(cells)), metadata).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::InvalidValue, Some(2)));
        assert_eq!(format!("{error:#}"), format!("column \"x\", row 2: {expected}"));
    }
}

/// Also in columns that keep their Arrow types.
#[test]
fn a_list_that_does_not_have_the_given_shape_is_named() {
    let item = |data_type| Arc::new(Field::new_list_field(data_type, true));
    let flat = doubles(&[None, Some(&[1.0, 2.0]), Some(&[1.0, 2.0, 3.0])]);
    let large = arrow_cast::cast(&flat, &DataType::LargeList(item(DataType::Float64))).unwrap();
    // One pair, then one list of three.
    let offsets = OffsetBuffer::from_lengths([0, 1, 1]);
    let nested =
        ListArray::new(item(flat.data_type().clone()), offsets, Arc::new(flat.slice(1, 2)), None);
    let bytes = arrow_array::BinaryArray::from_opt_vec(vec![None, Some(b"ab"), Some(b"abc")]);
    let three: ArrayRef = Arc::new(flat);
    let nested: ArrayRef = Arc::new(nested);
    let bytes: ArrayRef = Arc::new(bytes);
    let mut wrong = Vec::new();
    for (array, arraysize, row) in [
        (&three, "2x*", Some(3)),
        (&three, "2", Some(3)),
        (&three, "2*", Some(3)),
        (&three, "3", Some(2)),
        (&three, "3*", None),
        (&three, "1x3*", None),
        (&three, "*", None),
        (&large, "2x*", Some(3)),
        (&nested, "2x*", Some(3)),
        (&nested, "3x*", Some(2)),
        (&bytes, "2x*", Some(3)),
        (&bytes, "*", None),
    ] {
        let batch = RecordBatch::try_from_iter_with_nullable([("x", Arc::clone(array), true)]);
        let batch = batch.unwrap();
        let metadata = ColumnMetadata { arraysize: arraysize.parse().ok(), ..Default::default() };
        let schema = ResultSchema::new(batch.schema(), vec![metadata]).unwrap();
        let held = |given: &DataType| Some(given.clone());
        for mut rows in [
            CanonicalRows::new(&schema).unwrap(),
            CanonicalRows::keeping(&schema, &["x"], held).unwrap(),
        ] {
            let read = rows.convert(&batch);
            let found = read.as_ref().map_or_else(Error::row, |_| None);
            let named = read.as_ref().map_or_else(Error::column, |_| None);
            if (found, named) != (row, row.map(|_| "x")) {
                wrong.push(format!("{} as {arraysize}: {read:?}", array.data_type()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_result_without_columns_is_an_error() {
    let schema = ResultSchema::derived(Arc::new(Schema::empty()));
    assert!(CanonicalRows::new(&schema).is_err());
}

#[test]
fn a_batch_of_another_schema_is_an_error_that_names_the_column() {
    let batch = |name: &'static str, array: ArrayRef| {
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![1])) as _),
            (name, array),
        ])
        .unwrap()
    };
    let first = batch("x", Arc::new(StringArray::from(vec!["a"])));
    let mut rows = CanonicalRows::new(&ResultSchema::derived(first.schema())).unwrap();
    rows.convert(&first).unwrap();
    let error = rows.convert(&batch("x", Arc::new(Int64Array::from(vec![1])))).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::SchemaMismatch, Some("x")));
    let error = rows.convert(&batch("y", Arc::new(StringArray::from(vec!["a"])))).unwrap_err();
    assert_eq!(error.column(), Some("x"));
    let error = rows.convert(&first.project(&[0]).unwrap()).unwrap_err();
    assert_eq!(error.column(), Some("x"));
}
