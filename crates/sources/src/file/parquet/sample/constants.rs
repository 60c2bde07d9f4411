//! Finds the row groups and pages in which every row has the same key, from their bounds.

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, SchemaRef};
use parquet::file::metadata::{
    ColumnChunkMask, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use taploom_expressions::{Bounds, KeyReader};

use super::super::bounds::{Columns, PageBounds, RowGroupBounds};
use super::read_ahead::ReadAhead;

/// Whether all rows of a row group or page have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Constant {
    /// Its rows may have several keys.
    No,
    /// All its rows have the same key: the value at the position of the row group or page in [`Constants::values`].
    Value,
    /// All its rows are null.
    Null,
}

/// Which row groups of a file, or which pages of a column chunk, have a single key.
pub(super) struct Constants {
    pub(super) known: Vec<Constant>,
    /// The number of rows of each row group or page.
    pub(super) rows: Vec<u64>,
    /// The lower bound of each row group or page. For [`Constant::Value`] it is the key.
    pub(super) values: Option<ArrayRef>,
}

impl Constants {
    /// Finds the row groups with a single key, from the statistics in the footer.
    pub(super) fn of_row_groups(
        metadata: &ParquetMetaData,
        schema: &SchemaRef,
        column: usize,
        keys: &KeyReader,
    ) -> Self {
        let columns = Columns::new(metadata, schema);
        Self::new(&RowGroupBounds::new(&columns, None), schema, column, keys)
    }

    /// Finds the pages with a single key, from the page index of a row group. `None` if the index is missing or
    /// damaged, or if no page has a single key.
    ///
    /// The index is read for one row group at a time, since the index of a whole file may be large.
    pub(super) fn of_pages(
        file: &ReadAhead,
        metadata: &ParquetMetaData,
        schema: &SchemaRef,
        (row_group, column, leaf): (usize, usize, usize),
        keys: &KeyReader,
    ) -> Option<Self> {
        let group = metadata.row_groups().get(row_group)?;
        group.columns().get(leaf)?.column_index_offset()?;
        let alone = ParquetMetaData::new(metadata.file_metadata().clone(), vec![group.clone()]);
        let mut reader = ParquetMetaDataReader::new_with_metadata(alone)
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_page_index_mask(ColumnChunkMask::row_groups_and_columns([0], [leaf]));
        reader.read_page_indexes(file).ok()?;
        let metadata = reader.finish().ok()?;
        let columns = Columns::new(&metadata, schema);
        let bounds = PageBounds::new(&columns, 0, &[column])?;
        let pages = Self::new(&bounds, schema, column, keys);
        pages.known.iter().any(|page| *page != Constant::No).then_some(pages)
    }

    fn new(bounds: &dyn Bounds, schema: &SchemaRef, column: usize, keys: &KeyReader) -> Self {
        let rows = bounds.rows().to_vec();
        let (least, greatest) = (bounds.least(column), bounds.greatest(column));
        let as_keys = |array: &Option<ArrayRef>| keys.of_array(array.as_ref()?).ok();
        let ends = as_keys(&least).zip(as_keys(&greatest));
        let nulls = bounds.nulls(column);
        let may_be_nan = matches!(
            schema.field(column).data_type(),
            DataType::Float16 | DataType::Float32 | DataType::Float64
        );
        let nans = if may_be_nan { bounds.nans(column) } else { None };
        let is_there = |array: &Option<ArrayRef>, at: usize| {
            array.as_ref().is_some_and(|array| at < array.len() && array.is_valid(at))
        };
        let known = rows.iter().enumerate().map(|(at, rows)| {
            let nulls = nulls.as_ref().filter(|counts| at < counts.len() && counts.is_valid(at));
            let has_nan = may_be_nan
                && !nans.as_ref().is_some_and(|counts| {
                    at < counts.len() && counts.is_valid(at) && counts.value(at) == 0
                });
            match (nulls.map(|counts| counts.value(at)), &ends) {
                (Some(nulls), _) if nulls == *rows => Constant::Null,
                (Some(0), Some((low, high)))
                    if !has_nan
                        && is_there(&least, at)
                        && is_there(&greatest, at)
                        && low.key(at) == high.key(at) =>
                {
                    Constant::Value
                }
                _ => Constant::No,
            }
        });
        Self { known: known.collect(), rows, values: least }
    }

    /// The single key of a row group or page: an array with one value, or an empty array for null.
    pub(super) fn value(&self, at: usize, data_type: &DataType) -> Option<ArrayRef> {
        match self.known.get(at)? {
            Constant::No => None,
            Constant::Null => Some(arrow_array::new_empty_array(data_type)),
            Constant::Value => self.values.as_ref().map(|values| values.slice(at, 1)),
        }
    }
}
