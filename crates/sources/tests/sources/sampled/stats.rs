//! The counts of how many rows were decided by what.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::executor::block_on;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterVersion};
use taploom_sources::{Condition, FirstIds, Request, SampleReport, SampleStats, open};

use super::{Writing, rows, write};

fn rows_of(request: &Request<'_>) -> Vec<i64> {
    rows(block_on(open(request)).unwrap()).unwrap()
}

/// Groups and ids, with the number of each row.
fn numbered(groups: ArrayRef, ids: Int64Array) -> RecordBatch {
    let rows = Int64Array::from_iter_values(0..ids.len() as i64);
    RecordBatch::try_from_iter([
        ("row", Arc::new(rows) as ArrayRef),
        ("group", groups),
        ("id", Arc::new(ids)),
    ])
    .unwrap()
}

/// Four groups of five ids of 50 rows each, sorted; two ids of each group are kept.
fn report(dictionary: bool, page_rows: usize, row_group_rows: usize) -> SampleReport {
    let groups = StringArray::from_iter_values((0..1000).map(|row| format!("group {}", row / 250)));
    let ids = Int64Array::from_iter_values((0..1000).map(|row| row / 50));
    let table = numbered(Arc::new(groups), ids);
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

/// A file in the form of the one that `cargo xtask bench sample` measures, a thousand times smaller: groups, ids, and
/// the number of each row within its id.
#[test]
fn counts_of_a_light_file_are_those_of_a_plain_loop() {
    let rows = 100_000_i64;
    for is_shuffled in [false, true] {
        let places: Vec<i64> =
            (0..rows).map(|row| if is_shuffled { row * 7919 % rows } else { row }).collect();
        let column = |of: fn(i64) -> i64| {
            Int64Array::from_iter_values(places.iter().map(|place| of(*place)))
        };
        let groups = column(|place| place / 10_000);
        let ids = column(|place| place % 10_000 / 100);
        let table = numbered(Arc::new(groups), ids);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("light.parquet");
        let writing = Writing {
            dictionary: true,
            dictionary_bytes: 1 << 20,
            version: WriterVersion::PARQUET_1_0,
            page_rows: 10_000,
            row_group_rows: 25_000,
            statistics: EnabledStatistics::Chunk,
            compression: Compression::SNAPPY,
        };
        write(&path, &table, &writing);
        for (condition, is_wanted) in [
            (None, (|_| true) as fn(i64) -> bool),
            (Some("\"row\" % 2 = 0"), |row| row % 2 == 0),
            (Some("\"row\" >= 60000"), |row| row >= 60_000),
        ] {
            let stats = SampleStats::default();
            let request = Request::new(path.to_str().unwrap())
                .with_sample(FirstIds::new("group", "id", 10))
                .with_condition(condition.map(|text| text.parse::<Condition>().unwrap()))
                .with_sample_stats(stats.clone());
            let kept = rows_of(&request);
            let (mut firsts, mut expected) = (HashMap::<i64, HashSet<i64>>::new(), Vec::new());
            let (mut runs, mut last, mut wanted) = (0, None, 0);
            for (row, place) in places.iter().enumerate().filter(|(row, _)| is_wanted(*row as i64))
            {
                let (group, id) = (place / 10_000, place % 10_000 / 100);
                let ids = firsts.entry(group).or_default();
                if ids.len() < 10 {
                    ids.insert(id);
                }
                if ids.contains(&id) {
                    expected.push(row as i64);
                }
                wanted += 1;
                // Row groups have dictionaries of their own.
                let codes = Some((row / 25_000, group, id));
                runs += u64::from(last != codes);
                last = codes;
            }
            assert_eq!(kept, expected, "{condition:?}");
            let report = stats.report();
            assert_eq!((report.rows, report.rows_kept), (wanted, expected.len() as u64));
            assert_eq!((report.runs, report.groups), (runs, firsts.len() as u64));
            assert_eq!(report.ids_kept, firsts.values().map(|ids| ids.len() as u64).sum::<u64>());
            // Both columns of keys have three pages in each of the row groups that were not passed over.
            assert_eq!(report.rows_by_codes, report.rows);
            assert_eq!(report.key_pages, 6 * report.row_groups);
            assert_eq!(report.row_groups_skipped, 0);
        }
    }
}
