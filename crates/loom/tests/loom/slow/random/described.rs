//! Recomputes the footer's description of pages and chunks from their levels and values, for every type and
//! nesting.

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{BoundaryOrder, ConvertedType, LogicalType, Type as PhysicalType};
use parquet::column::reader::ColumnReader;
use parquet::data_type::AsBytes;
use parquet::file::metadata::{
    ColumnChunkMetaData, LevelHistogram, PageIndexPolicy, ParquetMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::ColumnDescriptor;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use taploom_loom::LoomOptions;

use super::arrays::Random;
use super::types::{fields, types};

use crate::common::loom;

/// `LOOM_STATISTICS_PAGES` is the number of pages to compare; 20,000 by default.
#[test]
fn pages_and_chunks_are_described_by_their_values() {
    let wanted = std::env::var("LOOM_STATISTICS_PAGES");
    let wanted: usize = wanted.map_or(20_000, |pages| pages.parse().unwrap());
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let columns = proptest::collection::vec(fields(types()), 1..4);
    let (mut seen, mut seed) = (Seen::default(), 0);
    while seen.pages < wanted {
        let fields: Vec<Field> = columns.new_tree(&mut runner).unwrap().current();
        let version = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0][seed % 2];
        let properties = WriterProperties::builder()
            .set_write_batch_size(1)
            .set_data_page_row_count_limit(1 + seed % 6)
            .set_max_row_group_row_count(Some(40 + seed % 300))
            .set_writer_version(version)
            .build();
        let schema = Arc::new(Schema::new(fields));
        let batch = Random(seed * 1_000_003).batch(&schema, 300);
        let options = LoomOptions::new().with_properties(properties).with_memory_budget(4 << 20);
        let (file, _) = loom(&[batch], options);
        seen.check(file).unwrap_or_else(|difference| panic!("seed {seed}: {difference}: {schema}"));
        seed += 1;
    }
    println!("{seen:?}, no difference");
    assert!(seen.with_bounds > seen.pages / 4, "{seen:?}");
    assert!(seen.without_values > 0 && seen.chunks_with_nans > 0, "{seen:?}");
}

/// Counts of the comparisons.
#[derive(Debug, Default)]
struct Seen {
    pages: usize,
    with_bounds: usize,
    without_values: usize,
    chunks_with_nans: usize,
}

impl Seen {
    fn check(&mut self, file: Vec<u8>) -> Result<(), String> {
        let file = Bytes::from(file);
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let builder =
            ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap();
        let metadata = builder.metadata();
        let reader = SerializedFileReader::new(file).unwrap();
        for group in 0..metadata.num_row_groups() {
            let row_group = reader.get_row_group(group).unwrap();
            for leaf in 0..metadata.row_group(group).num_columns() {
                let chunk = metadata.row_group(group).column(leaf);
                let rows = metadata.row_group(group).num_rows() as usize;
                let pages = page_rows(metadata, group, leaf, rows);
                let column = row_group.get_column_reader(leaf).unwrap();
                let pages = read(column, chunk.column_descr(), &pages);
                let index = metadata.page_index().unwrap().column_index(group, leaf);
                self.check_chunk(chunk, index, &pages).map_err(|difference| {
                    format!("row group {group}, {}: {difference}", chunk.column_path())
                })?;
            }
        }
        Ok(())
    }

