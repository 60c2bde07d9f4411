//! Compares conditions on random tables with DuckDB: evaluated by `Filter`, and by the Parquet source, which skips
//! row groups and pages.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use taploom::ResultSchema;
use taploom::pipeline::{BatchSource, Filter, RowSource, Step, Transformed};
use taploom::sources::{Condition, Request};
use taploom_tests::Random;

const ROWS: i64 = 600;
const TABLES: u64 = 4;
const CONDITIONS: usize = 300;

const TEXTS: [&str; 12] =
    ["", "a", "A", "ab", "aXb", "b%", "b_c", "it's", "é", "Éa", "a\\b", "zzz a long text with %"];
const DOUBLES: [f64; 10] = [
    0.0,
    -0.0,
    0.1,
    -2.5,
    3.0,
    1e300,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    9_007_199_254_740_992.0,
];

/// A table whose columns are nearly sorted in runs, so that the bounds of pages exclude rows.
fn table(seed: u64) -> RecordBatch {
    let mut random = Random::new(seed);
    let rows = 0..ROWS;
    let mut column = |nulls: u64, value: &mut dyn FnMut(i64, &mut Random)| {
        for row in rows.clone() {
            let row = if random.chance(nulls) { -1 } else { row };
            value(row, &mut random);
        }
    };
    macro_rules! of {
        ($array:ty, $nulls:expr, $value:expr) => {{
            let mut values = Vec::new();
            let make: fn(i64, &mut Random) -> _ = $value;
            column($nulls, &mut |row, random| {
                values.push((row >= 0).then(|| make(row, random)));
            });
            <$array>::from(values)
        }};
    }
    let i = of!(Int32Array, 10, |row, random| (row / 20) as i32 - 10 + random.below(3) as i32);
    let l = of!(Int64Array, 0, |row, random| match random.below(20) {
        0 => i64::MAX,
        1 => i64::MIN,
        _ => row * 1_000_000_007,
    });
    let u = of!(UInt64Array, 5, |row, random| match random.below(20) {
        0 => u64::MAX,
        _ => row as u64 / 7,
    });
    let d = of!(Float64Array, 10, |row, random| match random.below(12) {
        0 => DOUBLES[random.below(10) as usize],
        _ => (row / 10) as f64 / 4.0 - 5.0,
    });
    let f = of!(Float32Array, 10, |row, random| match random.below(30) {
        0 => f32::NAN,
        1 => -0.0,
        _ => (row % 50) as f32 / 10.0,
    });
    let b = of!(BooleanArray, 20, |row, random| (row / 100) % 2 == 0 || random.chance(5));
    let s = of!(StringArray, 10, |row, random| {
        let at = if random.chance(30) { random.below(12) } else { row as u64 / 50 };
        TEXTS[at as usize % 12]
    });
    let dec =
        of!(Decimal128Array, 10, |row, random| i128::from(row * 3 - 500 + random.below(5) as i64));
    let t = of!(TimestampMicrosecondArray, 10, |row, _| (row - 300) * 86_400_000_000 / 2);
    let day = of!(Date32Array, 10, |row, random| row as i32 / 3 - 50 + random.below(2) as i32);
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from_iter_values(0..ROWS)) as ArrayRef, false),
        ("i", Arc::new(i) as ArrayRef, true),
        ("l", Arc::new(l), true),
        ("u", Arc::new(u), true),
        ("d", Arc::new(d), true),
        ("f", Arc::new(f), true),
        ("b", Arc::new(b), true),
        ("s", Arc::new(s), true),
        ("dec", Arc::new(dec.with_precision_and_scale(10, 2).unwrap()), true),
        ("t", Arc::new(t), true),
        ("day", Arc::new(day), true),
    ])
    .unwrap()
}

