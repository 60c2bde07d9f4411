//! Samples of a Parquet file, which are chosen before rows are decoded, are those that are chosen from decoded rows.

mod damaged;
mod stats;
mod table;

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_select::take::take_record_batch;
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use proptest::prelude::*;
use taploom_expressions::{FirstIdsFilter, SampleCounts};
use taploom_model::{Resources, Result, RowSource, Step};
use taploom_sources::{Condition, FirstIds, Request, SampleStats, SelectList, open};

use self::table::{COLUMNS, Shape, table};

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

/// The rows that are chosen after all rows were decoded, and what was counted.
fn chosen_from_decoded(request: &Request<'_>, sample: &FirstIds) -> (Vec<i64>, SampleCounts) {
    let mut source = block_on(open(request)).unwrap();
    let (group, id) = sample.bind(source.schema()).unwrap();
    let mut filter = FirstIdsFilter::new(source.schema(), group, id, sample.number).unwrap();
    let mut rows = Vec::new();
    while let Step::Rows(batch) = block_on(source.next()).unwrap() {
        let kept = filter.evaluate(&batch).unwrap();
        let numbers = batch.column(0).as_primitive::<Int64Type>().values();
        rows.extend(
            numbers.iter().zip(&kept).filter(|(_, kept)| *kept == Some(true)).map(|(row, _)| *row),
        );
    }
    (rows, filter.counts())
}

/// Checks the counts that do not depend on how rows were decided.
fn check_counts(stats: &SampleStats, counts: SampleCounts) {
    let report = stats.report();
    assert_eq!(
        (report.rows, report.rows_kept, report.groups, report.ids_kept),
        (counts.rows, counts.rows_kept, counts.groups, counts.ids_kept)
    );
    assert_eq!(report.rows_by_bounds + report.rows_by_codes + report.rows_by_values, report.rows);
    // Runs end where row groups, pages or dictionaries do.
    assert!(report.runs >= counts.runs.min(1) && report.runs <= report.rows);
}

/// Conditions that are true for some rows of every row group, of some row groups, and for none.
const CONDITIONS: [&str; 4] =
    ["\"row\" % 3 <> 1", "\"row\" BETWEEN 95 AND 130", "\"never null\" > 20", "\"row\" < 0"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Columns of every type that are read for the kept rows alone have the cells that they have in the whole table.
    #[test]
    fn kept_rows_have_all_their_cells(
        shape in any::<Shape>(),
        writing in writing(),
        number in 1_u32..4,
        keys in prop::sample::select(vec![("long", "text"), ("codes", "never null"), ("flag", "uuid")]),
        with_list in any::<bool>(),
        batch_rows in prop_oneof![Just(7_usize), Just(2000)],
    ) {
        let table = table(&shape);
        // Lists and Arrow dictionaries are not read column by column.
        let columns: Vec<usize> = (0..table.num_columns())
            .filter(|column| with_list || !["list", "codes"].contains(&&**table.schema().field(*column).name()))
            .collect();
        let names: Vec<String> =
            columns.iter().map(|column| format!("\"{}\"", table.schema().field(*column).name())).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        write(&path, &table, &writing);
        let request = Request::new(path.to_str().unwrap())
            .with_batch_rows(batch_rows)
            .with_sample(FirstIds::new(keys.0, keys.1, number))
            .with_select(names.join(", ").parse::<SelectList>().unwrap());
        let mut source = block_on(open(&request)).unwrap();
        let expected = table.project(&columns).unwrap();
        while let Step::Rows(batch) = block_on(source.next()).unwrap() {
            prop_assert!(batch.num_rows() <= batch_rows);
            let numbers = batch.column(0).as_primitive::<Int64Type>();
            let places = UInt32Array::from_iter_values(numbers.values().iter().map(|row| *row as u32));
            let expected = take_record_batch(&expected, &places).unwrap();
            for (found, expected) in batch.columns().iter().zip(expected.columns()) {
                // Comparing as text leaves NaN equal to itself.
                let as_text = |array: &ArrayRef| {
                    let format = ArrayFormatter::try_new(array, &FormatOptions::default()).unwrap();
                    (0..array.len()).map(|row| format.value(row).to_string()).collect::<Vec<_>>()
                };
                prop_assert_eq!(found.data_type(), expected.data_type());
                prop_assert_eq!(as_text(found), as_text(expected));
                prop_assert_eq!(found.logical_null_count(), expected.logical_null_count());
            }
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

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn samples_are_those_of_decoded_rows(
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
                let (expected, counts) = chosen_from_decoded(&all, &sample);
                let stats = SampleStats::default();
                let sampled = all.clone().with_sample(sample.clone()).with_sample_stats(stats.clone());
                prop_assert_eq!(&rows(block_on(open(&sampled)).unwrap()).unwrap(), &expected, "{:?}", sample);
                check_counts(&stats, counts);
                // The keys need not be among the columns.
                let alone = sampled.clone().with_select("row".parse::<SelectList>().unwrap());
                let alone = block_on(open(&alone)).unwrap();
                prop_assert_eq!(alone.schema().columns().len(), 1);
                prop_assert_eq!(&rows(alone).unwrap(), &expected, "{:?}", sample);
                // After a condition.
                for condition in CONDITIONS {
                    let condition = condition.parse::<Condition>().unwrap();
                    let (later, counts) = chosen_from_decoded(&all.clone().with_condition(condition.clone()), &sample);
                    let sampled = sampled.clone().with_condition(condition);
                    prop_assert_eq!(&rows(block_on(open(&sampled)).unwrap()).unwrap(), &later, "{:?}", sample);
                    check_counts(&stats, counts);
                    let alone = sampled.with_select("row".parse::<SelectList>().unwrap());
                    prop_assert_eq!(&rows(block_on(open(&alone)).unwrap()).unwrap(), &later, "{:?}", sample);
                }
            }
        }
    }
}
