//! What is said of how rows were decided.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::executor::block_on;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterVersion};
use taploom_sources::{FirstIds, Request, SampleReport, SampleStats, open};

use crate::{Writing, rows, write};

/// Four groups of five ids of 50 rows each, sorted; two ids of each group are kept.
fn report(dictionary: bool, page_rows: usize, row_group_rows: usize) -> SampleReport {
    let groups = StringArray::from_iter_values((0..1000).map(|row| format!("group {}", row / 250)));
    let ids = Int64Array::from_iter_values((0..1000).map(|row| row / 50));
    let numbers = Int64Array::from_iter_values(0..1000);
    let table = RecordBatch::try_from_iter([
        ("row", Arc::new(numbers) as ArrayRef),
        ("group", Arc::new(groups)),
        ("id", Arc::new(ids)),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sorted.parquet");
    let writing = Writing {
        dictionary,
        dictionary_bytes: 1 << 20,
        version: WriterVersion::PARQUET_1_0,
        page_rows,
        row_group_rows,
        statistics: EnabledStatistics::Page,
        compression: Compression::SNAPPY,
    };
    write(&path, &table, &writing);
    let stats = SampleStats::default();
    let request = Request::new(path.to_str().unwrap())
        .with_sample(FirstIds::new("group", "id", 2))
        .with_sample_stats(stats.clone());
    let kept = rows(block_on(open(&request)).unwrap()).unwrap();
    assert_eq!(kept, (0..1000).filter(|row| row % 250 < 100).collect::<Vec<i64>>());
    let report = stats.report();
    assert_eq!((report.rows, report.rows_kept, report.groups, report.ids_kept), (1000, 400, 4, 8));
    report
}

#[test]
fn row_groups_and_pages_of_one_group_and_id_are_decided_by_their_bounds() {
    let report_of_row_groups = report(true, 1000, 50);
    assert_eq!(report_of_row_groups.rows_by_bounds, 1000);
    assert_eq!((report_of_row_groups.key_pages, report_of_row_groups.row_groups), (0, 20));
    assert_eq!(report_of_row_groups.row_groups_skipped, 12);
    let report_of_pages = report(false, 10, 1000);
    assert_eq!(report_of_pages.rows_by_bounds, 1000);
    assert_eq!((report_of_pages.key_pages, report_of_pages.key_pages_skipped), (0, 200));
}

#[test]
fn codes_and_values_are_decided_by_runs() {
    let of_codes = report(true, 1000, 1000);
    assert_eq!((of_codes.rows_by_codes, of_codes.key_pages), (1000, 2));
    assert_eq!(of_codes.runs, 20);
    let of_values = report(false, 1000, 1000);
    assert_eq!((of_values.rows_by_values, of_values.runs), (1000, 20));
}
