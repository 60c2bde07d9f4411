//! Column indexes, statistics and checksums say what the pages hold.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod common;

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, ListArray, RecordBatch, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use common::{loom, scatter};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::statistics::Statistics;
use taploom_loom::{FloatOrder, LoomOptions};

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

fn small_pages() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_data_page_row_count_limit(4).set_write_batch_size(1)
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

/// A float that is often 0, -0 or not a number, or a null.
fn float(at: usize) -> Option<f64> {
    match scatter(at) % 9 {
        0 | 1 => None,
        2 if scatter(at / 64).is_multiple_of(3) => Some(f64::NAN),
        3 => Some(0.0),
        4 => Some(-0.0),
        _ => Some((scatter(at) % 5) as f64 - 2.0),
    }
}

/// Lists, null and empty ones too, of up to three values.
fn lists(seed: usize, rows: usize, values: impl Fn(Range<usize>) -> ArrayRef) -> ListArray {
    let lengths: Vec<usize> = (0..rows).map(|row| scatter(seed + row) as usize % 4).collect();
    let all = lengths.iter().sum::<usize>();
    let values = values(seed..seed + all);
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let valid = (0..rows).map(|row| !scatter(seed + row + 77).is_multiple_of(6)).collect();
    ListArray::new(item, OffsetBuffer::from_lengths(lengths), values, Some(valid))
}

fn random_table(seed: usize, rows: usize) -> RecordBatch {
    let integers = |range: Range<usize>| -> ArrayRef {
        let value = |at| (!scatter(at).is_multiple_of(3)).then_some((scatter(at) % 7) as i32);
        Arc::new(range.map(value).collect::<Int32Array>())
    };
    let floats =
        |range: Range<usize>| -> ArrayRef { Arc::new(range.map(float).collect::<Float64Array>()) };
    let texts = |range: Range<usize>| -> ArrayRef {
        let value = |at| (!scatter(at).is_multiple_of(3)).then(|| format!("t{}", scatter(at) % 50));
        Arc::new(range.map(value).collect::<StringArray>())
    };
    let nested =
        |range: Range<usize>| -> ArrayRef { Arc::new(lists(range.start, range.len(), integers)) };
    let columns: [(&str, ArrayRef); 6] = [
        ("integers", Arc::new(lists(seed, rows, integers))),
        ("floats", Arc::new(lists(seed + 1, rows, floats))),
        ("texts", Arc::new(lists(seed + 2, rows, texts))),
        ("nested", Arc::new(lists(seed + 3, rows, nested))),
        ("flat", floats(seed..seed + rows)),
        ("plain", integers(seed..seed + rows)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

/// The values of the leaf below some rows of a column.
fn leaf(array: &ArrayRef) -> Vec<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let lists = (0..lists.len()).filter(|row| lists.is_valid(*row));
            let within = array.as_list::<i32>();
            lists.flat_map(|row| leaf(&within.value(row))).collect()
        }
        _ => vec![Arc::clone(array)],
    }
}

/// Compares what the index and the statistics say with the cells. Returns the number of pages.
fn check(batch: &RecordBatch, metadata: &ParquetMetaData) -> usize {
    let mut pages = 0;
    let mut first = 0;
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        let rows = row_group.num_rows() as usize;
        for (column, array) in batch.columns().iter().enumerate() {
            let name = batch.schema().field(column).name().clone();
            let of_chunk = array.slice(first, rows);
            let chunk = row_group.column(column);
            let values = leaf(&of_chunk);
            let has_nan = bounds(&values).is_some_and(|bounds| bounds.2);
            check_chunk(&name, chunk.statistics().unwrap(), &values);
            let index = metadata.page_index().unwrap();
            let offsets = index.offset_index(group, column).unwrap().page_locations();
            let index = index.column_index(group, column);
            assert!(!has_nan || index.is_none(), "{name}: an index beside NaN");
            for (page, location) in offsets.iter().enumerate() {
                pages += 1;
                let start = location.first_row_index as usize;
                let end = offsets.get(page + 1).map_or(rows, |next| next.first_row_index as usize);
                let Some(index) = index else { continue };
                let bounds = bounds(&leaf(&of_chunk.slice(start, end - start)));
                assert_eq!(index.is_null_page(page), bounds.is_none(), "{name}, page {page}");
                if let Some((least, greatest, _)) = bounds {
                    assert_eq!(page_bounds(index, page), (least, greatest), "{name}, page {page}");
                }
            }
        }
        first += rows;
    }
    assert_eq!(first, batch.num_rows());
    pages
}