    fn check_chunk(
        &mut self,
        chunk: &ColumnChunkMetaData,
        index: Option<&ColumnIndexMetaData>,
        pages: &[Page],
    ) -> Result<(), String> {
        let has_nans = pages.iter().any(|page| page.values.iter().any(Value::is_nan));
        self.chunks_with_nans += usize::from(has_nans);
        self.pages += pages.len();
        let all = pages.iter().flat_map(|page| &page.values);
        let statistics = chunk.statistics().ok_or("no statistics")?;
        let nulls = pages.iter().map(|page| page.nulls as u64).sum::<u64>();
        same("null count", &statistics.null_count_opt(), &Some(nulls))?;
        same("NaN count", &statistics.nan_count_opt(), &None)?;
        let order = Order::of(chunk.column_descr());
        let bounds = order.and_then(|order| {
            Some((
                order.value(statistics.min_bytes_opt()?),
                order.value(statistics.max_bytes_opt()?),
            ))
        });
        let are_exact = statistics.min_is_exact() && statistics.max_is_exact();
        let of_all = order.filter(|_| !has_nans).and_then(|_| extremes(all));
        same_bounds(bounds.as_ref(), of_all.as_ref(), are_exact)?;
        let levels = |of: fn(&Page) -> &Vec<i64>| {
            pages.iter().map(of).fold(Vec::new(), |sum, page| added(sum, page))
        };
        let of_chunk =
            |histogram: Option<&LevelHistogram>| histogram.map(|levels| levels.values().to_vec());
        let definitions = of_chunk(chunk.definition_level_histogram());
        let repetitions = of_chunk(chunk.repetition_level_histogram());
        same_levels("definition levels", definitions, &levels(|page| &page.definitions))?;
        same_levels("repetition levels", repetitions, &levels(|page| &page.repetitions))?;
        let Some(index) = index else {
            // An index has to have the bounds of all pages. The Parquet crate makes no index if a page without
            // values has different numbers of null entries and of rows.
            let is_odd = |page: &Page| page.values.is_empty() && page.nulls != page.rows;
            let is_left_out = has_nans || order.is_none() || !are_exact || pages.iter().any(is_odd);
            return match is_left_out {
                true => Ok(()),
                false => Err("no column index".to_owned()),
            };
        };
        let mut known = Vec::new();
        for (at, page) in pages.iter().enumerate() {
            let of_page = || {
                same("null page", &index.is_null_page(at), &page.values.is_empty())?;
                same("null count", &index.null_count(at), &Some(page.nulls as i64))?;
                same("NaN count", &index.nan_count(at), &None)?;
                let definitions = index.definition_level_histogram(at).map(<[i64]>::to_vec);
                let repetitions = index.repetition_level_histogram(at).map(<[i64]>::to_vec);
                same_levels("definition levels", definitions, &page.definitions)?;
                same_levels("repetition levels", repetitions, &page.repetitions)?;
                let Some(bounds) = page_bounds(index, at) else {
                    return same("values", &page.values.len(), &0).map(|()| None);
                };
                let order = order.ok_or("bounds of a type without an order")?;
                let is_exact = bounds.0.len().max(bounds.1.len()) < TRUNCATED;
                let bounds = (order.value(&bounds.0), order.value(&bounds.1));
                same_bounds(Some(&bounds), extremes(&page.values).as_ref(), is_exact)?;
                Ok(Some(bounds))
            };
            let bounds =
                of_page().map_err(|difference: String| format!("page {at}: {difference}"))?;
            self.without_values += usize::from(bounds.is_none());
            self.with_bounds += usize::from(bounds.is_some());
            known.extend(bounds);
        }
        let order = index.get_boundary_order();
        let is_in_order = known.windows(2).all(|pair| match (order, pair) {
            (Some(BoundaryOrder::ASCENDING), [a, b]) => a.0 <= b.0 && a.1 <= b.1,
            (Some(BoundaryOrder::DESCENDING), [a, b]) => a.0 >= b.0 && a.1 >= b.1,
            _ => true,
        });
        is_in_order.then_some(()).ok_or(format!("pages are not {order:?}"))
    }
}

/// Bounds of an index are cut to this number of bytes.
const TRUNCATED: usize = 64;

/// A page as it is read.
#[derive(Default)]
struct Page {
    rows: usize,
    values: Vec<Value>,
    nulls: usize,
    definitions: Vec<i64>,
    repetitions: Vec<i64>,
}

/// A value, with the order that the Parquet format defines for its type.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Value {
    Integer(i128),
    Float(f64),
    Bytes(Vec<u8>),
}