/// A random condition, often with several comparisons.
fn condition(random: &mut Random, depth: u32) -> String {
    let inner = |random: &mut Random| condition(random, depth + 1);
    if depth < 3 && random.chance(45) {
        return match random.below(5) {
            0 => format!("NOT ({})", inner(random)),
            1 | 2 => format!("({}) AND ({})", inner(random), inner(random)),
            3 => format!("({}) OR ({})", inner(random), inner(random)),
            _ => {
                let is =
                    random.of(&["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NULL", "IS NOT NULL"]);
                format!("({}) {is}", inner(random))
            }
        };
    }
    let (column, values) = operand(random);
    let value = |random: &mut Random| random.of(values).to_owned();
    let not = |random: &mut Random| if random.chance(40) { "NOT " } else { "" };
    match random.below(12) {
        0 => format!("{column} IS {}NULL", not(random)),
        1 => format!("{column} {}BETWEEN {} AND {}", not(random), value(random), value(random)),
        2 => format!(
            "{column} {}IN ({}, {}, {})",
            not(random),
            value(random),
            value(random),
            value(random)
        ),
        3 => format!("{column} IS {}DISTINCT FROM {}", not(random), value(random)),
        4 => {
            let pattern = random.of(&[
                "'a%'",
                "'%b'",
                "'_'",
                "'%\\b'",
                "'b!%' ESCAPE '!'",
                "'%É%'",
                "'%'",
                "'a_b'",
            ]);
            let like = random.of(&["LIKE", "ILIKE"]);
            format!("s {}{like} {pattern}", not(random))
        }
        5 => (if random.chance(50) { "b" } else { "isnan(d)" }).to_owned(),
        6 => {
            let pair = random.of(&[
                "i _ l", "u _ i", "i _ u", "d _ i", "d _ dec", "t _ day", "f _ d", "dec _ i",
                "i _ f", "f _ dec",
            ]);
            pair.replace('_', comparison(random))
        }
        _ => format!("{column} {} {}", comparison(random), value(random)),
    }
}

fn comparison(random: &mut Random) -> &'static str {
    random.of(&["=", "<>", "<", "<=", ">", ">="])
}

