//! Decides which rows of a Parquet file belong to a sample, without decoding every row.
//!
//! # The problem
//!
//! A sample of the first ids of every group often keeps one row in a hundred, but two columns decide it: the group
//! and the id. Decoding these two columns for every row takes most of the time.
//!
//! # The idea
//!
//! Each row group is walked once, and only the pages of the group column and of the id column are read. For each page
//! the cheapest way that works is taken:
//!
//! 1. If the bounds of the row group or of the page show that all its rows have the same key, the page is not
//!    decompressed ([`constants`]).
//! 2. Dictionary codes are not decoded; they are read as the runs in which they are stored ([`hybrid`], [`coded`],
//!    [`column`]). Rows that share a run of groups and a run of ids are decided once, however many there are
//!    ([`pairs`]). Each code is looked up in its dictionary once, and a filter drops most of the rows whose codes are
//!    not in runs ([`table`]).
//! 3. All other values are decoded by the reader of the Parquet crate ([`page`]), and equal neighbours are decided
//!    once.
//!
//! The result is a mask of the row group ([`mask`]). The wanted columns are then read for the rows in the mask
//! ([`pick`]).
//!
//! If the request has a condition, it is evaluated first, on its own columns ([`super::condition`]); rows for which
//! it is not true are skipped.
//!
//! # Memory
//!
//! For each of the two columns one page and one dictionary, with 12 bytes per value of the dictionary; one bit per
//! row of the row group; and the pairs of group and id that are kept (`KeptPairs`).

use std::fs::File;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use taploom_expressions::KeyReader;
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use self::column::KeyChunk;
use self::constants::Constants;
use self::damage::{ColumnError, RowGroupPlace};
pub(super) use self::mask::{KeptRows, Mask};
use self::page::PageDecoder;
use self::pairs::Pairs;
pub(super) use self::pick::RowPicker;
use self::read_ahead::ReadAhead;
use self::table::Proof;
use super::bounds::Columns;
use crate::request::Request;
use crate::sampling::Sampling;

mod coded;
mod column;
mod constants;
mod damage;
mod hybrid;
mod mask;
mod page;
mod pairs;
mod pick;
mod read_ahead;
mod table;

/// Maximum number of rows of a row group. A row may take one bit of memory, and a damaged footer can state any
/// number. No writer makes row groups as large as this.
const MOST_ROWS: usize = 1 << 33;

/// Decides which rows of a file are kept.
pub(super) struct SampleWalker {
    file: Arc<ReadAhead>,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
    sampling: Sampling,
    group: KeyColumn,
    id: KeyColumn,
}

/// The column of the groups or of the ids.
struct KeyColumn {
    column: usize,
    leaf: usize,
    name: String,
    keys: KeyReader,
    decoder: PageDecoder,
    /// The row groups in which every row has the same key.
    row_groups: Constants,
}

impl SampleWalker {
    /// Prepares the sample of a request. `None` if the request has no sample, or if a key column is nested, which this
    /// module does not support.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if a column does not exist.
    pub(super) fn new(
        file: &File,
        metadata: &ArrowReaderMetadata,
        schema: &ResultSchema,
        request: &Request<'_>,
    ) -> Result<Option<Self>> {
        let (Some(sample), Some(sampling)) = (&request.sample, &request.sampling) else {
            return Ok(None);
        };
        let (group, id) = sample.bind(schema)?;
        // This choice may depend only on the column types, so that it is the same for all files of a request.
        let is_nested = |column: usize| schema.arrow().field(column).data_type().is_nested();
        if is_nested(group) || is_nested(id) {
            return Ok(None);
        }
        let failed = |error| {
            let message = format!("source {}: can't read the keys of a sample", request.location);
            Error::new(ErrorKind::Source, message).with_source(error)
        };
        let file = file.try_clone().and_then(ReadAhead::new);
        let file = Arc::new(file.map_err(|error| failed(error.into()))?);
        let group = KeyColumn::new(metadata, schema, group)?.map_err(failed)?;
        let id = KeyColumn::new(metadata, schema, id)?.map_err(failed)?;
        sampling.decide_by_source();
        Ok(Some(Self {
            file,
            metadata: Arc::clone(metadata.metadata()),
            schema: Arc::clone(metadata.schema()),
            sampling: sampling.clone(),
            group,
            id,
        }))
    }

    /// The position of the group column.
    pub(super) fn group_column(&self) -> usize {
        self.group.column
    }

