//! Random tables: a reader returns the written cells, except for the declared losses, and the
//! readers of two formats return the same cells for the same table.
//!
//! Every run makes the same tables; `PROPTEST_RNG_SEED` makes other ones, and `PROPTEST_CASES`
//! more. Tables that have failed once are kept in `properties.regressions`, and are tested first.

mod held;
mod sample;
mod strategies;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_select::concat::concat_batches;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestError, TestRunner};
use taploom::{
    ColumnMetadata, Completion, EncodeContext, EncodeSummary, EncoderPlugin, Error, ErrorKind,
    ResultSchema,
};
use taploom_testkit::{Oracle, SharedSink, Table, check_rows};
use taploom_tests::{ReaderOracle, VARIANTS, Variant, types_of, with_losses};
use taploom_votable::{CountOf, ReadOptions, VotableReader, xml_characters};

use self::held::Held;
use self::strategies::tables;

/// The number of tables per variant that another program reads.
const CASES: u32 = 8;
/// The number of tables per variant that is read in this process.
const OWN_CASES: u32 = 200;

#[test]
fn the_reader_of_every_variant_reads_what_was_written() {
    check_variants(VARIANTS.iter(), CASES, |variant, table, bytes| {
        let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
        let decoded = oracle.decode(bytes, &table.schema)?;
        let names = oracle.names(&renamed(&table.schema, |name| variant_name(variant, name)));
        check_names(&decoded.names, &names)?;
        check_rows(
            "the file",
            &oracle.comparable(decoded.rows),
            &oracle.comparable(table.expected.clone()),
        )
    });
}

#[test]
fn the_votable_reader_reads_what_was_written() {
    check_variants(Variant::of("votable"), OWN_CASES, |variant, table, bytes| {
        let count_of = match option(variant, "array_count") {
            Some("outer") => CountOf::Outer,
            _ => CountOf::Primitives,
        };
        let options = ReadOptions::default().with_count_of(count_of);
        let say = |error: Error| error.to_string();
        let mut reader = VotableReader::with_options(bytes, options).map_err(say)?;
        let mut batches = Vec::new();
        while let Some(batch) = reader.next_batch(5).map_err(say)? {
            batches.push(batch);
        }
        if let [first, ..] = reader.passed_over().as_slice() {
            return Err(format!("passed over: {first}"));
        }
        let types = types_of(&table.schema);
        if types_of(reader.schema()) != types {
            return Err(format!("read as {:?}", types_of(reader.schema())));
        }
        let names = renamed(&table.schema, |name| variant_name(variant, name));
        check_names(&names_of(reader.schema()), &names_of(&names))?;
        let rows = concat_batches(reader.schema().arrow(), &batches).map_err(|e| e.to_string())?;
        let losses = votable_losses(variant);
        check_rows(
            "the document",
            &with_losses(&rows, &types, losses),
            &with_losses(&table.expected, &types, losses),
        )
    });
}

#[test]
fn any_two_formats_hold_the_same_table() {
    let files: Vec<Held> = VARIANTS.iter().map(Held::of).collect();
    let mut compared = 0;
    for (index, one) in files.iter().enumerate() {
        for other in &files[index + 1..] {
            compared += one.check_same(other).unwrap_or_else(|why| {
                panic!("{} and {}: {why}", one.variant.name(), other.variant.name())
            });
        }
    }
    let pairs = files.len() * (files.len() - 1) / 2;
    let cells = files[0].expected.num_rows() * files[0].expected.num_columns();
    assert!(compared > pairs * cells * 3 / 4, "{compared} of {} cells compared", pairs * cells);
}

/// The losses of VOTable itself, which are fewest in BINARY2.
fn votable_losses(variant: &Variant) -> &'static [&'static str] {
    match option(variant, "serialization") {
        Some("TABLEDATA") => &[
            "null-element-is-nan",
            "null-element-is-empty",
            "trailing-spaces-in-lists-are-lost",
            "empty-list-is-null",
            "empty-string-is-null",
        ],
        Some("BINARY") => &[
            "null-element-is-nan",
            "null-element-is-empty",
            "null-is-nan",
            "null-is-empty-string",
            "null-list-is-empty",
            "null-list-is-nan",
            "null-list-is-empty-strings",
            "null-list-is-null-elements",
        ],
        _ => &["null-element-is-nan", "null-element-is-empty"],
    }
}

