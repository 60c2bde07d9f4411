//! Checks that column indexes, statistics and checksums match the pages.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Float64Array, IntervalDayTimeArray, ListArray, RecordBatch};
use arrow_buffer::{IntervalDayTime, OffsetBuffer};
use arrow_schema::Field;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use taploom_loom::{FloatOrder, LoomOptions};

use crate::common::{every_type, loom, scatter};

fn metadata(file: &[u8]) -> ParquetMetaData {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let file = Bytes::from(file.to_vec());
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    builder.metadata().as_ref().clone()
}

fn rows(file: &[u8]) -> Result<Vec<RecordBatch>, String> {
    let file = Bytes::from(file.to_vec());
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    let reader = builder.build().map_err(|e| e.to_string())?;
    reader.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[test]
fn a_page_with_as_many_nulls_as_rows_has_bounds() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        Some(vec![Some(2), None]),
    ]);
    let batch = RecordBatch::try_from_iter([("l", Arc::new(lists) as ArrayRef)]).unwrap();
    let (file, _) = loom(&[batch], LoomOptions::new());
    let metadata = metadata(&file);
    let Some(ColumnIndexMetaData::INT32(index)) = metadata.page_index().unwrap().column_index(0, 0)
    else {
        panic!("no column index")
    };
    assert!(!index.is_null_page(0));
    assert_eq!((index.min_value(0), index.max_value(0)), (Some(&1), Some(&2)));
    assert_eq!(index.null_count(0), Some(2));
}

/// Types without an order have no bounds that could be corrected.
#[test]
fn values_without_an_order_are_not_taken_for_nulls() {
    let value = IntervalDayTime::new(1, 2);
    let values = IntervalDayTimeArray::from(vec![Some(value), None, Some(value), None]);
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([2, 2]), Arc::new(values), None);
    let batch = RecordBatch::try_from_iter([("l", Arc::new(lists) as ArrayRef)]).unwrap();
    let metadata = metadata(&loom(&[batch], LoomOptions::new()).0);
    assert!(metadata.page_index().unwrap().column_index(0, 0).is_none());
}

/// A float that is often 0, -0 or NaN, or a null.
fn float(at: usize) -> Option<f64> {
    match scatter(at) % 9 {
        0 | 1 => None,
        2 if scatter(at / 64).is_multiple_of(3) => Some(f64::NAN),
        3 => Some(0.0),
        4 => Some(-0.0),
        _ => Some((scatter(at) % 5) as f64 - 2.0),
    }
}

#[test]
fn total_order_is_an_option() {
    use parquet::basic::ColumnOrder;
    let floats = (0..100).map(float).collect::<Float64Array>();
    let batch = RecordBatch::try_from_iter([("floats", Arc::new(floats) as ArrayRef)]).unwrap();
    for (order, is_total) in [(FloatOrder::Type, false), (FloatOrder::Total, true)] {
        let options = LoomOptions::new().with_float_order(order);
        let metadata = metadata(&loom(std::slice::from_ref(&batch), options).0);
        let orders = metadata.file_metadata().column_orders().unwrap();
        assert_eq!(orders.contains(&ColumnOrder::IEEE_754_TOTAL_ORDER), is_total);
        let nans = metadata.row_group(0).column(0).statistics().unwrap().nan_count_opt();
        assert_eq!(nans.is_some(), is_total);
    }
}

#[test]
fn flipped_bytes_are_found() {
    let batch = every_type(0, 500);
    let (file, _) = loom(std::slice::from_ref(&batch), LoomOptions::new());
    let metadata = metadata(&file);
    for chunk in metadata.row_group(0).columns() {
        let (start, length) = chunk.byte_range();
        // The last bytes of a chunk are in a page, after its header.
        for back in 1..=4 {
            let mut damaged = file.clone();
            damaged[(start + length - back) as usize] ^= 0x10;
            assert!(rows(&damaged).is_err(), "{}: {back}", chunk.column_path());
        }
    }
}
