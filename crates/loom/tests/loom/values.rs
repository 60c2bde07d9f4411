//! The Parquet crate reads back every cell as it was written: every type, with every codec, with both
//! kinds of dictionaries, in memory and through scratch, by one thread and by several.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, RunArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{Field, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::WriterProperties;
use taploom_loom::{Encodings, LoomOptions};

use crate::common::cells::{read_schema, same_cells};
use crate::common::{batches, every_type, loom, read};

const ROWS: usize = 2500;

#[track_caller]
fn every_type_comes_back(codec: Compression) {
    let batches = batches(every_type, ROWS);
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_data_page_size_limit(16 << 10)
        .set_max_row_group_row_count(Some(1777))
        .build();
    for encodings in [Encodings::Auto, Encodings::Smallest, Encodings::Compatible, Encodings::AsSet]
    {
        for (budget, spills, threads) in [(64 << 20, false, 1), (1 << 20, true, 3)] {
            let options = LoomOptions::new()
                .with_properties(properties.clone())
                .with_encodings(encodings)
                .with_memory_budget(budget)
                .with_threads(threads);
            let (file, written) = loom(&batches, options);
            assert_eq!(written.scratch_bytes > 0, spills, "{budget} bytes of memory");
            let (schema, rows) = read(file);
            assert_eq!(*schema, read_schema(&batches[0].schema()));
            same_cells(&rows, &batches).unwrap_or_else(|difference| {
                panic!("{encodings:?}, {budget} bytes, {threads} threads: {difference}")
            });
        }
    }
}

/// Pages are at the offsets in the offset index, so that a reader of two distant rows does not read
/// the pages between.
#[test]
fn single_rows_are_found_by_the_page_indexes() {
    let batches = batches(every_type, ROWS);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_write_batch_size(30)
        .set_data_page_row_count_limit(30)
        .set_max_row_group_row_count(Some(1777))
        .build();
    let options = LoomOptions::new().with_properties(properties).with_memory_budget(1 << 20);
    let (file, written) = loom(&batches, options);
    assert_ne!(written.scratch_bytes, 0);

    const STEP: usize = 97;
    let one = [RowSelector::skip(STEP - 1), RowSelector::select(1)];
    let some: RowSelection = one.into_iter().cycle().take(ROWS / STEP * one.len()).collect();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(file), options);
    let reader = reader.unwrap().with_row_selection(some).build().unwrap();
    let rows: Vec<_> = reader.map(Result::unwrap).collect();

    let all = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| batch.slice(row, 1)));
    let wanted: Vec<_> = all.skip(STEP - 1).step_by(STEP).collect();
    same_cells(&rows, &wanted).unwrap();
}

/// Values of runs may be nullable even if the column, or the item of a list, is not.
#[test]
fn runs_say_themselves_whether_they_have_nulls() {
    let runs = |values: Vec<Option<i64>>| -> ArrayRef {
        let ends = Int32Array::from_iter_values(1..=values.len() as i32);
        Arc::new(RunArray::try_new(&ends, &Int64Array::from(values)).unwrap())
    };
    let (nulls, no_nulls) = (runs(vec![Some(1), None, Some(3)]), runs(vec![Some(1); 5]));
    let item = Arc::new(Field::new_list_field(no_nulls.data_type().clone(), false));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([2, 0, 3]), no_nulls, None);
    let fields = vec![
        Field::new("runs", nulls.data_type().clone(), false),
        Field::new("lists of runs", lists.data_type().clone(), false),
    ];
    let columns: Vec<ArrayRef> = vec![nulls, Arc::new(lists)];
    let batches = [RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()];
    let (file, _) = loom(&batches, LoomOptions::new());
    let (schema, rows) = read(file);
    assert_eq!(*schema, read_schema(&batches[0].schema()));
    same_cells(&rows, &batches).unwrap();
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn uncompressed() {
        every_type_comes_back(Compression::UNCOMPRESSED);
    }

    #[test]
    fn lz4_raw() {
        every_type_comes_back(Compression::LZ4_RAW);
    }

    #[test]
    fn zstd() {
        every_type_comes_back(Compression::ZSTD(ZstdLevel::default()));
    }

    #[test]
    fn gzip() {
        every_type_comes_back(Compression::GZIP(GzipLevel::default()));
    }

    #[test]
    fn snappy() {
        every_type_comes_back(Compression::SNAPPY);
    }
}
