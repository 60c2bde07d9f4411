//! Row groups have the requested number of rows, whatever the size of the batches.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::executor::block_on;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use taploom::ResultSchema;
use taploom::pipeline::{BatchSource, Filter, RowSource, Transformed, run};

/// The numbers of rows in the row groups that are written from a source.
fn row_groups(mut source: impl RowSource, asked: usize) -> Vec<i64> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let spec = taploom::registry().unwrap().request("voparquet").unwrap();
    let spec = spec.with_option("row_group_rows", &asked.to_string()).unwrap();
    let sink = Box::new(File::create(&path).unwrap());
    block_on(run(&mut source, &spec, sink, &mut |_| ())).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect()
}

fn table(rows: usize) -> RecordBatch {
    let ids = Int64Array::from_iter_values(0..rows as i64);
    let names = StringArray::from_iter_values((0..rows).map(|row| format!("name {}", row % 1000)));
    RecordBatch::try_from_iter([("id", Arc::new(ids) as ArrayRef), ("name", Arc::new(names))])
        .unwrap()
}

fn source(table: &RecordBatch, batch_rows: usize) -> impl RowSource + use<> {
    let rows = table.num_rows();
    let table = table.clone();
    let schema = ResultSchema::derived(table.schema());
    let batches = (0..rows).step_by(batch_rows);
    BatchSource::new(
        schema,
        batches.map(move |row| Ok(table.slice(row, batch_rows.min(rows - row)))),
    )
}

/// The requested number of rows in every row group except the last.
fn expected(rows: usize, asked: usize) -> Vec<i64> {
    let groups = (0..rows).step_by(asked);
    groups.map(|row| asked.min(rows - row) as i64).collect()
}

#[test]
fn batches_of_one_row_and_of_a_million_make_the_same_row_groups() {
    for (rows, batch_rows, asked) in [
        (5_000, 1, 1_000),
        (5_500, 1, 2_000),
        (100_000, 1_024, 10_000),
        (100_000, 1_024, 1_000),
        (1_000_000, 1_000_000, 100_000),
        (1_000_000, 1_000_000, 300_000),
        (1_000, 1_000, 1_000),
    ] {
        let found = row_groups(source(&table(rows), batch_rows), asked);
        assert_eq!(found, expected(rows, asked), "{rows} rows in batches of {batch_rows}");
    }
}

#[test]
fn a_filter_that_lets_one_row_in_a_hundred_through_makes_no_small_row_groups() {
    for (rows, batch_rows) in [(300_000, 100), (300_000, 2_000), (1_000_000, 1_000_000)] {
        let source = source(&table(rows), batch_rows);
        let condition = "id % 100 = 7".parse().unwrap();
        let filter = Filter::new(source.schema(), &condition).unwrap();
        let found = row_groups(Transformed::new(source, filter), 1_000);
        assert_eq!(found, expected(rows / 100, 1_000), "batches of {batch_rows}");
    }
}