/// Minimum and maximum as bytes, and whether there are NaNs; `None` without values.
fn bounds(values: &[ArrayRef]) -> Option<(Vec<u8>, Vec<u8>, bool)> {
    let zeros = |least: f64, greatest: f64| {
        let least = if least == 0.0 { -0.0 } else { least };
        (f64::to_le_bytes(least).to_vec(), f64::to_le_bytes(greatest + 0.0).to_vec())
    };
    match values.first()?.data_type() {
        DataType::Int32 => {
            let all = || values.iter().flat_map(|v| v.as_primitive::<Int32Type>().iter().flatten());
            let bytes = |value: i32| value.to_le_bytes().to_vec();
            Some((bytes(all().min()?), bytes(all().max()?), false))
        }
        DataType::Float64 => {
            let all =
                || values.iter().flat_map(|v| v.as_primitive::<Float64Type>().iter().flatten());
            let (least, greatest) = (all().reduce(f64::min)?, all().reduce(f64::max)?);
            let (least, greatest) = zeros(least, greatest);
            Some((least, greatest, all().any(f64::is_nan)))
        }
        _ => {
            let all = || values.iter().flat_map(|v| v.as_string::<i32>().iter().flatten());
            Some((all().min()?.into(), all().max()?.into(), false))
        }
    }
}

fn check_chunk(name: &str, statistics: &Statistics, values: &[ArrayRef]) {
    let expected = bounds(values).filter(|bounds| !bounds.2);
    let (least, greatest) = expected.map(|(least, greatest, _)| (least, greatest)).unzip();
    assert_eq!(statistics.min_bytes_opt().map(<[u8]>::to_vec), least, "{name}");
    assert_eq!(statistics.max_bytes_opt().map(<[u8]>::to_vec), greatest, "{name}");
    assert_eq!(statistics.nan_count_opt(), None, "{name}");
}

fn page_bounds(index: &ColumnIndexMetaData, page: usize) -> (Vec<u8>, Vec<u8>) {
    match index {
        ColumnIndexMetaData::INT32(index) => (
            index.min_values()[page].to_le_bytes().to_vec(),
            index.max_values()[page].to_le_bytes().to_vec(),
        ),
        ColumnIndexMetaData::DOUBLE(index) => (
            index.min_values()[page].to_le_bytes().to_vec(),
            index.max_values()[page].to_le_bytes().to_vec(),
        ),
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            (index.min_value(page).unwrap().to_vec(), index.max_value(page).unwrap().to_vec())
        }
        other => panic!("{other:?}"),
    }
}

/// `LOOM_STATISTICS_PAGES` is the number of pages to compare; 20,000 by default.
#[test]
fn pages_and_chunks_are_described_by_their_cells() {
    let wanted = std::env::var("LOOM_STATISTICS_PAGES");
    let wanted: usize = wanted.map_or(20_000, |pages| pages.parse().unwrap());
    let (mut pages, mut seed) = (0, 0);
    while pages < wanted {
        let batch = random_table(seed * 100_003, 1000);
        let version = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0][seed % 2];
        let properties = small_pages()
            .set_data_page_row_count_limit(1 + seed % 6)
            .set_writer_version(version)
            .set_max_row_group_row_count(Some(40 + seed % 300));
        let options = LoomOptions::new().with_properties(properties.build());
        let (file, _) = loom(std::slice::from_ref(&batch), options);
        rows(&file).unwrap();
        pages += check(&batch, &metadata(&file));
        seed += 1;
    }
    println!("{pages} pages, no difference");
}

#[test]
fn total_order_is_an_option() {
    use parquet::basic::ColumnOrder;
    let batch = random_table(5, 100);
    for (order, is_total) in [(FloatOrder::Type, false), (FloatOrder::Total, true)] {
        let options = LoomOptions::new().with_float_order(order);
        let metadata = metadata(&loom(std::slice::from_ref(&batch), options).0);
        let orders = metadata.file_metadata().column_orders().unwrap();
        assert_eq!(orders.contains(&ColumnOrder::IEEE_754_TOTAL_ORDER), is_total);
        let nans = metadata.row_group(0).column(4).statistics().unwrap().nan_count_opt();
        assert_eq!(nans.is_some(), is_total);
    }
}

#[test]
fn flipped_bytes_are_found() {
    let batch = random_table(9, 500);
    let (file, _) = loom(std::slice::from_ref(&batch), LoomOptions::new());
    let metadata = metadata(&file);
    for chunk in metadata.row_group(0).columns() {
        let (start, length) = chunk.byte_range();
        // The last byte of a chunk is in a page, the bytes before it mostly so.
        for back in 1..=20.min(length) {
            let mut damaged = file.clone();
            damaged[(start + length - back) as usize] ^= 0x10;
            assert!(rows(&damaged).is_err(), "{}: {back}", chunk.column_path());
        }
    }
}
