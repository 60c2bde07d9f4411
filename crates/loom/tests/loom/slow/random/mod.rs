//! Random tables: whatever the types, batches, row groups, budgets and threads, the cells read back have to
//! equal the written ones.
//!
//! Every run makes the same tables. `PROPTEST_RNG_SEED` makes other ones, and `PROPTEST_CASES` more.

mod arrays;
mod described;
mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use taploom_loom::{Encodings, Error, LoomOptions, LoomWriter, Result};

use self::arrays::Random;
use self::types::{fields, types};

use crate::common::cells::{read_schema, same_cells};
use crate::common::{codecs, read};

const CASES: u32 = 80;

#[test]
fn what_is_read_back_is_what_was_written() {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0);
    }
    config.max_shrink_iters = 2000;
    let through_scratch = AtomicUsize::new(0);
    TestRunner::new(config)
        .run(&(tables(), choices()), |(table, choices)| {
            let batches = table.batches();
            let (file, scratch_bytes) = choices.write(&table.schema, &batches)?;
            through_scratch.fetch_add(usize::from(scratch_bytes > 0), Ordering::Relaxed);
            let (schema, rows) = read(file);
            prop_assert_eq!(&*schema, &read_schema(&table.schema));
            same_cells(&rows, &batches).map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert_ne!(through_scratch.into_inner(), 0, "no table went through scratch");
}

/// How a table is written.
#[derive(Debug, Clone)]
struct Choices {
    budget: usize,
    threads: usize,
    encodings: Encodings,
    codec: Compression,
    version: WriterVersion,
    row_group_rows: Option<usize>,
    row_group_bytes: Option<usize>,
    page_bytes: usize,
    page_rows: usize,
}

fn choices() -> impl Strategy<Value = Choices> {
    let versions = vec![WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let encodings =
        vec![Encodings::Auto, Encodings::Smallest, Encodings::Compatible, Encodings::AsSet];
    let row_group_rows = prop_oneof![2 => Just(None), 1 => (30..9000_usize).prop_map(Some)];
    let row_group_bytes =
        prop_oneof![2 => Just(None), 1 => (10_000..2_000_000_usize).prop_map(Some)];
    let budget = prop_oneof![Just(1 << 20), 1_usize << 20..4 << 20];
    let small = (budget, 1..4_usize, 100..100_000_usize, 1..20_000_usize);
    let codecs = select(codecs().to_vec());
    (small, codecs, select(versions), select(encodings), row_group_rows, row_group_bytes).prop_map(
        |(small, codec, version, encodings, row_group_rows, row_group_bytes)| {
            let (budget, threads, page_bytes, page_rows) = small;
            Choices {
                budget,
                threads,
                encodings,
                codec,
                version,
                row_group_rows,
                row_group_bytes,
                page_bytes,
                page_rows,
            }
        },
    )
}

impl Choices {
    /// Writes a file. A refused budget is raised to the one that the error names.
    fn write(
        &self,
        schema: &Arc<Schema>,
        batches: &[RecordBatch],
    ) -> std::result::Result<(Vec<u8>, u64), TestCaseError> {
        let failed = |error: Error| TestCaseError::fail(format!("not written: {error:?}"));
        match self.write_within(self.budget, schema, batches) {
            Err(Error::Budget { enough, .. }) => {
                self.write_within(enough, schema, batches).map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    fn write_within(
        &self,
        budget: usize,
        schema: &Arc<Schema>,
        batches: &[RecordBatch],
    ) -> Result<(Vec<u8>, u64)> {
        let properties = WriterProperties::builder()
            .set_compression(self.codec)
            .set_writer_version(self.version)
            .set_max_row_group_row_count(self.row_group_rows)
            .set_max_row_group_bytes(self.row_group_bytes)
            .set_data_page_size_limit(self.page_bytes)
            .set_dictionary_page_size_limit(self.page_bytes)
            .set_data_page_row_count_limit(self.page_rows)
            .build();
        let options = LoomOptions::new()
            .with_properties(properties)
            .with_encodings(self.encodings)
            .with_memory_budget(budget)
            .with_threads(self.threads);
        let mut file = Vec::new();
        let mut writer = LoomWriter::try_new(&mut file, Arc::clone(schema), options)?;
        for batch in batches {
            writer.write(batch)?;
        }
        let written = writer.close()?;
        Ok((file, written.scratch_bytes))
    }
}

/// Batches, each of which is a slice of a larger one.
#[derive(Debug, Clone)]
struct Table {
    schema: Arc<Schema>,
    /// Rows before the slice, in it, and after it.
    cuts: Vec<(usize, usize, usize)>,
    seed: usize,
}

fn tables() -> impl Strategy<Value = Table> {
    let rows = prop_oneof![2 => 0..50_usize, 1 => 0..9000_usize];
    let cuts = prop::collection::vec((0..9_usize, rows, 0..9_usize), 1..5);
    let fields = prop::collection::vec(fields(types()), 1..5);
    (fields, cuts, any::<u32>()).prop_map(|(fields, cuts, seed)| Table {
        schema: Arc::new(Schema::new(fields)),
        cuts,
        seed: seed as usize,
    })
}

impl Table {
    fn batches(&self) -> Vec<RecordBatch> {
        let mut random = Random(self.seed);
        let cuts = self.cuts.iter();
        cuts.map(|&(before, rows, after)| {
            let all = before + rows + after;
            let batch = random.batch(&self.schema, all);
            batch.slice(before, rows)
        })
        .collect()
    }
}
