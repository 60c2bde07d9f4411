//! Tests the cells and filters of every reader on every Arrow type in the loom's Parquet files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use parquet::basic::Encoding;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use taploom_loom::{Encodings, LoomOptions};
use taploom_tests::{Reader, Readers};
use tempfile::NamedTempFile;

use super::page::Cell;

use crate::common::{batches, loom};
use crate::parquet::rows;

const ROWS: usize = 1200;
const ROWS_OF_AUTO: usize = 3000;
const NUMBERS: &str = "row";

/// The readers with their own filters. With the other readers, the caller filters the rows.
const FILTER: [Reader; 11] = [
    Reader::Pyarrow,
    Reader::Pyarrow17,
    Reader::Duckdb,
    Reader::Duckdb14,
    Reader::Polars,
    Reader::Polars143,
    Reader::Datafusion,
    Reader::Datafusion50,
    Reader::Fastparquet,
    Reader::Astropy,
    Reader::ParquetJava,
];

/// The readers that use bloom filters.
pub(crate) const BLOOM_FILTERS: [Reader; 5] = [
    Reader::Duckdb,
    Reader::Duckdb14,
    Reader::Datafusion,
    Reader::Datafusion50,
    Reader::ParquetJava,
];

/// One column for each kind of value that bloom filters hash differently.
const HASHED: [&str; 12] = [
    "utf8",
    "binary",
    "fixed",
    "float16",
    "f32",
    "f64",
    "small as Int8",
    "small as UInt64",
    "small as Date32",
    "long as Timestamp(µs)",
    "Decimal128(9, 2)",
    "Decimal128(19, 19)",
];

/// Rows with columns of every type.
pub(crate) struct Table {
    batches: Vec<RecordBatch>,
    encodings: Encodings,
    row_group_rows: usize,
    bloom_filters: bool,
    is_filtered: bool,
    parts: RefCell<HashMap<Vec<usize>, Rc<Part>>>,
}

/// A file, and its rows for the comparison.
struct Part {
    file: NamedTempFile,
    expected: Vec<RecordBatch>,
}

impl Table {
    pub(crate) fn of_every_type() -> Self {
        Self {
            batches: batches(numbered, ROWS),
            // Encodings that some readers lack are tested separately.
            encodings: Encodings::Compatible,
            row_group_rows: 500,
            bloom_filters: false,
            is_filtered: true,
            parts: RefCell::default(),
        }
    }

    /// As above, with the encodings that `auto` chooses, in a row group with enough rows for the choice,
    /// and without filters.
    pub(crate) fn with_auto() -> Self {
        Self {
            batches: batches(numbered, ROWS_OF_AUTO),
            encodings: Encodings::Auto,
            row_group_rows: ROWS_OF_AUTO,
            is_filtered: false,
            ..Self::of_every_type()
        }
    }

    /// With bloom filters on columns of some types.
    pub(crate) fn with_bloom_filters() -> Self {
        let all = Self::of_every_type();
        let schema = all.batches[0].schema();
        let column = |name: &&str| schema.index_of(name).unwrap();
        let columns: Vec<usize> = std::iter::once(0).chain(HASHED.iter().map(column)).collect();
        let batches = all.batches.iter().map(|batch| batch.project(&columns).unwrap()).collect();
        Self { batches, bloom_filters: true, ..all }
    }

    /// The encodings in a file of all columns.
    pub(crate) fn encodings(&self) -> BTreeSet<Encoding> {
        let all: Vec<usize> = (1..self.batches[0].num_columns()).collect();
        let file = self.part(&all).file.reopen().unwrap();
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
        let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
        chunks.flat_map(ColumnChunkMetaData::encodings).collect()
    }

    /// The names and the types of the columns.
    pub(crate) fn columns(&self) -> Vec<(String, DataType)> {
        let fields = self.batches[0].schema_ref().fields().iter().skip(1);
        fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
    }

