//! The columns, row groups and pages of a file that a request needs.

use std::fs::File;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, RowSelection, RowSelector,
};
use parquet::file::metadata::{ColumnChunkMask, PageIndexPolicy, ParquetMetaDataReader};
use taploom_expressions::{Bounds, Predicate, Projection};
use taploom_model::{Result, ResultSchema};

use super::bounds::{Columns, PageBounds, RowGroupBounds};
use crate::request::Request;
use crate::row_numbers::RowNumbers;

/// Rows of a row group that are read.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) row_group: usize,
    /// Rows of the row groups before it.
    pub(super) skipped: u64,
    pub(super) rows: usize,
    /// The selected rows; `None` for all rows.
    pub(super) selection: Option<RowSelection>,
}

impl Part {
    /// States which rows of the file they are, after `given` rows of the parts before them.
    pub(super) fn number(&self, numbers: &RowNumbers, given: u64) {
        let Some(selection) = &self.selection else { return numbers.jump(given, self.skipped) };
        let (mut given, mut skipped) = (given, self.skipped);
        for RowSelector { row_count, skip } in selection.iter().copied() {
            if !skip {
                numbers.jump(given, skipped);
                given += row_count as u64;
            }
            skipped += row_count as u64;
        }
    }

    /// The selection within several consecutive parts; `None` if all their rows are selected.
    pub(super) fn selection(parts: &[Self]) -> Option<RowSelection> {
        if parts.iter().all(|part| part.selection.is_none()) {
            return None;
        }
        let selectors = parts.iter().flat_map(|part| match &part.selection {
            Some(selection) => selection.iter().copied().collect::<Vec<_>>(),
            None => vec![RowSelector::select(part.rows)],
        });
        Some(selectors.collect::<Vec<_>>().into())
    }
}

/// The parts of a file that are read.
pub(super) struct Parts {
    pub(super) metadata: ArrowReaderMetadata,
    /// The positions of the columns, ascending.
    pub(super) columns: Vec<usize>,
    pub(super) parts: Vec<Part>,
}

impl Parts {
    /// All columns of all row groups.
    pub(super) fn all(metadata: ArrowReaderMetadata) -> Self {
        let columns = (0..metadata.schema().fields().len()).collect();
        let mut parts: Vec<Part> = Vec::with_capacity(metadata.metadata().num_row_groups());
        for group in metadata.metadata().row_groups() {
            let skipped = parts.last().map_or(0, |last| last.skipped + last.rows as u64);
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            parts.push(Part { row_group: parts.len(), skipped, rows, selection: None });
        }
        Self { metadata, columns, parts }
    }

    /// The parts that a request needs, with only the columns that it needs. With `is_sampled`, these do not include the
    /// columns of its condition and of its sample's keys, because the rows are chosen before.
    ///
    /// # Errors
    /// As [`SelectList::bind`](taploom_expressions::SelectList::bind) and
    /// [`Condition::bind`](taploom_expressions::Condition::bind).
    pub(super) fn needed(
        file: &File,
        metadata: ArrowReaderMetadata,
        schema: &ResultSchema,
        request: &Request<'_>,
        is_sampled: bool,
    ) -> Result<(Self, Option<Projection>)> {
        let mut all = Self::all(metadata);
        let predicate =
            request.condition.as_ref().map(|condition| condition.bind(schema)).transpose()?;
        let list = request.select.as_ref().map(|list| list.bind(schema)).transpose()?;
        let keys = request.sample.as_ref().map(|sample| sample.bind(schema)).transpose()?;
        // All columns that are read, to choose rows or to be given.
        let mut read = all.columns.clone();
        let projection = match &list {
            None => None,
            Some(list) => {
                let mut given = list.columns().to_vec();
                read.clone_from(&given);
                read.extend(predicate.iter().flat_map(Predicate::columns));
                read.extend(keys.iter().flat_map(|(group, id)| [group, id]));
                for columns in [&mut read, &mut given] {
                    columns.sort_unstable();
                    columns.dedup();
                }
                all.columns = if is_sampled { given } else { read.clone() };
                let picked = all.columns.iter().map(|column| (*column, None)).collect();
                Some(Projection::new(schema, picked)?)
            }
        };
        if let Some(predicate) = predicate {
            all.prune(file, &predicate, &read);
        }
        Ok((all, projection))
    }

