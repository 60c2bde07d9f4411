//! A sample of a Parquet file with damaged keys gives rows of the file in their order, or an error of one line.
//!
//! The first byte of an input chooses how the file is written. Of the following bytes, each three change one: its
//! position among the pages of the keys, and its value.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use taploom_format::Result;
use taploom_sources::{Condition, FirstIds, Request, SelectList, open};

const ROWS: i64 = 300;

/// Samples by numbers and by text, with all columns and with the numbers of the rows alone, and after a condition.
pub(crate) fn check(bytes: &[u8]) {
    let Some((way, changes)) = bytes.split_first() else { return };
    let Some((mut file, keys)) = written(*way) else { return };
    let places: Vec<usize> = keys.into_iter().flatten().collect();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        file[places[place % places.len()]] = change[2];
    }
    let Ok(mut damaged) = tempfile::NamedTempFile::new() else { return };
    if damaged.write_all(&file).is_err() {
        return;
    }
    let Some(path) = damaged.path().to_str() else { return };
    for (group, id) in [("number", "text"), ("text", "number")] {
        let all = Request::new(path).with_sample(FirstIds::new(group, id, 2));
        let alone = all.clone().with_select("row".parse::<SelectList>().ok());
        let after = alone.clone().with_condition("row % 3 = 1".parse::<Condition>().ok());
        for request in [all, alone, after] {
            match rows(&request) {
                Ok(rows) => {
                    assert!(rows.is_sorted_by(|one, next| one < next));
                    assert!(rows.iter().all(|row| (0..ROWS).contains(row)));
                }
                Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
            }
        }
    }
}

/// The numbers of the rows in a sample.
fn rows(request: &Request<'_>) -> Result<Vec<i64>> {
    let mut source = block_on(open(request))?;
    let mut rows = Vec::new();
    while let Some(batch) = block_on(source.next())?.rows() {
        rows.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
    }
    Ok(rows)
}

/// A file, and where the pages of its keys are.
fn written(way: u8) -> Option<(Vec<u8>, Vec<Range<usize>>)> {
    let is = |bit: u32| way >> bit & 1 == 1;
    let version = if is(0) { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 };
    let statistics = if is(2) { EnabledStatistics::None } else { EnabledStatistics::Page };
    let properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_dictionary_enabled(is(1))
        .set_statistics_enabled(statistics)
        // A small dictionary is left after some pages.
        .set_dictionary_page_size_limit(if is(3) { 40 } else { 1 << 20 })
        .set_data_page_row_count_limit(50)
        .set_write_batch_size(10)
        .set_max_row_group_row_count(Some(100))
        .build();
    // Runs of numbers, texts that change with every row, and nulls.
    let run = if is(4) { 20 } else { 3 };
    let some = |row: i64, value: i64| (row % 7 != 3 || is(5)).then_some(value);
    let numbers = Int64Array::from_iter((0..ROWS).map(|row| some(row / run, row / run % 9)));
    let texts =
        (0..ROWS).map(|row| some(row, row * row % 11).map(|number| format!("text {number}")));
    let table = RecordBatch::try_from_iter_with_nullable([
        ("row", Arc::new(Int64Array::from_iter_values(0..ROWS)) as ArrayRef, false),
        ("number", Arc::new(numbers), true),
        ("text", Arc::new(StringArray::from_iter(texts)), true),
    ])
    .ok()?;
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, table.schema(), Some(properties)).ok()?;
    writer.write(&table).ok()?;
    writer.close().ok()?;
    let bytes = bytes::Bytes::from(file.clone());
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).ok()?;
    let keys = metadata.row_groups().iter().flat_map(|group| &group.columns()[1..]).map(|chunk| {
        let (start, length) = chunk.byte_range();
        start as usize..(start + length) as usize
    });
    let keys = keys.collect();
    Some((file, keys))
}
