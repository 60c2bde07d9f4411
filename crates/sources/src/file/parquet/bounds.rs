//! Bounds of the values in row groups and pages, as far as the file can be trusted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, UInt32Array, UInt64Array};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::{ColumnOrder, Type};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use taploom_expressions::Bounds;

/// Maximum size of a bloom filter that is read, in bytes. By default, writers make filters of at most a
/// megabyte.
const LARGEST_FILTER: i32 = 8 << 20;

/// The columns of a file, and which of their statistics can be trusted.
pub(super) struct Columns<'a> {
    metadata: &'a ParquetMetaData,
    schema: &'a SchemaRef,
    /// For each column that is not a list and has a single leaf: the leaf.
    leaves: Vec<Option<usize>>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(metadata: &'a ParquetMetaData, schema: &'a SchemaRef) -> Self {
        let parquet = metadata.file_metadata().schema_descr();
        let mut leaves = vec![Vec::new(); schema.fields().len()];
        for leaf in 0..parquet.num_columns() {
            if let Some(leaves) = leaves.get_mut(parquet.get_column_root_idx(leaf)) {
                leaves.push(leaf);
            }
        }
        let leaves = leaves.iter().zip(schema.fields()).map(|(leaves, field)| match leaves[..] {
            [leaf] if !field.data_type().is_nested() => Some(leaf),
            _ => None,
        });
        Self { metadata, schema, leaves: leaves.collect() }
    }

    pub(super) fn leaf(&self, column: usize) -> Option<usize> {
        self.leaves.get(column).copied().flatten()
    }

    fn converter(&self, column: usize) -> Option<StatisticsConverter<'a>> {
        let file = self.metadata.file_metadata();
        let field = self.schema.fields().get(column)?;
        let converter =
            StatisticsConverter::from_column_index(self.leaf(column)?, field, file.schema_descr())
                .ok()?;
        let converter = converter.with_column_orders(file.column_orders().map(Vec::as_slice));
        Some(converter.with_missing_null_counts_as_zero(false))
    }

    /// Whether the bounds of a column have an order that is known, and that writers respect.
    ///
    /// Files from before parquet-format 2.4 declare no order, and some of them have wrong bounds for text
    /// and unsigned numbers (PARQUET-251, PARQUET-686). DuckDB and other writers ordered 16-bit floats by
    /// their bytes. Writers do not agree on an order of INT96.
    fn is_ordered(&self, column: usize) -> bool {
        let file = self.metadata.file_metadata();
        let Some(leaf) = self.leaf(column) else { return false };
        let is_known = matches!(
            file.column_order(leaf),
            ColumnOrder::TYPE_DEFINED_ORDER(_) | ColumnOrder::IEEE_754_TOTAL_ORDER
        );
        let is_int96 = file.schema_descr().column(leaf).physical_type() == Type::INT96;
        let data_type = self.schema.field(column).data_type();
        let is_strange = matches!(
            data_type,
            DataType::Float16
                | DataType::Interval(_)
                | DataType::Dictionary(..)
                | DataType::RunEndEncoded(..)
        );
        is_known && !is_int96 && !is_strange
    }

    /// Whether the writer leaves out the bounds of floats if some of them are NaN.
    fn leaves_out_nan(&self) -> bool {
        let writer = self.metadata.file_metadata().created_by();
        writer.is_some_and(|writer| writer.starts_with("taploom"))
    }
}

/// Bounds of the row groups of a file.
pub(super) struct RowGroupBounds<'a> {
    columns: &'a Columns<'a>,
    rows: Vec<u64>,
    /// The file with the bloom filters, and the row groups whose filters may be read.
    filters: Option<(&'a File, &'a [bool])>,
    /// The bloom filters read so far, by row group and column.
    read: RefCell<HashMap<(usize, usize), Option<Sbbf>>>,
}

impl<'a> RowGroupBounds<'a> {
    /// Uses the bounds in the footer and, for some row groups, the bloom filters in the file.
    pub(super) fn new(columns: &'a Columns<'a>, filters: Option<(&'a File, &'a [bool])>) -> Self {
        let rows = columns.metadata.row_groups().iter();
        let rows = rows.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).collect();
        Self { columns, rows, filters, read: RefCell::default() }
    }

    /// The row groups. `None` if some have statistics in the deprecated fields, which may be in another
    /// order.
    fn groups(
        &self,
        column: usize,
    ) -> Option<impl Iterator<Item = &'a RowGroupMetaData> + use<'a>> {
        let leaf = self.columns.leaf(column)?;
        let groups = self.columns.metadata.row_groups();
        let is_deprecated = groups.iter().any(|group| {
            let statistics = group.columns().get(leaf).and_then(|chunk| chunk.statistics());
            statistics.is_some_and(|statistics| {
                // Statistics without bounds are reported as deprecated, too.
                statistics.is_min_max_deprecated()
                    && (statistics.min_bytes_opt().is_some()
                        || statistics.max_bytes_opt().is_some())
            })
        });
        (!is_deprecated && self.columns.is_ordered(column)).then(|| groups.iter())
    }
}

