//! Numbers and booleans without a dictionary are written with the same bytes as by `ArrowWriter`,
//! whatever their nulls, values and pages.
//!
//! `PROPTEST_RNG_SEED` makes other tables, and `PROPTEST_CASES` more.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::common::{arrow_writer, as_set, loom, scatter};

/// The positions of the nulls in a batch.
#[derive(Debug, Clone, Copy)]
enum Nulls {
    None,
    All,
    /// One of this number of rows, at random.
    OneIn(u64),
    /// This number of null rows, and then the same number of rows that are not null, in turn.
    Runs(usize),
}

/// The kind of numbers in a table.
#[derive(Debug, Clone, Copy)]
enum Numbers {
    Any,
    /// Ascending numbers, so that the pages are in order.
    Rising,
    /// Zeros of both signs, infinities, NaN.
    Special,
}

#[derive(Debug, Clone)]
struct Case {
    /// The rows and the nulls of each batch, and bits before its first row in its buffers.
    batches: Vec<(usize, Nulls, usize)>,
    numbers: Numbers,
    codec: Compression,
    statistics: EnabledStatistics,
    page_bytes: usize,
    page_rows: usize,
    step: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let nulls = prop_oneof![
        2 => Just(Nulls::None),
        1 => Just(Nulls::All),
        3 => (1_u64..200).prop_map(Nulls::OneIn),
        2 => (1_usize..300).prop_map(Nulls::Runs),
    ];
    let batches = prop::collection::vec((1_usize..3000, nulls, 0_usize..70), 1..5);
    let numbers = select(vec![Numbers::Any, Numbers::Rising, Numbers::Special]);
    let codec = select(vec![Compression::SNAPPY, Compression::UNCOMPRESSED]);
    let statistics = prop_oneof![
        6 => Just(EnabledStatistics::Page),
        1 => Just(EnabledStatistics::Chunk),
    ];
    let pages = (select(vec![64, 1000, 8192, 16 << 10]), select(vec![50, 1024, 20_000]));
    let step = select(vec![1, 100, 1024]);
    (batches, numbers, codec, statistics, pages, step).prop_map(
        |(batches, numbers, codec, statistics, (page_bytes, page_rows), step)| Case {
            batches,
            numbers,
            codec,
            statistics,
            page_bytes,
            page_rows,
            step,
        },
    )
}

/// The kinds of columns, each with nulls and without.
fn schema() -> SchemaRef {
    let kinds = [
        DataType::Boolean,
        DataType::UInt8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Float32,
        DataType::Float64,
    ];
    let fields = kinds.iter().flat_map(|kind| {
        [true, false]
            .map(|nullable| Field::new(format!("{kind} {nullable}"), kind.clone(), nullable))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Case {
    fn table(&self) -> Vec<RecordBatch> {
        let schema = schema();
        let mut first = 0;
        let batches = self.batches.iter().map(|(rows, nulls, before)| {
            let columns = schema.fields().iter().enumerate().map(|(column, field)| {
                let nulls = if field.is_nullable() { *nulls } else { Nulls::None };
                self.array(field.data_type(), column, first, *rows, nulls, *before)
            });
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
            first += rows;
            batch
        });
        batches.collect()
    }

    fn array(
        &self,
        data_type: &DataType,
        column: usize,
        first: usize,
        rows: usize,
        nulls: Nulls,
        before: usize,
    ) -> ArrayRef {
        // Rows before the wanted ones, so that bits do not begin at a byte boundary.
        let all = before + rows;
        let random = |row: usize| scatter((first + row) * 31 + column);
        let is_valid = |row: usize| match nulls {
            Nulls::None => true,
            Nulls::All => false,
            Nulls::OneIn(of) => !(random(row) >> 32).is_multiple_of(of),
            Nulls::Runs(of) => ((first + row) / of).is_multiple_of(2),
        };
        let valid = BooleanBuffer::collect_bool(all, is_valid).slice(before, rows);
        let nulls = NullBuffer::new(valid);
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        let integer = |row: usize| match self.numbers {
            Numbers::Any => random(row).cast_signed(),
            Numbers::Rising => (first + row) as i64 - 2000,
            Numbers::Special => [i64::MIN, 0, -1, i64::MAX][(random(row) % 4) as usize],
        };
        let float = |row: usize| match self.numbers {
            Numbers::Special => {
                let special =
                    [f64::NAN, -f64::NAN, 0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 1.5, -0.0];
                // Some pages have only zeros of one sign, or only NaN.
                let kinds = [1, 2, 8][(first + row) / 700 % 3];
                let from = [0, 2, 0][(first + row) / 700 % 3];
                special[from + (random(row) % kinds) as usize]
            }
            Numbers::Any => f64::from_bits(random(row)),
            Numbers::Rising => (first + row) as f64,
        };
        fn primitive<T: ArrowPrimitiveType>(
            all: usize,
            before: usize,
            nulls: Option<NullBuffer>,
            value: impl Fn(usize) -> T::Native,
        ) -> ArrayRef {
            let values: Vec<T::Native> = (0..all).map(value).collect();
            let values = ScalarBuffer::from(values).slice(before, all - before);
            Arc::new(PrimitiveArray::<T>::new(values, nulls))
        }
        match data_type {
            DataType::Boolean => {
                let values = BooleanBuffer::collect_bool(all, |row| integer(row) % 3 == 0);
                Arc::new(BooleanArray::new(values.slice(before, rows), nulls))
            }
            DataType::UInt8 => primitive::<UInt8Type>(all, before, nulls, |row| integer(row) as u8),
            DataType::Int16 => {
                primitive::<Int16Type>(all, before, nulls, |row| integer(row) as i16)
            }
            DataType::Int32 => {
                primitive::<Int32Type>(all, before, nulls, |row| integer(row) as i32)
            }
            DataType::Int64 => primitive::<Int64Type>(all, before, nulls, integer),
            DataType::Float32 => {
                primitive::<Float32Type>(all, before, nulls, |row| float(row) as f32)
            }
            _ => primitive::<Float64Type>(all, before, nulls, float),
        }
    }

    fn properties(&self) -> WriterProperties {
        WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_compression(self.codec)
            .set_statistics_enabled(self.statistics)
            .set_data_page_size_limit(self.page_bytes)
            .set_data_page_row_count_limit(self.page_rows)
            .set_write_batch_size(self.step)
            .build()
    }
}

#[test]
fn the_same_bytes() {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 150;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0);
    }
    TestRunner::new(config)
        .run(&cases(), |case| {
            let batches = case.table();
            let expected = arrow_writer(&batches, case.properties());
            for (budget, threads) in [(64 << 20, 1), (2 << 20, 2)] {
                let options = as_set(case.properties());
                let options = options.with_memory_budget(budget).with_threads(threads);
                let (file, _) = loom(&batches, options);
                prop_assert!(
                    file == expected,
                    "{} bytes, {} threads: other bytes",
                    budget,
                    threads
                );
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
