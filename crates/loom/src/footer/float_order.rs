//! Statistics of floats in Parquet's `TYPE_ORDER`.
//!
//! The Parquet crate writes statistics of floats in `IEEE_754_TOTAL_ORDER`, which many readers refuse. `TYPE_ORDER`
//! does not say how NaN is ordered: some readers treat it as the greatest value, others ignore it. If chunks or
//! pages with a NaN had bounds, some readers would skip rows that they should find, so such chunks and pages get no
//! bounds. `TYPE_ORDER` does not distinguish -0.0 from 0.0 either, so bounds of zero include both.

use parquet::basic::{BoundaryOrder, LogicalType, Type as PhysicalType};
use parquet::data_type::{
    DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescriptor;
use taploom_thrift::{self as thrift, Reader};

use super::column_index::{bounds_of, rebuilt};
use crate::error::{Error, Result};

/// Whether a leaf has floats.
pub(crate) fn is_float(leaf: &ColumnDescriptor) -> bool {
    matches!(leaf.physical_type(), PhysicalType::FLOAT | PhysicalType::DOUBLE)
        || leaf.logical_type_ref() == Some(&LogicalType::Float16)
}

/// Converts the statistics and the index of a chunk from total order to `TYPE_ORDER`.
pub(super) fn to_type_order(
    chunk: &mut ColumnChunkMetaData,
    index: &mut Option<ColumnIndexMetaData>,
) -> Result<()> {
    if !is_float(chunk.column_descr()) {
        return Ok(());
    }
    if let Some(statistics) = chunk.statistics().map(of_chunk) {
        let builder = chunk.clone().into_builder();
        *chunk = builder.set_statistics(statistics).build().map_err(Error::internal)?;
    }
    *index = match index.take() {
        Some(index) => of_pages(&index, chunk.column_type())?,
        None => None,
    };
    Ok(())
}

fn of_chunk(statistics: &Statistics) -> Statistics {
    match statistics {
        Statistics::Float(of) => {
            let least = |min: &f32| if *min == 0.0 { -0.0 } else { *min };
            Statistics::Float(without_nans::<FloatType>(of, least, |max| max + 0.0))
        }
        Statistics::Double(of) => {
            let least = |min: &f64| if *min == 0.0 { -0.0 } else { *min };
            Statistics::Double(without_nans::<DoubleType>(of, least, |max| max + 0.0))
        }
        Statistics::FixedLenByteArray(of) => {
            let least = |min: &FixedLenByteArray| least(min.data().to_vec()).into();
            let greatest = |max: &FixedLenByteArray| greatest(max.data().to_vec()).into();
            let of = without_nans::<FixedLenByteArrayType>(of, least, greatest);
            Statistics::FixedLenByteArray(of)
        }
        other => other.clone(),
    }
}

/// Statistics without a count of NaNs, and without bounds if there are NaNs.
fn without_nans<D: DataType>(
    of: &ValueStatistics<D::T>,
    least: impl Fn(&D::T) -> D::T,
    greatest: impl Fn(&D::T) -> D::T,
) -> ValueStatistics<D::T> {
    let has_bounds = of.nan_count_opt().unwrap_or(0) == 0;
    let min = of.min_opt().filter(|_| has_bounds).map(least);
    let max = of.max_opt().filter(|_| has_bounds).map(greatest);
    ValueStatistics::new(min, max, of.distinct_count(), of.null_count_opt(), false)
}

/// `None` if a page has a NaN: an index has to have the bounds of every page.
fn of_pages(
    index: &ColumnIndexMetaData,
    kind: PhysicalType,
) -> Result<Option<ColumnIndexMetaData>> {
    let is_nan = |nans: &i64| *nans != 0;
    if index.nan_counts().is_some_and(|nans| nans.iter().any(is_nan)) {
        return Ok(None);
    }
    // Bounds keep their order, because both zeros become the same one.
    let order = index.get_boundary_order().unwrap_or(BoundaryOrder::UNORDERED);
    let widened = |page| bounds_of(index, page).map(|(min, max)| (least(min), greatest(max)));
    rebuilt(index, kind, order, |_| None, widened).map(Some).map_err(Error::internal)
}

/// A minimum in little-endian bytes; zero becomes -0.0.
fn least(mut min: Vec<u8>) -> Vec<u8> {
    if let [rest @ .., sign @ 0] = min.as_mut_slice()
        && rest.iter().all(|byte| *byte == 0)
    {
        *sign = 0x80;
    }
    min
}

/// A maximum in little-endian bytes; zero becomes 0.0.
fn greatest(mut max: Vec<u8>) -> Vec<u8> {
    if let [rest @ .., sign @ 0x80] = max.as_mut_slice()
        && rest.iter().all(|byte| *byte == 0)
    {
        *sign = 0;
    }
    max
}

/// Replaces the total order by `TYPE_ORDER` in the column orders of a footer.
pub(super) fn put_type_order(footer: &mut [u8]) -> Result<()> {
    /// The header of a field that is a struct, the first or the second one of a union.
    const TYPE: u8 = 1 << 4 | thrift::kind::STRUCT;
    const TOTAL: u8 = 2 << 4 | thrift::kind::STRUCT;
    let mut places = Vec::new();
    let mut reader = Reader::new(footer);
    let mut last = 0;
    while let Some((id, kind)) = reader.field(&mut last)? {
        if id != 7 {
            reader.pass_over(kind)?;
            continue;
        }
        for _ in 0..reader.list()?.0 {
            places.push(reader.at());
            reader.pass_over(thrift::kind::STRUCT)?;
        }
    }
    for place in places {
        if footer[place] == TOTAL {
            footer[place] = TYPE;
        }
    }
    Ok(())
}
