//! Tables made up at random: whatever the types, batches, row groups, budgets and threads, what is
//! read back is what was written.
//!
//! Every run makes the same tables; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` make others, and more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::builder::GenericByteViewBuilder;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer,
    i256,
};
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit};
use common::cells::{read_schema, same_cells};
use common::{read, scatter};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use taploom_loom::{Dictionaries, Error, LoomOptions, LoomWriter, Result};

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
    dictionaries: Dictionaries,
    codec: Compression,
    version: WriterVersion,
    row_group_rows: Option<usize>,
    row_group_bytes: Option<usize>,
    page_bytes: usize,
    page_rows: usize,
}

fn choices() -> impl Strategy<Value = Choices> {
    let codecs = vec![
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
    ];
    let versions = vec![WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let dictionaries = vec![Dictionaries::WherePaying, Dictionaries::AsSet];
    let row_group_rows = prop_oneof![2 => Just(None), 1 => (30..9000_usize).prop_map(Some)];
    let row_group_bytes =
        prop_oneof![2 => Just(None), 1 => (10_000..2_000_000_usize).prop_map(Some)];
    let budget = prop_oneof![Just(1 << 20), 1_usize << 20..4 << 20];
    let small = (budget, 1..4_usize, 100..100_000_usize, 1..20_000_usize);
    (small, select(codecs), select(versions), select(dictionaries), row_group_rows, row_group_bytes)
        .prop_map(|(small, codec, version, dictionaries, row_group_rows, row_group_bytes)| {
            let (budget, threads, page_bytes, page_rows) = small;
            Choices {
                budget,
                threads,
                dictionaries,
                codec,
                version,
                row_group_rows,
                row_group_bytes,
                page_bytes,
                page_rows,
            }
        })
}

impl Choices {
    /// Writes a file; a budget that is refused is raised to what the refusal says is enough.
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
            .with_dictionaries(self.dictionaries)
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

/// Batches, each of them a slice of a larger one.
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
            let fields = self.schema.fields().iter();
            let columns = fields.map(|field| match field.data_type() {
                // A column of runs need not be nullable for their values to be.
                runs @ DataType::RunEndEncoded(_, _) => random.array(runs, all, None, true),
                _ => random.column(field, all, None),
            });
            let columns = columns.collect();
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).unwrap();
            batch.slice(before, rows)
        })
        .collect()
    }
}

/// Names may occur twice, and be strange.
fn fields(types: impl Strategy<Value = DataType>) -> impl Strategy<Value = Field> {
    let names = select(vec!["a", "b", "c", "d.e", "", "Größe \"x\""]);
    (names, types, any::<bool>()).prop_map(|(name, data_type, nullable)| {
        Field::new(name, data_type.clone(), nullable || data_type == DataType::Null)
    })
}

fn types() -> impl Strategy<Value = DataType> {
    let flat = prop_oneof![4 => leaves(), 1 => indirect(leaves())];
    flat.prop_recursive(3, 12, 3, |inner| {
        let item = || fields(inner.clone()).prop_map(Arc::new);
        let lists = prop_oneof![
            3 => item().prop_map(DataType::List),
            1 => item().prop_map(DataType::LargeList),
            1 => item().prop_map(DataType::ListView),
            1 => item().prop_map(DataType::LargeListView),
            1 => (item(), 1..4).prop_map(|(item, length)| DataType::FixedSizeList(item, length)),
        ];
        let structs = prop::collection::vec(item(), 1..4)
            .prop_map(|fields| DataType::Struct(fields.into_iter().collect()))
            .boxed();
        let keys = leaves().prop_filter("a key is not null", |keys| *keys != DataType::Null);
        let maps = (prop_oneof![keys.clone(), indirect(keys)], item(), any::<bool>()).prop_map(
            |(keys, values, sorted)| {
                let entries: Fields =
                    vec![Arc::new(Field::new("key", without_nulls(keys), false)), values].into();
                let entries = Field::new("key_value", DataType::Struct(entries), false);
                DataType::Map(Arc::new(entries), sorted)
            },
        );
        let indirect = indirect(prop_oneof![structs.clone(), indirect(leaves())].boxed());
        prop_oneof![4 => lists, 4 => structs, 2 => maps, 1 => indirect]
    })
}

/// Runs say of their values whether there are nulls; those of a key may have none.
fn without_nulls(keys: DataType) -> DataType {
    match keys {
        DataType::RunEndEncoded(ends, values) => {
            let values = Field::clone(&values).with_nullable(false);
            DataType::RunEndEncoded(ends, Arc::new(values))
        }
        other => other,
    }
}

