//! Rebuilds column indexes with other bounds.

use parquet::basic::{BoundaryOrder, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnIndexBuilder, LevelHistogram};
use parquet::file::page_index::column_index::{ColumnIndexMetaData, PrimitiveColumnIndex};

/// Minimum and maximum of a page, as an index stores them.
pub(crate) type Bounds = (Vec<u8>, Vec<u8>);

/// Puts the missing bounds of pages into an index. `bounds` has one entry per page. The Parquet crate treats a page
/// of a nested column as a page without values if its number of null leaf entries equals its number of rows.
///
/// `None` if a bound is longer than `most` bytes, because the index could not be kept small, and for values without
/// an order, which have no bounds.
pub(crate) fn with_bounds(
    index: ColumnIndexMetaData,
    kind: PhysicalType,
    bounds: &[Option<Bounds>],
    most: usize,
) -> Result<Option<ColumnIndexMetaData>, ParquetError> {
    let lacking =
        |page: usize| index.is_null_page(page).then(|| bounds.get(page)?.as_ref()).flatten();
    let pages = 0..index.num_pages() as usize;
    let mut lacks_any = false;
    for (min, max) in pages.clone().filter_map(lacking) {
        lacks_any = true;
        if min.len().max(max.len()) > most {
            return Ok(None);
        }
    }
    let has_values = |page| index.definition_level_histogram(page)?.last().map(|count| *count > 0);
    if pages.clone().any(|page| {
        index.is_null_page(page) && lacking(page).is_none() && has_values(page) == Some(true)
    }) {
        return Ok(None);
    }
    if !lacks_any {
        return Ok(Some(index));
    }
    // The Parquet crate determined the order without these pages.
    let with_values = pages.filter(|page| !index.is_null_page(*page) || lacking(*page).is_some());
    let order = match with_values.count() {
        0 | 1 => BoundaryOrder::ASCENDING,
        _ => BoundaryOrder::UNORDERED,
    };
    let nans = |page| index.nan_count(page);
    rebuilt(&index, kind, order, nans, |page| lacking(page).cloned()).map(Some)
}

/// An index with the same pages. `bounds` returns the new bounds of a page, if they change.
pub(super) fn rebuilt(
    index: &ColumnIndexMetaData,
    kind: PhysicalType,
    order: BoundaryOrder,
    nans: impl Fn(usize) -> Option<i64>,
    bounds: impl Fn(usize) -> Option<Bounds>,
) -> Result<ColumnIndexMetaData, ParquetError> {
    let histogram =
        |levels: Option<&[i64]>| levels.map(|levels| LevelHistogram::from(levels.to_vec()));
    let mut builder = ColumnIndexBuilder::new(kind);
    for page in 0..index.num_pages() as usize {
        let bounds = bounds(page).or_else(|| bounds_of(index, page));
        let is_null = bounds.is_none();
        let (min, max) = bounds.unwrap_or_default();
        builder.append(is_null, min, max, index.null_count(page).unwrap_or(0), nans(page));
        builder.append_histograms(
            &histogram(index.repetition_level_histogram(page)),
            &histogram(index.definition_level_histogram(page)),
        );
    }
    builder.set_boundary_order(order);
    builder.build()
}

/// The bounds of a page; `None` for a page without values.
pub(super) fn bounds_of(index: &ColumnIndexMetaData, page: usize) -> Option<Bounds> {
    fn of<T>(
        index: &PrimitiveColumnIndex<T>,
        page: usize,
        bytes: impl Fn(&T) -> Vec<u8>,
    ) -> Option<Bounds> {
        Some((bytes(index.min_values().get(page)?), bytes(index.max_values().get(page)?)))
    }
    if index.is_null_page(page) {
        return None;
    }
    match index {
        ColumnIndexMetaData::BOOLEAN(index) => of(index, page, |value| vec![u8::from(*value)]),
        ColumnIndexMetaData::INT32(index) => of(index, page, |value| value.to_le_bytes().to_vec()),
        ColumnIndexMetaData::INT64(index) => of(index, page, |value| value.to_le_bytes().to_vec()),
        ColumnIndexMetaData::FLOAT(index) => of(index, page, |value| value.to_le_bytes().to_vec()),
        ColumnIndexMetaData::DOUBLE(index) => of(index, page, |value| value.to_le_bytes().to_vec()),
        ColumnIndexMetaData::BYTE_ARRAY(index)
        | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
            Some((index.min_value(page)?.to_vec(), index.max_value(page)?.to_vec()))
        }
        // Arrow has no such type.
        _ => None,
    }
}
