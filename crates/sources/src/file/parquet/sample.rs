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
//! 2. codes of a dictionary stay as they are written, in runs ([`hybrid`], [`column`]). A pair of runs is decided once,
//!    however long it is. Each code is looked up once in a dictionary ([`table`]), and for dictionaries of some 1,000
//!    values so is each pair of codes;
//! 3. all other values are decoded, by the reader of the Parquet crate ([`page`]), and equal neighbours are decided once.
//!
//! What comes out is a mask of the row group ([`mask`]), with which the columns that are wanted are read.
//!
//! # Memory
//!
//! One page and one dictionary of both columns, up to [`memo::MEMO_MOST`] bytes for pairs of codes, a bit per row of a row
//! group, and the pairs that are kept (`KeptPairs`).

use std::fs::File;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use taploom_expressions::{KeptPairs, KeyReader};
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use self::column::{KeyChunk, KeyError};
use self::constants::Constants;
pub(super) use self::mask::KeptRows;
use self::mask::Mask;
use self::memo::Memo;
use self::page::PageDecoder;
use self::table::Proof;
use super::bounds::Columns;
use crate::request::Request;
use crate::sampling::Sampling;

mod column;
mod constants;
mod hybrid;
mod mask;
mod memo;
mod page;
mod table;

/// Rows of a row group, of which each may take a bit. No writer makes so many; a damaged footer may say anything.
const MOST_ROWS: usize = 1 << 33;

/// Decides the rows of a file.
pub(super) struct SampleWalker {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
    sampling: Sampling,
    group: KeyColumn,
    id: KeyColumn,
    memo: Memo,
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
    /// For the sample of a request. `None` if there is none, or if it is not decided here: after a condition, or by columns
    /// that are nested.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if a column does not exist.
    pub(super) fn new(
        file: &File,
        metadata: &ArrowReaderMetadata,
        schema: &ResultSchema,
        request: &Request<'_>,
    ) -> Result<Option<Self>> {
        let (Some(sample), Some(sampling), None) =
            (&request.sample, &request.sampling, &request.condition)
        else {
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
        let file = Arc::new(file.try_clone().map_err(|error| failed(error.into()))?);
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
            memo: Memo::default(),
        }))
    }

    /// Decides the rows of a row group. Row groups come in their order.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] naming the column and the row group if its pages are damaged, and the errors of
    /// [`KeptPairs`].
    pub(super) fn walk(&mut self, row_group: usize, source: &str) -> Result<KeptRows> {
        let count = self.metadata.num_row_groups();
        let failed = |column: &KeyColumn, error: KeyError| {
            let place = format!("source {source}: row group {} of {count}", row_group + 1);
            let error = match error {
                KeyError::Keys(error) => return error.with_context(place),
                KeyError::Damaged(what) => {
                    Error::new(ErrorKind::Source, format!("{place} is damaged: {what}"))
                }
                KeyError::Parquet(error) => {
                    Error::new(ErrorKind::Source, format!("{place}: can't read its pages"))
                        .with_source(error)
                }
            };
            error.with_column(&column.name)
        };
        let rows = self.metadata.row_group(row_group).num_rows();
        let rows = usize::try_from(rows).unwrap_or(0);
        if rows > MOST_ROWS {
            let message = format!(
                "source {source}: row group {} of {count} says that it has {rows} rows, which can't be sampled",
                row_group + 1
            );
            return Err(Error::new(ErrorKind::Source, message));
        }
        let mut group = self
            .group
            .open(&self.file, &self.metadata, &self.schema, row_group, rows)
            .map_err(|error| failed(&self.group, error))?;
        let mut id = self
            .id
            .open(&self.file, &self.metadata, &self.schema, row_group, rows)
            .map_err(|error| failed(&self.id, error))?;
        let mut kept = self.sampling.kept();
        let mut mask = Mask::default();
        let mut by_proof = [0_u64; 3];
        let mut pairs = Pairs { memo: &mut self.memo, last: None, runs: 0 };
        pairs.memo.clear();
        let mut left = rows;
        while left > 0 {
            group.fill().map_err(|error| failed(&self.group, error))?;
            id.fill().map_err(|error| failed(&self.id, error))?;
            let stretch = left.min(group.left()).min(id.left());
            let proof = group.table().proof().max(id.table().proof());
            by_proof[proof as usize] += stretch as u64;
            pairs.decide(&mut kept, &mut group, &mut id, stretch, &mut mask)?;
            group.advance(stretch);
            id.advance(stretch);
            left -= stretch;
        }
        let (runs, rows_kept) = (pairs.runs, mask.kept() as u64);
        self.sampling.stats().update(|report| {
            report.rows += rows as u64;
            report.rows_kept += rows_kept;
            report.runs += runs;
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
        file: &Arc<File>,
        metadata: &ParquetMetaData,
        schema: &SchemaRef,
        row_group: usize,
        rows: usize,
    ) -> std::result::Result<KeyChunk<'_>, KeyError> {
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

/// Decides pairs of codes.
struct Pairs<'a> {
    memo: &'a mut Memo,
    /// The tables and codes of the last rows, and what was decided.
    last: Option<([u64; 2], [u32; 2], bool)>,
    runs: u64,
}

impl Pairs<'_> {
    /// Decides the next rows, whose codes belong to the same tables.
    fn decide(
        &mut self,
        kept: &mut KeptPairs,
        group: &mut KeyChunk<'_>,
        id: &mut KeyChunk<'_>,
        rows: usize,
        mask: &mut Mask,
    ) -> Result<()> {
        let tables = [group.table().serial(), id.table().serial()];
        let last = self.last.filter(|(last, ..)| *last == tables);
        let mut last = last.map(|(_, codes, keeps)| (codes, keeps));
        self.memo.open(group.table(), id.table());
        let (repeated_group, repeated_id) = (group.repeated(), id.repeated());
        let mut runs = 0;
        let (group_codes, group_table) = group.codes_and_table();
        let (id_codes, id_table) = id.codes_and_table();
        let mut keeps = |codes: [u32; 2]| match last {
            Some((last, keeps)) if last == codes => Ok(keeps),
            _ => {
                runs += 1;
                let keeps = self.memo.decide(kept, group_table, id_table, codes)?;
                last = Some((codes, keeps));
                Ok::<bool, Error>(keeps)
            }
        };
        match (repeated_group, repeated_id) {
            (Some(group), Some(id)) => mask.append_run(rows, keeps([group, id])?),
            (Some(group), None) => {
                append(mask, rows, id_codes.iter().map(|id| [group, *id]), keeps)?;
            }
            (None, Some(id)) => {
                append(mask, rows, group_codes.iter().map(|group| [*group, id]), keeps)?;
            }
            (None, None) => {
                let codes = group_codes.iter().zip(id_codes);
                append(mask, rows, codes.map(|(group, id)| [*group, *id]), keeps)?;
            }
        }
        self.runs += runs;
        self.last = last.map(|(codes, keeps)| (tables, codes, keeps));
        Ok(())
    }
}

/// Decides rows one by one.
fn append(
    mask: &mut Mask,
    rows: usize,
    codes: impl Iterator<Item = [u32; 2]>,
    mut keeps: impl FnMut([u32; 2]) -> Result<bool>,
) -> Result<()> {
    let mut codes = codes.take(rows);
    let mut left = rows;
    while left > 0 {
        let count = left.min(64);
        let mut bits = 0;
        for (at, codes) in codes.by_ref().take(count).enumerate() {
            bits |= u64::from(keeps(codes)?) << at;
        }
        mask.append(bits, count);
        left -= count;
    }
    Ok(())
}