impl Value {
    fn is_nan(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

/// How the bytes of a value compare.
#[derive(Clone, Copy)]
enum Order {
    Signed,
    Unsigned,
    Float,
    Bytes,
    /// Two's complement, the most significant byte first.
    SignedBytes,
}

impl Order {
    /// `None` for types whose order the Parquet format does not define.
    fn of(leaf: &ColumnDescriptor) -> Option<Self> {
        match (leaf.physical_type(), leaf.logical_type_ref()) {
            (_, Some(LogicalType::Unknown)) => None,
            (_, Some(LogicalType::Float16)) => Some(Self::Float),
            (PhysicalType::FLOAT | PhysicalType::DOUBLE, _) => Some(Self::Float),
            (PhysicalType::BOOLEAN, _) => Some(Self::Unsigned),
            (PhysicalType::INT32 | PhysicalType::INT64, Some(LogicalType::Integer(integer))) => {
                Some(if integer.is_signed { Self::Signed } else { Self::Unsigned })
            }
            (PhysicalType::INT32 | PhysicalType::INT64, _) => Some(Self::Signed),
            (_, Some(LogicalType::Decimal(_))) => Some(Self::SignedBytes),
            _ if leaf.converted_type() == ConvertedType::INTERVAL => None,
            _ => Some(Self::Bytes),
        }
    }

    fn value(self, bytes: &[u8]) -> Value {
        let fill = |sign: u8| {
            let mut wide = [sign; 16];
            wide[..bytes.len()].copy_from_slice(bytes);
            i128::from_le_bytes(wide)
        };
        match self {
            Self::Unsigned => Value::Integer(fill(0)),
            Self::Signed => {
                let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
                Value::Integer(fill(if is_negative { 0xff } else { 0 }))
            }
            Self::Float => Value::Float(match *bytes {
                [a, b] => half::f16::from_le_bytes([a, b]).to_f64(),
                [a, b, c, d] => f32::from_le_bytes([a, b, c, d]).into(),
                _ => f64::from_le_bytes(bytes.try_into().unwrap()),
            }),
            Self::Bytes => Value::Bytes(bytes.to_vec()),
            Self::SignedBytes => {
                let mut bytes = bytes.to_vec();
                bytes[0] ^= 0x80;
                Value::Bytes(bytes)
            }
        }
    }
}

/// The number of rows of each page.
fn page_rows(metadata: &ParquetMetaData, group: usize, leaf: usize, rows: usize) -> Vec<usize> {
    let index = metadata.page_index().unwrap().offset_index(group, leaf).unwrap();
    let mut ends: Vec<_> =
        index.page_locations().iter().map(|at| at.first_row_index as usize).collect();
    ends.push(rows);
    ends.windows(2).map(|ends| ends[1] - ends[0]).collect()
}

/// Reads a chunk, some rows at a time.
fn read(column: ColumnReader, leaf: &ColumnDescriptor, rows: &[usize]) -> Vec<Page> {
    // Without an order, values are counted but not compared.
    let order = Order::of(leaf).unwrap_or(Order::Bytes);
    macro_rules! pages {
        ($reader:ident) => {{
            let mut reader = $reader;
            let pages = rows.iter().map(|rows| {
                let (mut values, mut definitions, mut repetitions) = (vec![], vec![], vec![]);
                let (read, _, levels) = reader
                    .read_records(
                        *rows,
                        Some(&mut definitions),
                        Some(&mut repetitions),
                        &mut values,
                    )
                    .unwrap();
                assert_eq!(read, *rows, "the rows of the offset index");
                Page {
                    rows: *rows,
                    nulls: levels - values.len(),
                    definitions: histogram(&definitions, leaf.max_def_level()),
                    repetitions: histogram(&repetitions, leaf.max_rep_level()),
                    values: values.iter().map(|value| order.value(value.as_bytes())).collect(),
                }
            });
            pages.collect()
        }};
    }
    match column {
        ColumnReader::BoolColumnReader(reader) => pages!(reader),
        ColumnReader::Int32ColumnReader(reader) => pages!(reader),
        ColumnReader::Int64ColumnReader(reader) => pages!(reader),
        ColumnReader::Int96ColumnReader(_) => panic!("the loom writes no INT96"),
        ColumnReader::FloatColumnReader(reader) => pages!(reader),
        ColumnReader::DoubleColumnReader(reader) => pages!(reader),
        ColumnReader::ByteArrayColumnReader(reader) => pages!(reader),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => pages!(reader),
    }
}

/// The number of times that each level occurs; empty if there is only one level.
fn histogram(levels: &[i16], most: i16) -> Vec<i64> {
    let count = |level| levels.iter().filter(|at| **at == level).count() as i64;
    if most == 0 { Vec::new() } else { (0..=most).map(count).collect() }
}

fn added(mut sum: Vec<i64>, more: &[i64]) -> Vec<i64> {
    sum.resize(more.len(), 0);
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    sum
}

/// The smallest and the largest value.
fn extremes<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<(Value, Value)> {
    values.into_iter().fold(None, |extremes, value| match extremes {
        None => Some((value.clone(), value.clone())),
        Some((least, greatest)) => Some((
            if *value < least { value.clone() } else { least },
            if *value > greatest { value.clone() } else { greatest },
        )),
    })
}

fn page_bounds(index: &ColumnIndexMetaData, page: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    macro_rules! bounds {
        ($index:ident) => {
            Some((
                $index.min_value(page)?.as_bytes().to_vec(),
                $index.max_value(page)?.as_bytes().to_vec(),
            ))
        };
    }
    match index {
        ColumnIndexMetaData::BOOLEAN(index) => bounds!(index),
        ColumnIndexMetaData::INT32(index) => bounds!(index),
        ColumnIndexMetaData::INT64(index) => bounds!(index),
        ColumnIndexMetaData::FLOAT(index) => bounds!(index),
        ColumnIndexMetaData::DOUBLE(index) => bounds!(index),
        ColumnIndexMetaData::BYTE_ARRAY(index) => bounds!(index),
        ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => bounds!(index),
        other => panic!("{other:?}"),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, said: &T, is: &T) -> Result<(), String> {
    match said == is {
        true => Ok(()),
        false => Err(format!("{what}: said {said:?}, is {is:?}")),
    }
}

/// Compares histograms, which may be left out if there is only one level.
fn same_levels(what: &str, said: Option<Vec<i64>>, is: &[i64]) -> Result<(), String> {
    match said {
        None if is.is_empty() => Ok(()),
        said => same(what, &said, &Some(is.to_vec())),
    }
}

/// Whether bounds equal the minimum and maximum of the values or, if they are cut, include them.
fn same_bounds(
    said: Option<&(Value, Value)>,
    is: Option<&(Value, Value)>,
    are_exact: bool,
) -> Result<(), String> {
    let includes = match (said, is) {
        (Some(said), Some(is)) => said.0 <= is.0 && is.1 <= said.1,
        (said, is) => said.is_none() && is.is_none(),
    };
    let zeros = match said {
        Some((Value::Float(least), Value::Float(greatest))) => {
            (*least != 0.0 || least.is_sign_negative())
                && (*greatest != 0.0 || greatest.is_sign_positive())
        }
        _ => true,
    };
    match zeros && if are_exact { said == is } else { includes } {
        true => Ok(()),
        false => Err(format!("bounds: said {said:?}, are {is:?}")),
    }
}