/// Writes tables as every variant, and reports all variants that fail.
fn check_variants(
    variants: impl Iterator<Item = &'static Variant>,
    cases: u32,
    check: impl Fn(&'static Variant, &Table, &[u8]) -> Result<(), String>,
) {
    let mut failures = Vec::new();
    for variant in variants {
        let plugin = plugin_of(variant);
        let result = runner(cases).run(&tables(variant), |sample| {
            let table = sample.table();
            match write(variant, plugin, &table, &sample.batches(&table)) {
                Ok((bytes, _)) => check(variant, &table, &bytes).map_err(TestCaseError::fail),
                Err(error) => named_null_element(&table, &error).map_err(TestCaseError::fail),
            }
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(why, sample)) => {
                failures.push(format!("{}: {why}\nof {sample:?}", variant.name()));
            }
            Err(TestError::Abort(why)) => failures.push(format!("{}: {why}", variant.name())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn runner(cases: u32) -> TestRunner {
    let persistence = FileFailurePersistence::Direct("tests/properties.regressions");
    let mut config =
        Config { failure_persistence: Some(Box::new(persistence)), ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0);
    }
    config.max_shrink_iters = 300;
    TestRunner::new(config)
}

fn plugin_of(variant: &Variant) -> EncoderPlugin {
    let registry = taploom::registry().expect("formats of different names");
    let plugin = registry.plugins().iter().find(|plugin| plugin.info().id == variant.id);
    *plugin.unwrap_or_else(|| panic!("{} is not registered", variant.id))
}

fn option(variant: &Variant, name: &str) -> Option<&'static str> {
    variant.options.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn write(
    variant: &Variant,
    plugin: EncoderPlugin,
    table: &Table,
    batches: &[RecordBatch],
) -> taploom::Result<(Vec<u8>, EncodeSummary)> {
    let sink = SharedSink::default();
    let context = EncodeContext::default();
    let options = variant.parsed_options()?;
    let mut encoder = plugin.start(&options, &table.schema, &context, Box::new(sink.clone()))?;
    for batch in batches {
        encoder.write_batch(batch)?;
    }
    let summary = encoder.finish(Completion::Complete)?;
    Ok((sink.bytes(), summary))
}

/// A format may refuse a null element that it can't represent, but the error has to name a cell
/// with a null element. Other errors are not expected.
fn named_null_element(table: &Table, error: &Error) -> Result<(), String> {
    let has_null_element = || {
        let row = usize::try_from(error.row()?).ok()?.checked_sub(1)?;
        let columns = table.schema.columns().iter().zip(table.expected.columns());
        let mut columns = columns.filter(|(column, _)| Some(column.name()) == error.column());
        Some(columns.any(|(_, array)| null_elements_at(array, row)))
    };
    match error.kind() == ErrorKind::InvalidValue && has_null_element() == Some(true) {
        true => Ok(()),
        false => Err(format!("not written: {error:?}")),
    }
}

fn null_elements_at(array: &ArrayRef, row: usize) -> bool {
    array.as_list_opt::<i32>().is_some_and(|lists| {
        row < lists.len() && lists.is_valid(row) && lists.value(row).null_count() > 0
    })
}

/// The name that a column gets in a format.
fn variant_name(variant: &Variant, name: &str) -> String {
    match variant.id {
        "votable" | "voparquet" => xml_characters(name).into_owned(),
        "tsv" => name.replace(['\t', '\n', '\r'], " "),
        "ecsv" => name.replace(['\n', '\r'], " "),
        _ => name.to_owned(),
    }
}

fn renamed(schema: &ResultSchema, name: impl Fn(&str) -> String) -> ResultSchema {
    let metadata = schema
        .columns()
        .iter()
        .map(|column| ColumnMetadata { name: Some(name(column.name())), ..column.resolved() });
    ResultSchema::new(Arc::clone(schema.arrow()), metadata.collect()).expect("the same types")
}

fn names_of(schema: &ResultSchema) -> Vec<String> {
    schema.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn check_names(read: &[String], expected: &[String]) -> Result<(), String> {
    if read == expected { Ok(()) } else { Err(format!("names {read:?}, expected {expected:?}")) }
}