impl Bounds for RowGroupBounds<'_> {
    fn rows(&self) -> &[u64] {
        &self.rows
    }

    fn least(&self, column: usize) -> Option<ArrayRef> {
        self.columns.converter(column)?.row_group_mins(self.groups(column)?).ok()
    }

    fn greatest(&self, column: usize) -> Option<ArrayRef> {
        self.columns.converter(column)?.row_group_maxes(self.groups(column)?).ok()
    }

    fn nulls(&self, column: usize) -> Option<UInt64Array> {
        let groups = self.columns.metadata.row_groups().iter();
        self.columns.converter(column)?.row_group_null_counts(groups).ok()
    }

    fn nans(&self, column: usize) -> Option<UInt64Array> {
        let groups = self.columns.metadata.row_groups().iter();
        let counts = self.columns.converter(column)?.row_group_nan_counts(groups).ok()?;
        Some(known_nans(&counts, self.columns.leaves_out_nan(), &self.least(column)?))
    }

    fn may_contain(&self, column: usize, container: usize, value: &ArrayRef) -> bool {
        let (Some((file, groups)), Some(leaf)) = (self.filters, self.columns.leaf(column)) else {
            return true;
        };
        if groups.get(container) != Some(&true) {
            return true;
        }
        let mut read = self.read.borrow_mut();
        let filter = read.entry((container, leaf)).or_insert_with(|| {
            let chunk = self.columns.metadata.row_groups().get(container)?.columns().get(leaf)?;
            chunk.bloom_filter_length().filter(|length| (1..=LARGEST_FILTER).contains(length))?;
            Sbbf::read_from_column_chunk(chunk, file).ok().flatten()
        });
        let physical =
            self.columns.metadata.file_metadata().schema_descr().column(leaf).physical_type();
        filter.as_ref().is_none_or(|filter| checked(filter, physical, value).unwrap_or(true))
    }
}

/// Looks a value up in a filter; `None` if it is not known how the file stores the value.
fn checked(filter: &Sbbf, physical: Type, value: &ArrayRef) -> Option<bool> {
    Some(match (value.data_type(), physical) {
        (DataType::Int32 | DataType::Date32, Type::INT32) => {
            let value = arrow_cast::cast(value, &DataType::Int32).ok()?;
            filter.check(&value.as_primitive::<Int32Type>().value(0))
        }
        (DataType::Int64 | DataType::Timestamp(..), Type::INT64) => {
            let value = arrow_cast::cast(value, &DataType::Int64).ok()?;
            filter.check(&value.as_primitive::<Int64Type>().value(0))
        }
        (DataType::Utf8, Type::BYTE_ARRAY) => filter.check(value.as_string::<i32>().value(0)),
        (DataType::Binary, Type::BYTE_ARRAY) => filter.check(value.as_binary::<i32>().value(0)),
        (DataType::FixedSizeBinary(_), Type::FIXED_LEN_BYTE_ARRAY) => {
            filter.check(value.as_fixed_size_binary().value(0))
        }
        _ => return None,
    })
}

/// Counts of NaN. If a count is missing, it is 0 if the writer would have left out the bounds otherwise.
fn known_nans(counts: &UInt64Array, leaves_out: bool, least: &ArrayRef) -> UInt64Array {
    let of = |at: usize| match counts.is_valid(at) {
        true => Some(counts.value(at)),
        false => (leaves_out && at < least.len() && least.is_valid(at)).then_some(0),
    };
    (0..counts.len()).map(of).collect()
}

/// Bounds of stretches of a row group. Within a stretch, every relevant column has a single page.
pub(super) struct PageBounds<'a> {
    columns: &'a Columns<'a>,
    row_group: usize,
    rows: Vec<u64>,
    /// For each column, its page in each stretch, and the rows of each page.
    pages: HashMap<usize, (UInt32Array, Vec<u64>)>,
}