/// Dictionaries and runs of such values.
fn indirect(
    values: impl Strategy<Value = DataType> + Clone + 'static,
) -> impl Strategy<Value = DataType> {
    use DataType::*;
    let values = values.prop_filter("no nulls of nulls", |values| *values != Null);
    let keys = select(vec![Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]);
    let known = |values: &DataType| is_read_of_a_dictionary(values) && !has_required_runs(values);
    let dictionaries = (keys, values.clone().prop_filter("not of a dictionary", known))
        .prop_map(|(keys, values)| Dictionary(Box::new(keys), Box::new(values)));
    // Int16 does not count the elements of all lists.
    let runs = (select(vec![Int32, Int64]), values, any::<bool>());
    let runs = runs.prop_map(|(ends, values, nullable)| {
        let ends = Field::new("run_ends", ends, false);
        RunEndEncoded(Arc::new(ends), Arc::new(Field::new("values", values, nullable)))
    });
    prop_oneof![dictionaries, runs]
}

/// What the Parquet crate reads of what it writes of a dictionary. A FixedSizeBinary it does not
/// read where a struct around it is null and its pages are plain.
fn is_read_of_a_dictionary(values: &DataType) -> bool {
    match values {
        DataType::Dictionary(_, values) => is_read_of_a_dictionary(values),
        DataType::RunEndEncoded(_, values) => is_read_of_a_dictionary(values.data_type()),
        DataType::Boolean | DataType::Float16 | DataType::Interval(_) => false,
        DataType::FixedSizeBinary(_) => false,
        DataType::Decimal128(digits, _) | DataType::Decimal256(digits, _) => *digits <= 18,
        _ => true,
    }
}

/// Runs that have no nulls, somewhere in a type: of these `take` finds none for a key that is null, so
/// that ArrowWriter fails as well.
fn has_required_runs(data_type: &DataType) -> bool {
    match data_type {
        DataType::RunEndEncoded(_, values) => {
            !values.is_nullable() || has_required_runs(values.data_type())
        }
        DataType::Dictionary(_, values) => has_required_runs(values),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_required_runs(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_required_runs(field.data_type())),
        _ => false,
    }
}

fn leaves() -> impl Strategy<Value = DataType> + Clone {
    use DataType::*;
    let mut types = vec![
        Null,
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Date32,
        Date64,
        Time32(TimeUnit::Second),
        Time32(TimeUnit::Millisecond),
        Time64(TimeUnit::Microsecond),
        Time64(TimeUnit::Nanosecond),
        Interval(IntervalUnit::YearMonth),
        Interval(IntervalUnit::DayTime),
        FixedSizeBinary(1),
        FixedSizeBinary(17),
        Binary,
        LargeBinary,
        BinaryView,
        Utf8,
        LargeUtf8,
        Utf8View,
        Decimal32(9, 0),
        Decimal32(3, 2),
        Decimal64(18, 5),
        Decimal64(7, 7),
        Decimal128(38, 10),
        Decimal128(18, 1),
        Decimal128(9, 9),
        Decimal256(76, 38),
        Decimal256(20, 2),
        Decimal256(15, 2),
        Decimal256(5, 2),
    ];
    for unit in
        [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond]
    {
        types.push(Timestamp(unit, None));
        types.push(Timestamp(unit, Some("UTC".into())));
        types.push(Timestamp(unit, Some("+03:00".into())));
        types.push(Duration(unit));
    }
    select(types)
}