    /// Number of rows that are read.
    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows as u64).sum()
    }

    /// Removes row groups and pages in which the condition can't be true. `read` lists the columns that are read.
    fn prune(&mut self, file: &File, predicate: &Predicate, read: &[usize]) {
        let schema = Arc::clone(self.metadata.schema());
        let by_groups = {
            let columns = Columns::new(self.metadata.metadata(), &schema);
            let by_bounds = predicate.may_hold(&RowGroupBounds::new(&columns, None));
            // Bloom filters are read only for row groups that the bounds did not exclude.
            let bounds = RowGroupBounds::new(&columns, Some((file, &by_bounds)));
            predicate.may_hold(&bounds)
        };
        self.parts.retain(|part| by_groups.get(part.row_group).copied().unwrap_or(true));
        let Some(indexed) = self.with_page_index(file, &schema, read) else { return };
        let columns = Columns::new(indexed.metadata(), &schema);
        for part in &mut self.parts {
            if let Some(bounds) = PageBounds::new(&columns, part.row_group, predicate.columns()) {
                let wanted = predicate.may_hold(&bounds);
                if wanted.contains(&false) {
                    let stretches = wanted.iter().zip(bounds.rows());
                    let selectors = stretches.map(|(wanted, rows)| {
                        let row_count = usize::try_from(*rows).unwrap_or(usize::MAX);
                        RowSelector { row_count, skip: !wanted }
                    });
                    let selection: RowSelection = selectors.collect::<Vec<_>>().into();
                    part.rows = selection.row_count();
                    part.selection = Some(selection);
                }
            }
        }
        self.parts.retain(|part| part.rows > 0);
        self.metadata = indexed;
    }

    /// The metadata with the page index of the remaining row groups, for the columns that are read. `None` if the
    /// file has no page index, or a damaged one.
    fn with_page_index(
        &self,
        file: &File,
        schema: &SchemaRef,
        read: &[usize],
    ) -> Option<ArrowReaderMetadata> {
        let metadata = self.metadata.metadata();
        let parquet = metadata.file_metadata().schema_descr();
        let leaves = (0..parquet.num_columns())
            .filter(|leaf| read.binary_search(&parquet.get_column_root_idx(*leaf)).is_ok());
        let groups = self.parts.iter().map(|part| part.row_group);
        let mask = ColumnChunkMask::row_groups_and_columns(groups, leaves);
        let mut reader = ParquetMetaDataReader::new_with_metadata(metadata.as_ref().clone())
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_page_index_mask(mask);
        reader.read_page_indexes(file).ok()?;
        let metadata = Arc::new(reader.finish().ok()?);
        metadata.page_index()?;
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(schema));
        ArrowReaderMetadata::try_new(metadata, options).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

    use super::*;

    /// The number of rows (of 1,000, in ten row groups of ten pages) that are read for a condition.
    fn rows(properties: WriterPropertiesBuilder, condition: &str) -> u64 {
        let ids = Int64Array::from_iter_values(0..1000);
        // The only NaN is in the first row group.
        let mags = (0..1000).map(|row| if row == 5 { f64::NAN } else { f64::from(row) / 10.0 });
        let names = (0..1000).map(|row| (row >= 100).then(|| format!("name {}", row * 7 % 1000)));
        let table = RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(ids) as ArrayRef, false),
            ("mag", Arc::new(Float64Array::from_iter_values(mags)), true),
            ("name", Arc::new(names.collect::<StringArray>()), true),
        ])
        .unwrap();
        let properties = properties
            .set_max_row_group_row_count(Some(100))
            .set_data_page_row_count_limit(10)
            .set_write_batch_size(10)
            .set_dictionary_enabled(false)
            .build();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(&mut file, table.schema(), Some(properties)).unwrap();
        writer.write(&table).unwrap();
        writer.close().unwrap();
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
        let schema = ResultSchema::derived(table.schema());
        let request = Request::new("")
            .with_condition(condition.parse::<taploom_expressions::Condition>().unwrap());
        let (parts, _) = Parts::needed(&file, metadata, &schema, &request, false).unwrap();
        parts.rows()
    }

    #[test]
    fn row_groups_and_pages_that_can_not_match_are_left_out() {
        for (condition, by_chunks, by_pages) in [
            ("id = 437", 100, 10),
            ("id < 125", 200, 130),
            ("id BETWEEN 95 AND 104", 200, 20),
            ("id IN (5, 995)", 200, 20),
            ("NOT (id < 890)", 200, 110),
            ("id < 20 OR id >= 980", 200, 40),
            ("id < 0", 0, 0),
            ("id <> 5 AND mag < 0.95", 100, 10),
            ("mag <= 5e0", 100, 60),
            ("mag = 50", 100, 10),
            ("name IS NULL", 100, 100),
            ("id < 100 AND name IS NOT NULL", 0, 0),
            ("id < 100 AND name > 'a'", 0, 0),
            ("id + 1 = 5", 1000, 1000),
        ] {
            let chunks =
                WriterProperties::builder().set_statistics_enabled(EnabledStatistics::Chunk);
            assert_eq!(rows(chunks, condition), by_chunks, "{condition}, by row groups");
            assert_eq!(
                rows(WriterProperties::builder(), condition),
                by_pages,
                "{condition}, by pages"
            );
            let none = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
            assert_eq!(rows(none, condition), 1000, "{condition}, without statistics");
        }
    }

    #[test]
    fn nan_is_beyond_the_bounds() {
        // The page with NaN can't be excluded; this writer counts NaNs in every page.
        assert_eq!(rows(WriterProperties::builder(), "mag > 1000"), 10);
        assert_eq!(rows(WriterProperties::builder(), "mag > 99.8"), 20);
        assert_eq!(rows(WriterProperties::builder(), "NOT (mag <= 99.8)"), 20);
        assert_eq!(rows(WriterProperties::builder(), "mag = 'nan' AND id < 100"), 100);
    }

    #[test]
    fn bloom_filters_leave_out_row_groups() {
        let filters = || {
            WriterProperties::builder()
                .set_statistics_enabled(EnabledStatistics::None)
                .set_bloom_filter_enabled(true)
                .set_bloom_filter_fpp(0.0001)
        };
        assert_eq!(rows(filters(), "name = 'name 59'"), 100);
        assert_eq!(rows(filters(), "id = 437"), 100);
        assert_eq!(rows(filters(), "name = 'nobody' OR id = 20"), 100);
        assert_eq!(rows(filters(), "NOT (name <> 'nobody')"), 0);
    }
}