impl<'a> PageBounds<'a> {
    /// Divides a row group into stretches. `None` if the file does not record the positions of the pages.
    pub(super) fn new(
        columns: &'a Columns<'a>,
        row_group: usize,
        wanted: &[usize],
    ) -> Option<Self> {
        let index = columns.metadata.page_index()?;
        let count = columns.metadata.row_group(row_group).num_rows();
        let mut starts = vec![0];
        let mut firsts = HashMap::new();
        for column in wanted {
            let Some(leaf) = columns.leaf(*column) else { continue };
            let pages = index.offset_index(row_group, leaf)?.page_locations();
            let first_rows: Vec<i64> = pages.iter().map(|page| page.first_row_index).collect();
            let are_sound = first_rows.first() == Some(&0)
                && first_rows.is_sorted()
                && first_rows.last().is_some_and(|last| *last < count);
            if !are_sound {
                return None;
            }
            starts.extend(&first_rows);
            firsts.insert(*column, first_rows);
        }
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).chain(std::iter::once(&count));
        let rows =
            starts.iter().zip(ends).map(|(start, end)| u64::try_from(end - start).unwrap_or(0));
        let rows = rows.collect();
        let pages = firsts.into_iter().map(|(column, first_rows)| {
            let page = |start: &i64| first_rows.partition_point(|first| first <= start) - 1;
            let pages: Option<Vec<u32>> =
                starts.iter().map(|start| u32::try_from(page(start)).ok()).collect();
            let ends = first_rows.iter().skip(1).chain(std::iter::once(&count));
            let rows = first_rows
                .iter()
                .zip(ends)
                .map(|(first, end)| u64::try_from(end - first).unwrap_or(0));
            Some((column, (UInt32Array::from(pages?), rows.collect())))
        });
        let pages = pages.collect::<Option<_>>()?;
        Some(Self { columns, row_group, rows, pages })
    }

    /// Values per page of a column, repeated for each stretch.
    fn spread(&self, column: usize, of_pages: Result<ArrayRef, ParquetError>) -> Option<ArrayRef> {
        take(&of_pages.ok()?, &self.pages.get(&column)?.0, None).ok()
    }

    /// Counts per page of a column, repeated for each stretch.
    fn counts(
        &self,
        column: usize,
        of_pages: Result<UInt64Array, ParquetError>,
    ) -> Option<UInt64Array> {
        let of_pages: ArrayRef = Arc::new(of_pages.ok()?);
        Some(self.spread(column, Ok(of_pages))?.as_primitive::<UInt64Type>().clone())
    }
}

impl Bounds for PageBounds<'_> {
    fn rows(&self) -> &[u64] {
        &self.rows
    }

    fn least(&self, column: usize) -> Option<ArrayRef> {
        let index =
            self.columns.metadata.page_index().filter(|_| self.columns.is_ordered(column))?;
        let least = self.columns.converter(column)?.data_page_mins(&**index, [&self.row_group]);
        self.spread(column, least)
    }

    fn greatest(&self, column: usize) -> Option<ArrayRef> {
        let index =
            self.columns.metadata.page_index().filter(|_| self.columns.is_ordered(column))?;
        let greatest = self.columns.converter(column)?.data_page_maxes(&**index, [&self.row_group]);
        self.spread(column, greatest)
    }

    /// If a stretch is a part of a page, its number of nulls is only known if all or none of the page's
    /// values are null.
    fn nulls(&self, column: usize) -> Option<UInt64Array> {
        let index = self.columns.metadata.page_index()?;
        let nulls = self
            .columns
            .converter(column)?
            .data_page_null_counts(&**index, [&self.row_group])
            .ok()?;
        let (pages, rows_of_pages) = self.pages.get(&column)?;
        let of_stretch = |(page, rows): (&u32, &u64)| {
            let page = usize::try_from(*page).ok()?;
            let nulls = (page < nulls.len() && nulls.is_valid(page)).then(|| nulls.value(page))?;
            match nulls {
                0 => Some(0),
                all if rows_of_pages.get(page) == Some(&all) => Some(*rows),
                _ => None,
            }
        };
        Some(pages.values().iter().zip(&self.rows).map(of_stretch).collect())
    }

    fn nans(&self, column: usize) -> Option<UInt64Array> {
        let index = self.columns.metadata.page_index()?;
        let nans =
            self.columns.converter(column)?.data_page_nan_counts(&**index, [&self.row_group]);
        let nans = self.counts(column, nans)?;
        Some(known_nans(&nans, self.columns.leaves_out_nan(), &self.least(column)?))
    }
}