/// Makes arrays up; what is behind a null is never zero or empty, as if it had been there before.
struct Random(usize);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        scatter(self.0)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        let one_in = [0, 0, 1, 2, 10, 100][self.below(6)];
        let valid = |random: &mut Self| one_in == 0 || !random.one_in(one_in);
        (one_in > 0 || self.one_in(2)).then(|| (0..rows).map(|_| valid(self)).collect())
    }

    /// A column of a field; where its parent is null it may be null even if it says it is not.
    fn column(&mut self, field: &Field, rows: usize, parent: Option<&NullBuffer>) -> ArrayRef {
        let nulls = if field.is_nullable() {
            self.nulls(rows)
        } else {
            parent.cloned().filter(|_| self.one_in(2))
        };
        self.array(field.data_type(), rows, nulls, field.is_nullable())
    }

    fn array(
        &mut self,
        data_type: &DataType,
        rows: usize,
        nulls: Option<NullBuffer>,
        nullable: bool,
    ) -> ArrayRef {
        match data_type {
            DataType::Null => Arc::new(NullArray::new(rows)),
            DataType::Boolean => {
                let values: BooleanBuffer = (0..rows).map(|_| self.one_in(2)).collect();
                Arc::new(BooleanArray::new(values, nulls))
            }
            DataType::Utf8 => Arc::new(StringArray::from(self.text::<i32>(rows, nulls))),
            DataType::LargeUtf8 => Arc::new(LargeStringArray::from(self.text::<i64>(rows, nulls))),
            DataType::Binary => Arc::new(BinaryArray::from(self.text::<i32>(rows, nulls))),
            DataType::LargeBinary => {
                Arc::new(LargeBinaryArray::from(self.text::<i64>(rows, nulls)))
            }
            DataType::Utf8View => Arc::new(self.views::<StringViewType>(rows, nulls)),
            DataType::BinaryView => Arc::new(self.views::<BinaryViewType>(rows, nulls)),
            DataType::FixedSizeBinary(width) => {
                let bytes = self.fixed(data_type, *width as usize, rows);
                Arc::new(FixedSizeBinaryArray::new(*width, bytes, nulls))
            }
            DataType::List(item) => Arc::new(self.list::<i32>(item, rows, nulls)),
            DataType::LargeList(item) => Arc::new(self.list::<i64>(item, rows, nulls)),
            DataType::ListView(item) => Arc::new(self.list_view::<i32>(item, rows, nulls)),
            DataType::LargeListView(item) => Arc::new(self.list_view::<i64>(item, rows, nulls)),
            DataType::FixedSizeList(item, length) => {
                let each = *length as usize;
                let parents = nulls.as_ref().map(|nulls| nulls.expand(each));
                let values = self.column(item, rows * each, parents.as_ref());
                Arc::new(FixedSizeListArray::new(Arc::clone(item), *length, values, nulls))
            }
            DataType::Struct(fields) => Arc::new(self.structs(fields, rows, nulls)),
            DataType::Map(entries, sorted) => {
                let DataType::Struct(fields) = entries.data_type() else { unreachable!() };
                let (offsets, count) = self.offsets::<i32>(rows);
                let structs = self.structs(fields, count, None);
                let entries = Arc::clone(entries);
                Arc::new(MapArray::new(entries, offsets, structs, nulls, *sorted))
            }
            DataType::Dictionary(keys, values) => {
                let count = 1 + self.below(60);
                let value_nulls = if nullable { self.nulls(count) } else { None };
                let values = self.array(values, count, value_nulls, nullable);
                downcast_integer! {
                    **keys => (dictionary, self, rows, nulls, values),
                    _ => unreachable!()
                }
            }
            DataType::RunEndEncoded(ends, values) => {
                let nullable = nullable && values.is_nullable();
                let values = Field::clone(values).with_nullable(nullable);
                match ends.data_type() {
                    DataType::Int32 => self.runs::<Int32Type>(data_type, &values, rows),
                    _ => self.runs::<Int64Type>(data_type, &values, rows),
                }
            }
            primitive => {
                let width = primitive.primitive_width().unwrap();
                let bytes = self.fixed(primitive, width, rows);
                downcast_primitive! {
                    primitive => (primitive_array, bytes, nulls, primitive),
                    _ => unreachable!()
                }
            }
        }
    }

    /// Values of so many bytes each: few different ones, or many.
    fn fixed(&mut self, data_type: &DataType, width: usize, rows: usize) -> Buffer {
        let mut bytes = MutableBuffer::from_len_zeroed(rows * width);
        let few = self.few();
        let seed = self.next() as usize;
        for (row, value) in bytes.chunks_exact_mut(width).enumerate() {
            Self(seed.wrapping_add(few.map_or(row * 8, |few| self.below(few) * 8)))
                .value(data_type, value);
        }
        bytes.into()
    }

    fn few(&mut self) -> Option<usize> {
        [None, None, Some(1), Some(5), Some(200)][self.below(5)]
    }

    /// Any bits but those of a decimal with more digits than its type has.
    fn value(&mut self, data_type: &DataType, value: &mut [u8]) {
        let width = value.len();
        let digits = match data_type {
            DataType::Decimal32(digits, _)
            | DataType::Decimal64(digits, _)
            | DataType::Decimal128(digits, _)
            | DataType::Decimal256(digits, _) => *digits,
            _ => {
                match self.below(20) {
                    // The least and the largest number, -0.0, and NaN.
                    0 => value[width - 1] = 0x80,
                    1 => value.fill(0xff),
                    2 => (value.fill(0xff), value[width - 1] = 0x7f).1,
                    3 => value.fill(0),
                    _ => value.chunks_mut(8).for_each(|bytes| {
                        bytes.copy_from_slice(&self.next().to_le_bytes()[..bytes.len()]);
                    }),
                }
                return;
            }
        };
        let ten = |exponent: u8| i256::from_i128(10).wrapping_pow(u32::from(exponent));
        let decimal = match self.below(20) {
            0 => ten(digits) - i256::ONE,
            1 => i256::ONE - ten(digits),
            _ => {
                let (high, low) = (self.next(), self.next());
                let number = (i128::from(high as i64) << 64) | i128::from(low);
                let number = i256::from_i128(number).wrapping_mul(ten(digits.saturating_sub(38)));
                number % ten(digits)
            }
        };
        value.copy_from_slice(&decimal.to_le_bytes()[..width]);
    }

    fn word(&mut self) -> String {
        let random = self.next();
        match random % 40 {
            0 => String::new(),
            1 => "longer than others ".repeat(self.below(100)),
            2 => "\0\u{10ffff}\n".to_owned(),
            _ => "αlpha-βeta ".repeat((random % 4) as usize) + &(random % 5000).to_string(),
        }
    }

    fn words(&mut self, rows: usize) -> Vec<String> {
        let few = self.few();
        let seed = self.next() as usize;
        let at = |random: &mut Self, row| few.map_or(row, |few| random.below(few));
        (0..rows).map(|row| Self(seed.wrapping_add(at(self, row) * 8)).word()).collect()
    }

    fn text<O: OffsetSizeTrait>(
        &mut self,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericStringArray<O> {
        let words = self.words(rows);
        let offsets = OffsetBuffer::from_lengths(words.iter().map(String::len));
        GenericStringArray::new(offsets, Buffer::from(words.concat().into_bytes()), nulls)
    }

    fn views<T: ByteViewType>(
        &mut self,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericByteViewArray<T>
    where
        String: AsRef<T::Native>,
    {
        let mut builder = GenericByteViewBuilder::<T>::new().with_fixed_block_size(200);
        self.words(rows).iter().for_each(|word| builder.append_value(word));
        let (views, buffers, _) = builder.finish().into_parts();
        GenericByteViewArray::new(views, buffers, nulls)
    }

    /// Where lists begin and end, not from zero on; and how many elements they need.
    fn offsets<O: OffsetSizeTrait>(&mut self, rows: usize) -> (OffsetBuffer<O>, usize) {
        let mut end = self.below(4);
        let mut offsets = vec![O::usize_as(end)];
        for _ in 0..rows {
            end += if self.one_in(100) { self.below(60) } else { self.below(4) };
            offsets.push(O::usize_as(end));
        }
        (OffsetBuffer::new(offsets.into()), end + self.below(3))
    }

    fn list<O: OffsetSizeTrait>(
        &mut self,
        item: &FieldRef,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericListArray<O> {
        let (offsets, count) = self.offsets(rows);
        let values = self.column(item, count, None);
        GenericListArray::new(Arc::clone(item), offsets, values, nulls)
    }

    /// Lists that share elements, in any order.
    fn list_view<O: OffsetSizeTrait>(
        &mut self,
        item: &FieldRef,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericListViewArray<O> {
        let count = rows + self.below(9);
        let sizes: Vec<usize> = (0..rows).map(|_| self.below(4).min(count)).collect();
        let offsets = sizes.iter().map(|size| O::usize_as(self.below(count - size + 1)));
        let offsets: Vec<O> = offsets.collect();
        let sizes: Vec<O> = sizes.into_iter().map(O::usize_as).collect();
        let values = self.column(item, count, None);
        GenericListViewArray::new(Arc::clone(item), offsets.into(), sizes.into(), values, nulls)
    }

    fn structs(&mut self, fields: &Fields, rows: usize, nulls: Option<NullBuffer>) -> StructArray {
        let columns = fields.iter().map(|field| self.column(field, rows, nulls.as_ref()));
        let columns = columns.collect();
        StructArray::new(fields.clone(), columns, nulls)
    }

    fn runs<E: RunEndIndexType>(
        &mut self,
        data_type: &DataType,
        values: &Field,
        rows: usize,
    ) -> ArrayRef {
        let mut ends = Vec::new();
        let mut end = 0;
        while end < rows {
            end = rows.min(end + 1 + self.below(9));
            ends.push(E::Native::usize_as(end));
        }
        let values = self.column(values, ends.len(), None);
        let ends = PrimitiveArray::<E>::new(ends.into(), None);
        let runs = RunArray::try_new(&ends, &values).unwrap().into_data();
        // Of itself it says that the values may be null.
        make_array(runs.into_builder().data_type(data_type.clone()).build().unwrap())
    }
}

macro_rules! dictionary {
    ($keys:ty, $random:ident, $rows:ident, $nulls:ident, $values:ident) => {{
        let null = |row| $nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let keys = (0..$rows).map(|row| match null(row) {
            true => <$keys as ArrowPrimitiveType>::Native::MAX,
            false => <$keys as ArrowPrimitiveType>::Native::usize_as($random.below($values.len())),
        });
        let keys = PrimitiveArray::<$keys>::new(keys.collect(), $nulls);
        Arc::new(DictionaryArray::new(keys, $values))
    }};
}
use dictionary;

macro_rules! primitive_array {
    ($primitive:ty, $bytes:ident, $nulls:ident, $data_type:ident) => {{
        let values = ScalarBuffer::from($bytes);
        let array = PrimitiveArray::<$primitive>::new(values, $nulls);
        Arc::new(array.with_data_type($data_type.clone()))
    }};
}
use primitive_array;
