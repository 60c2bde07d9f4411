//! Compares `Sample`, on columns of many types, with a plain loop in Python.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryArray,
    Float64Array, Int64Array, RecordBatch, StringArray, StringViewArray, TimestampNanosecondArray,
};
use futures::executor::block_on;
use taploom::ResultSchema;
use taploom::pipeline::{BatchSource, RowSource, Sample, Step, Transformed};
use taploom_tests::mixed;

const ROWS: u64 = 1500;

/// Groups in runs, and ids in shorter runs. Every value occurs again later, and a tenth of them are null.
fn numbers(salt: u64, run: u64, distinct: u64) -> Vec<Option<u64>> {
    let number = |row: u64| {
        let drawn = mixed(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(row / run));
        (!drawn.is_multiple_of(10)).then_some(drawn / 10 % distinct)
    };
    (0..ROWS).map(number).collect()
}

fn table() -> RecordBatch {
    let of = |salt| numbers(salt, 1 + salt * 3 % 11, 2 + salt * 7 % 40);
    let text = |number: Option<u64>| number.map(|number| format!("text {number}"));
    let texts: Vec<Option<String>> = of(2).into_iter().map(text).collect();
    let uuids = of(4)
        .into_iter()
        .map(|number| number.map(|number| u128::from(mixed(number)).to_be_bytes()));
    let floats = of(5).into_iter().map(|number| {
        number.map(|number| match number {
            0 => 0.0,
            1 => -0.0,
            2 => f64::NAN,
            3 => -f64::NAN,
            other => other as f64 / 7.0,
        })
    });
    let codes: DictionaryArray<Int32Type> =
        of(7).into_iter().map(text).collect::<Vec<_>>().iter().map(Option::as_deref).collect();
    let decimals =
        of(3).into_iter().map(|number| number.map(|number| i128::from(mixed(number) >> 20)));
    let decimals = Decimal128Array::from_iter(decimals).with_precision_and_scale(30, 5).unwrap();
    let long = |salt| of(salt).into_iter().map(|number| number.map(|number| number as i64));
    RecordBatch::try_from_iter_with_nullable([
        ("row", Arc::new(Int64Array::from_iter_values(0..ROWS as i64)) as ArrayRef, false),
        ("long", Arc::new(Int64Array::from_iter(long(1))) as ArrayRef, true),
        ("text", Arc::new(StringArray::from(texts.clone())), true),
        ("view", Arc::new(StringViewArray::from_iter(texts)), true),
        ("decimal", Arc::new(decimals), true),
        (
            "uuid",
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(uuids, 16).unwrap()),
            true,
        ),
        ("double", Arc::new(Float64Array::from_iter(floats)), true),
        (
            "flag",
            Arc::new(BooleanArray::from_iter(
                of(6).into_iter().map(|n| n.map(|n| n.is_multiple_of(2))),
            )),
            true,
        ),
        ("codes", Arc::new(codes), true),
        ("day", Arc::new(Date32Array::from_iter(long(8).map(|n| n.map(|n| n as i32)))), true),
        (
            "time",
            Arc::new(TimestampNanosecondArray::from_iter(long(9).map(|n| n.map(|n| n * 1000)))),
            true,
        ),
    ])
    .unwrap()
}

#[test]
fn every_type_is_a_group_and_an_id() {
    let table = table();
    let names: Vec<String> =
        table.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut cases = Vec::new();
    for group in 1..names.len() {
        for id in 1..names.len() {
            // Some numbers are larger than any group.
            cases.push((group, id, [1, 2, 5, 100][(group + id) % 4]));
        }
    }
    cases.extend([(1, 0, 3), (0, 1, 1), (1, 2, 0)]);
    let answers = of_python(&table, &cases, &names);
    for ((group, id, n), expected) in cases.into_iter().zip(answers) {
        for batch_rows in [1, 64, 1000] {
            let rows = table.num_rows();
            let slices: Vec<_> = (0..rows)
                .step_by(batch_rows)
                .map(|row| Ok(table.slice(row, batch_rows.min(rows - row))))
                .collect();
            let schema = ResultSchema::derived(table.schema());
            let sample = Sample::new(&schema, group, id, n).unwrap();
            let mut source = Transformed::new(BatchSource::new(schema, slices.into_iter()), sample);
            let mut kept = Vec::new();
            while let Step::Rows(batch) = block_on(source.next()).unwrap() {
                kept.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
            }
            assert_eq!(kept, expected, "{} {} {n} {batch_rows}", names[group], names[id]);
        }
    }
}

fn of_python(
    table: &RecordBatch,
    cases: &[(usize, usize, u32)],
    names: &[String],
) -> Vec<Vec<i64>> {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("table.arrow")).unwrap();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &table.schema()).unwrap();
    writer.write(table).unwrap();
    writer.finish().unwrap();
    let cases: Vec<_> =
        cases.iter().map(|(group, id, n)| (&names[*group], &names[*id], n)).collect();
    std::fs::write(folder.path().join("cases.json"), serde_json::to_vec(&cases).unwrap()).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = taploom_tests::target().join("python/bin/python");
    assert!(python.exists(), "pyarrow is not installed: run `cargo xtask setup`");
    let script = root.join("tests/readers/sampled.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