    /// Decides which rows of a row group are kept; with `wanted`, rows outside it are dropped. Row groups have to be
    /// walked in the order of the file.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] naming the column and the row group if its pages are damaged, and the errors of
    /// `KeptPairs`.
    pub(super) fn walk(
        &self,
        row_group: usize,
        wanted: Option<&KeptRows>,
        source: &str,
    ) -> Result<KeptRows> {
        let place = RowGroupPlace { source, row_group, count: self.metadata.num_row_groups() };
        let rows = self.metadata.row_group(row_group).num_rows();
        let rows = usize::try_from(rows).unwrap_or(0);
        if rows > MOST_ROWS {
            return Err(
                place.damaged(&format!("says that it has {rows} rows, which can't be sampled"))
            );
        }
        if let Some(KeptRows::None) = wanted {
            self.sampling.stats().update(|report| {
                report.row_groups += 1;
                report.row_groups_skipped += 1;
            });
            return Ok(KeptRows::None);
        }
        let wanted = match wanted {
            Some(KeptRows::Some { selection, .. }) => Some(selection),
            _ => None,
        };
        let at_group = |error: ColumnError| error.at(&place, &self.group.name);
        let at_id = |error: ColumnError| error.at(&place, &self.id.name);
        let opened = self.group.open(&self.file, &self.metadata, &self.schema, row_group, rows);
        let mut group = opened.map_err(at_group)?;
        let opened = self.id.open(&self.file, &self.metadata, &self.schema, row_group, rows);
        let mut id = opened.map_err(at_id)?;
        let mut kept = self.sampling.kept();
        let (mut mask, mut pairs) = (Mask::default(), Pairs::default());
        let mut by_proof = [0_u64; 3];
        for run in runs(wanted, rows) {
            let mut left = run.row_count;
            while left > 0 {
                group.fill().map_err(at_group)?;
                id.fill().map_err(at_id)?;
                let stretch = left.min(group.left()).min(id.left());
                if run.skip {
                    mask.append_run(stretch, false);
                } else {
                    let proof = group.table().proof().max(id.table().proof());
                    by_proof[proof as usize] += stretch as u64;
                    pairs.decide(&mut kept, &mut group, &mut id, stretch, &mut mask)?;
                }
                group.advance(stretch);
                id.advance(stretch);
                left -= stretch;
            }
        }
        let rows_kept = mask.kept() as u64;
        self.sampling.stats().update(|report| {
            report.rows += by_proof.iter().sum::<u64>();
            report.rows_kept += rows_kept;
            report.runs += pairs.runs;
            report.groups = kept.groups();
            report.ids_kept = kept.pairs();
            report.rows_by_bounds += by_proof[Proof::Bounds as usize];
            report.rows_by_codes += by_proof[Proof::Codes as usize];
            report.rows_by_values += by_proof[Proof::Values as usize];
            report.row_groups += 1;
            report.row_groups_skipped += u64::from(rows_kept == 0);
            report.key_pages += group.pages_read + id.pages_read;
            report.key_pages_skipped += group.pages_skipped + id.pages_skipped;
        });
        Ok(mask.finish())
    }
}

/// The rows of a row group as alternating runs of wanted and unwanted rows. Without `wanted`, all rows are one wanted
/// run.
fn runs(wanted: Option<&RowSelection>, rows: usize) -> impl Iterator<Item = RowSelector> {
    let all = wanted.is_none().then(|| RowSelector::select(rows));
    all.into_iter().chain(wanted.into_iter().flat_map(|runs| runs.iter().copied()))
}

impl KeyColumn {
    fn new(
        metadata: &ArrowReaderMetadata,
        schema: &ResultSchema,
        column: usize,
    ) -> Result<std::result::Result<Self, ParquetError>> {
        let keys = KeyReader::of_column(schema, column)?;
        let arrow = metadata.schema();
        let leaf = Columns::new(metadata.metadata(), arrow).leaf(column);
        let Some(leaf) = leaf else {
            let message = "a column that is not nested has several leaves".to_owned();
            return Ok(Err(ParquetError::General(message)));
        };
        let row_groups = Constants::of_row_groups(metadata.metadata(), arrow, column, &keys);
        let name = schema.columns()[column].name().to_owned();
        let decoder = PageDecoder::new(metadata, leaf);
        Ok(decoder.map(|decoder| Self { column, leaf, name, keys, decoder, row_groups }))
    }

    /// Opens the keys of a row group.
    fn open(
        &self,
        file: &Arc<ReadAhead>,
        metadata: &ParquetMetaData,
        schema: &SchemaRef,
        row_group: usize,
        rows: usize,
    ) -> std::result::Result<KeyChunk<'_>, ColumnError> {
        if let Some(value) = self.row_groups.value(row_group, self.decoder.data_type()) {
            return KeyChunk::constant(&self.keys, &self.decoder, &value, rows);
        }
        let place = (row_group, self.column, self.leaf);
        let pages = Constants::of_pages(file, metadata, schema, place, &self.keys);
        let chunk = metadata.row_group(row_group).column(self.leaf);
        let reader = SerializedPageReader::new(Arc::clone(file), chunk, rows, None)?;
        KeyChunk::new(&self.keys, &self.decoder, Box::new(reader), pages)
    }
}
