//! Which rows of a Parquet file are in a sample, decided before they are decoded.
//!
//! # The problem
//!
//! A sample of the first ids of every group keeps one row in a hundred, and decoding all rows to look at two columns of
//! each takes most of the time.
//!
//! # The idea
//!
//! Row groups are taken one at a time, and of each the pages of two columns only, those of the groups and of the ids. In
//! turn
//!
//! 1. bounds of the row group, or of a page, that show a single key ([`constants`]) decide all its rows, and the page is
//!    not decompressed;
//! 2. codes of a dictionary stay as they are written, in runs ([`hybrid`], [`coded`], [`column`]). A pair of runs is decided
//!    once, however long it is ([`pairs`]). Each code is looked up once in a dictionary, and a filter drops most of the rows
//!    whose codes are not in runs ([`table`]);
//! 3. all other values are decoded, by the reader of the Parquet crate ([`page`]), and equal neighbours are decided once.
//!
//! What comes out is a mask of the row group ([`mask`]), with which the columns that are wanted are read ([`pick`]).
//!
//! A condition is evaluated first, on its own columns ([`super::condition`]), and the rows for which it is not true are
//! passed over.
//!
//! # Memory
//!
//! One page and one dictionary of both columns, with 12 bytes per value of a dictionary, a bit per row of a row group, and the
//! pairs that are kept (`KeptPairs`).

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

/// Rows of a row group, of which each may take a bit. No writer makes so many; a damaged footer may say anything.
const MOST_ROWS: usize = 1 << 33;

/// Decides the rows of a file.
pub(super) struct SampleWalker {
    file: Arc<ReadAhead>,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
    sampling: Sampling,
    group: KeyColumn,
    id: KeyColumn,
}

/// A column of keys.
struct KeyColumn {
    column: usize,
    leaf: usize,
    name: String,
    keys: KeyReader,
    decoder: PageDecoder,
    /// Row groups in which it has one key.
    row_groups: Constants,
}

impl SampleWalker {
    /// For the sample of a request. `None` if there is none, or if its columns are nested, so that it is not decided here.
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
        // Nothing but the types of the columns may matter here: several files are decided alike.
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

    /// The position of the column of the groups.
    pub(super) fn group_column(&self) -> usize {
        self.group.column
    }

    /// Decides the rows of a row group, or those of them that are `wanted`. Row groups come in their order.
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

/// Runs of rows that are wanted, or not.
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

    /// The keys of a row group.
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
