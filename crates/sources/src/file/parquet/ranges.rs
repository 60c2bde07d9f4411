//! The ranges of integer columns, from the statistics of a file.

use parquet::basic::ConvertedType;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

/// The smallest and the largest integer in a column.
pub(in crate::file) type Range = (i64, i64);

/// The ranges of the columns, by position. `None` for columns that are neither integers nor lists of
/// integers, and if a row group has no statistics.
pub(super) fn ranges(metadata: &ParquetMetaData) -> Vec<Option<Range>> {
    let schema = metadata.file_metadata().schema_descr();
    let columns = schema.root_schema().get_fields().len();
    let mut leaves = vec![Vec::new(); columns];
    for leaf in 0..schema.num_columns() {
        if let Some(leaves) = leaves.get_mut(schema.get_column_root_idx(leaf)) {
            leaves.push(leaf);
        }
    }
    let ranges = leaves.iter().map(|leaves| match leaves[..] {
        [leaf] if !is_unsigned(schema.column(leaf).converted_type()) => range(metadata, leaf),
        _ => None,
    });
    ranges.collect()
}

/// Whether the type is unsigned, so that its statistics, read as signed numbers, may be negative for
/// positive cells.
fn is_unsigned(converted: ConvertedType) -> bool {
    matches!(converted, ConvertedType::UINT_32 | ConvertedType::UINT_64)
}

fn range(metadata: &ParquetMetaData, leaf: usize) -> Option<Range> {
    let mut range = (i64::MAX, i64::MIN);
    for group in metadata.row_groups() {
        let chunk = group.column(leaf);
        let statistics = chunk.statistics()?;
        let is_null = statistics.null_count_opt() == u64::try_from(chunk.num_values()).ok();
        let (least, greatest) = match statistics {
            _ if is_null => continue,
            Statistics::Int32(of) => ((*of.min_opt()?).into(), (*of.max_opt()?).into()),
            Statistics::Int64(of) => (*of.min_opt()?, *of.max_opt()?),
            _ => return None,
        };
        range = (range.0.min(least), range.1.max(greatest));
    }
    Some(range)
}