    /// The results of a reader for every column.
    pub(crate) fn cells(&self, reader: Reader) -> BTreeMap<String, Cell> {
        let all: Vec<usize> = (1..self.batches[0].num_columns()).collect();
        let mut cells = BTreeMap::new();
        self.by_halves(reader, &all, &mut cells);
        cells
    }

    /// Several row groups of several pages, so that filters can skip many of them.
    fn options(&self) -> LoomOptions {
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(self.row_group_rows))
            .set_data_page_row_count_limit(100)
            .set_bloom_filter_enabled(self.bloom_filters)
            .set_bloom_filter_max_ndv(1000)
            .build();
        LoomOptions::new()
            .with_properties(properties)
            .with_encodings(self.encodings)
            .with_memory_budget(1 << 20)
    }

    /// A file with some columns, written once for all readers.
    fn part(&self, columns: &[usize]) -> Rc<Part> {
        let mut parts = self.parts.borrow_mut();
        let part = parts.entry(columns.to_vec()).or_insert_with(|| {
            let columns = [&[0], columns].concat();
            let written: Vec<RecordBatch> =
                self.batches.iter().map(|batch| batch.project(&columns).unwrap()).collect();
            let (bytes, summary) = loom(&written, self.options());
            assert!(summary.row_groups > 2 || !self.is_filtered, "{summary:?}");
            let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            Rc::new(Part { file, expected: written.iter().map(rows::as_pyarrow_has_it).collect() })
        });
        Rc::clone(part)
    }

    /// Reads columns together, and in halves if the reader refuses them.
    fn by_halves(&self, reader: Reader, columns: &[usize], cells: &mut BTreeMap<String, Cell>) {
        let part = self.part(columns);
        let Part { file, expected } = &*part;
        let compared = Readers::with(|readers| {
            let differences = readers.compare(reader, file.path(), expected)?;
            let filtered = match self.is_filtered && FILTER.contains(&reader) {
                true => Some(readers.filter(reader, file.path())?),
                false => None,
            };
            Ok::<_, String>((differences, filtered))
        });
        let schema = expected[0].schema();
        match compared {
            Ok((differences, filtered)) => {
                for field in schema.fields().iter().skip(1) {
                    let name = field.name();
                    let unfiltered = filtered.as_ref().is_none_or(|filtered| {
                        filtered.unfiltered.contains_key(name) || !is_filtered(reader, field)
                    });
                    let wrong = filtered.as_ref().and_then(|f| f.differences.get(name));
                    let cell = match (differences.get(name), wrong) {
                        (Some(why), _) => Cell::No(why.clone()),
                        (None, Some(why)) => Cell::No(format!("filter {why}")),
                        (None, None) if unfiltered => Cell::NoFilter,
                        (None, None) => Cell::Yes,
                    };
                    cells.insert(name.clone(), cell);
                }
            }
            Err(why) if columns.len() == 1 => {
                let why = why.replace(&file.path().display().to_string(), "FILE");
                cells.insert(schema.field(1).name().clone(), Cell::No(why));
            }
            Err(_) => {
                let (left, right) = columns.split_at(columns.len() / 2);
                self.by_halves(reader, left, cells);
                self.by_halves(reader, right, cells);
            }
        }
    }
}

/// parquet-java has no filters on lists, structs and maps.
fn is_filtered(reader: Reader, field: &Field) -> bool {
    reader != Reader::ParquetJava || !field.data_type().is_nested()
}

/// Rows with their numbers before them.
fn numbered(first: usize, count: usize) -> RecordBatch {
    let rows = rows::every_and_edges(first, count);
    let number = Field::new(NUMBERS, DataType::Int32, false);
    let fields = [&[Arc::new(number)], &rows.schema().fields()[..]].concat();
    let numbers = Int32Array::from_iter_values((first..first + count).map(|row| row as i32));
    let columns = [&[Arc::new(numbers) as ArrayRef], rows.columns()].concat();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