/// A column or a calculation, and values for comparisons with it.
fn operand(random: &mut Random) -> (&'static str, &'static [&'static str]) {
    const WHOLE: &[&str] = &["0", "-3", "7", "2.5", "1e1", "NULL", "100"];
    const LONG: &[&str] = &[
        "0",
        "9223372036854775807",
        "-9223372036854775808",
        "300000002100",
        "18446744073709551615",
    ];
    const FLOAT: &[&str] = &["0", "0.1", "-2.5", "1e300", "3", "NULL", "'nan'", "'inf'", "2.25"];
    const TIMES: &[&str] = &[
        "TIMESTAMP '1970-01-01 12:00:00'",
        "DATE '1969-12-01'",
        "'1970-03-05 00:00:00'",
        "'1970-02-01'",
        "NULL",
    ];
    match random.below(15) {
        0 | 1 => ("i", WHOLE),
        2 => ("l", LONG),
        3 => ("u", &["0", "50", "18446744073709551615", "-1", "10.5", "NULL"]),
        4 | 5 => ("d", FLOAT),
        6 => ("f", &["0", "0.1", "2.5", "4.9", "NULL", "'nan'"]),
        7 => ("b", &["TRUE", "FALSE", "NULL"]),
        8 | 9 => ("s", &["'a'", "''", "'it''s'", "'é'", "'b'", "NULL", "'zz'"]),
        10 => ("dec", &["0", "1.5", "-4.99", "1e1", "3.005", "NULL"]),
        11 => ("t", TIMES),
        12 => ("day", TIMES),
        13 => random_calculation(random),
        _ => ("-i", WHOLE),
    }
}

fn random_calculation(random: &mut Random) -> (&'static str, &'static [&'static str]) {
    const VALUES: &[&str] = &["0", "2", "-7", "1.5", "NULL"];
    let calculation = random.of(&[
        "i + 3",
        "i * i - 20",
        "i % 4",
        "i % (i - 2)",
        "dec % (i + 0)",
        "u % (u - 3)",
        "d % (i - 1)",
        "i / 4",
        "dec / (i - 2)",
        "d + 0.5",
        "d * i",
        "dec + 1",
        "dec * 2",
        "dec - i",
        "u % 3",
        "(i + dec) / 2",
        "i + 0.5",
    ]);
    (calculation, VALUES)
}

#[test]
fn rows_are_those_that_duckdb_finds() {
    for seed in 0..TABLES {
        let folder = tempfile::tempdir().unwrap();
        let table = table(seed);
        let mut random = Random::new(1000 + seed);
        let mut conditions: Vec<String> =
            (0..CONDITIONS).map(|_| condition(&mut random, 0)).collect();
        conditions.dedup();
        let answers = of_duckdb(folder.path(), &table, &conditions);
        let path = folder.path().join("table.parquet");
        write(&path, &table, seed);
        for (condition, answer) in conditions.iter().zip(answers) {
            let expected = match answer {
                Answer::Rows(ids) => ids,
                Answer::Error(error) => panic!("DuckDB, {condition}: {error}"),
            };
            let parsed: Condition =
                condition.parse().unwrap_or_else(|e| panic!("{condition}: {e}"));
            let schema = ResultSchema::derived(table.schema());
            let source = BatchSource::new(schema.clone(), slices(&table).map(Ok));
            let filter =
                Filter::new(&schema, &parsed).unwrap_or_else(|e| panic!("{condition}: {e}"));
            assert_eq!(ids(Transformed::new(source, filter)), expected, "{seed}: {condition}");
            let request = Request::new(path.to_str().unwrap())
                .with_batch_rows(64)
                .with_select("id".parse::<taploom::sources::SelectList>().unwrap())
                .with_condition(parsed);
            let source = block_on(taploom::sources::open(&request)).unwrap();
            assert_eq!(ids(source), expected, "{seed}, from Parquet: {condition}");
        }
    }
}

fn slices(table: &RecordBatch) -> impl Iterator<Item = RecordBatch> + Send + use<> {
    let table = table.clone();
    (0..table.num_rows())
        .step_by(37)
        .map(move |row| table.slice(row, 37.min(table.num_rows() - row)))
}

fn ids(mut source: impl RowSource) -> Vec<i64> {
    let mut ids = Vec::new();
    while let Step::Rows(batch) = block_on(source.next()).unwrap() {
        ids.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
    }
    ids
}

/// Row groups and pages of a few rows, with and without statistics.
fn write(path: &Path, table: &RecordBatch, seed: u64) {
    let statistics = [EnabledStatistics::Page, EnabledStatistics::Chunk, EnabledStatistics::None];
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_data_page_row_count_limit(15)
        .set_write_batch_size(5)
        .set_statistics_enabled(statistics[if seed == 3 { 2 } else { seed as usize % 2 }])
        .set_statistics_truncate_length(Some(2))
        .set_column_index_truncate_length(Some(1))
        .set_bloom_filter_enabled(seed < 2)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, table.schema(), Some(properties)).unwrap();
    writer.write(table).unwrap();
    writer.close().unwrap();
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Answer {
    Rows(Vec<i64>),
    Error(String),
}

fn of_duckdb(folder: &Path, table: &RecordBatch, conditions: &[String]) -> Vec<Answer> {
    let file = File::create(folder.join("table.arrow")).unwrap();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &table.schema()).unwrap();
    writer.write(table).unwrap();
    writer.finish().unwrap();
    std::fs::write(folder.join("conditions.json"), serde_json::to_vec(conditions).unwrap())
        .unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = taploom_tests::target().join("python/bin/python");
    assert!(python.exists(), "DuckDB is not installed: run `cargo xtask setup`");
    let script = root.join("tests/readers/conditions.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Answer> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), conditions.len());
    answers
}
