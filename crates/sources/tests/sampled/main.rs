//! A sample of a Parquet file, decided before rows are decoded, is the one that is chosen from decoded rows.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod damaged;
mod stats;
mod table;

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use proptest::prelude::*;
use taploom_model::{Resources, Result, RowSource, Step};
use taploom_pipeline::{Sample, Transformed};
use taploom_sources::{Condition, FirstIds, Request, SampleStats, SelectList, open};

use crate::table::{COLUMNS, Shape, table};

/// How a file is written.
#[derive(Debug, Clone)]
struct Writing {
    dictionary: bool,
    /// Bytes of a dictionary after which pages have values.
    dictionary_bytes: usize,
    version: WriterVersion,
    page_rows: usize,
    row_group_rows: usize,
    statistics: EnabledStatistics,
    compression: Compression,
}

fn writing() -> impl Strategy<Value = Writing> {
    let statistics = prop_oneof![
        1 => Just(EnabledStatistics::None),
        1 => Just(EnabledStatistics::Chunk),
        3 => Just(EnabledStatistics::Page)
    ];
    (
        prop::bool::weighted(0.8),
        prop_oneof![Just(100_usize), Just(1 << 20)],
        prop_oneof![Just(WriterVersion::PARQUET_1_0), Just(WriterVersion::PARQUET_2_0)],
        prop_oneof![Just(3_usize), Just(20), Just(100_000)],
        prop_oneof![Just(7_usize), Just(100), Just(100_000)],
        statistics,
        prop_oneof![Just(Compression::UNCOMPRESSED), Just(Compression::SNAPPY)],
    )
        .prop_map(
            |(
                dictionary,
                dictionary_bytes,
                version,
                page_rows,
                row_group_rows,
                statistics,
                compression,
            )| {
                Writing {
                    dictionary,
                    dictionary_bytes,
                    version,
                    page_rows,
                    row_group_rows,
                    statistics,
                    compression,
                }
            },
        )
}

fn write(path: &Path, table: &RecordBatch, writing: &Writing) {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(writing.dictionary)
        .set_dictionary_page_size_limit(writing.dictionary_bytes)
        .set_writer_version(writing.version)
        .set_data_page_row_count_limit(writing.page_rows)
        .set_write_batch_size(writing.page_rows.min(64))
        .set_max_row_group_row_count(Some(writing.row_group_rows))
        .set_statistics_enabled(writing.statistics)
        .set_compression(writing.compression)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, table.schema(), Some(properties)).unwrap();
    writer.write(table).unwrap();
    writer.close().unwrap();
}

/// The numbers of the rows, which are in the first column.
fn rows(mut source: impl RowSource) -> Result<Vec<i64>> {
    let mut rows = Vec::new();
    while let Step::Rows(batch) = block_on(source.next())? {
        rows.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
    }
    Ok(rows)
}

/// The rows that are chosen after all rows were decoded.
fn chosen_later(request: &Request<'_>, sample: &FirstIds) -> Vec<i64> {
    let source = block_on(open(request)).unwrap();
    let (group, id) = sample.bind(source.schema()).unwrap();
    let sample = Sample::new(source.schema(), group, id, sample.number).unwrap();
    rows(Transformed::new(source, sample)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_not_matter_when_rows_are_decided(
        shapes in prop::collection::vec(any::<Shape>(), 1..=2),
        writing in writing(),
        pairs in prop::collection::vec((1..=COLUMNS, 1..=COLUMNS, 0_usize..4), 6),
        batch_rows in prop_oneof![Just(1_usize), Just(50), Just(2000)],
        small_memory in prop::bool::weighted(0.2),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (file, shape) in shapes.iter().enumerate() {
            let path = folder.path().join(format!("{file}.parquet"));
            write(&path, &table(shape), &writing);
            paths.push(path.to_str().unwrap().to_owned());
        }
        let names = table(&shapes[0]).schema();
        let resources = match small_memory {
            true => Resources::default().with_memory_budget(1),
            false => Resources::default(),
        };
        let all = Request::new(&paths[0])
            .with_more_locations(&paths[1..])
            .with_batch_rows(batch_rows)
            .with_resources(resources);
        for (group, id, n) in pairs {
            let number = [1, 2, 5, 1000][n];
            let sample = FirstIds::new(names.field(group).name(), names.field(id).name(), number);
            // Other columns would only take time.
            let mut list = format!("\"row\", \"{}\"", sample.group);
            if group != id {
                list += &format!(", \"{}\"", sample.id);
            }
            let all = all.clone().with_select(list.parse::<SelectList>().unwrap());
            let expected = chosen_later(&all, &sample);
            let stats = SampleStats::default();
            let sampled = all.clone().with_sample(sample.clone()).with_sample_stats(stats.clone());
            prop_assert_eq!(&rows(block_on(open(&sampled)).unwrap()).unwrap(), &expected, "{:?}", sample);
            let report = stats.report();
            prop_assert_eq!(report.rows_kept, expected.len() as u64);
            prop_assert_eq!(
                report.rows_by_bounds + report.rows_by_codes + report.rows_by_values,
                report.rows
            );
            // The keys need not be among the columns.
            let alone = sampled.clone().with_select("row".parse::<SelectList>().unwrap());
            let alone = block_on(open(&alone)).unwrap();
            prop_assert_eq!(alone.schema().columns().len(), 1);
            prop_assert_eq!(&rows(alone).unwrap(), &expected, "{:?}", sample);
            // After a condition.
            let condition = "\"row\" % 3 <> 1".parse::<Condition>().unwrap();
            let later = chosen_later(&all.clone().with_condition(condition.clone()), &sample);
            let sampled = sampled.with_condition(condition);
            prop_assert_eq!(&rows(block_on(open(&sampled)).unwrap()).unwrap(), &later, "{:?}", sample);
        }
    }
}

#[test]
fn the_keys_need_not_be_selected_from_a_database() {
    let request = Request::new("demo")
        .with_sample(FirstIds::new("con", "name", 1))
        .with_select("vmag".parse::<SelectList>().unwrap());
    let mut source = block_on(open(&request)).unwrap();
    assert_eq!(source.schema().columns().len(), 1);
    assert!(block_on(source.next()).unwrap().rows().unwrap().num_rows() > 10);
}
