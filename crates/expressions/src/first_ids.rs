//! All rows of the first ids of every group.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBufferBuilder;
use sqlparser::ast::Ident;
use taploom_model::{Result, ResultSchema};

pub use self::kept_pairs::KeptPairs;
pub use self::keys::{Key, KeyReader, Keys};

use crate::names::column;

mod id_lists;
mod interner;
mod kept_pairs;
mod keys;

/// A sample: all rows of the first ids of every group.
///
/// The ids of a group count in the order in which they first appear. All rows of the first ids are kept,
/// wherever they are; groups and ids need not be sorted. Both columns may have any type but a map or a
/// union. Null counts as a value: rows without a group are a group, and null is an id. Floats are compared as
/// in SQL: zero equals minus zero, and NaN equals NaN.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_expressions::FirstIds;
/// use taploom_model::ResultSchema;
///
/// let field = |name| Field::new(name, DataType::Int64, true);
/// let schema = ResultSchema::derived(Arc::new(Schema::new(vec![field("field"), field("star")])));
/// assert_eq!(FirstIds::new("field", "STAR", 10).bind(&schema)?, (0, 1));
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FirstIds {
    /// The column of the groups.
    pub group: String,
    /// The column of the ids.
    pub id: String,
    /// Number of ids that are kept per group.
    pub number: u32,
}

impl FirstIds {
    /// Keeps the first `number` ids (of column `id`) of every group (of column `group`).
    pub fn new(group: impl Into<String>, id: impl Into<String>, number: u32) -> Self {
        Self { group: group.into(), id: id.into(), number }
    }

    /// The positions of the columns of the groups and of the ids. Names are resolved as in a
    /// [`SelectList`](crate::SelectList).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if a column does not exist.
    pub fn bind(&self, schema: &ResultSchema) -> Result<(usize, usize)> {
        let position = |what, name: &str| column(what, &Ident::new(name), schema.columns());
        Ok((
            position("column of the groups", &self.group)?,
            position("column of the ids", &self.id)?,
        ))
    }
}

/// Chooses the rows of [`FirstIds`] from consecutive batches.
///
/// # Memory
/// [`KeptPairs`], and the keys of one batch.
///
/// # Speed
/// The group and the id are looked up once for each run of rows that have the same ones.
#[derive(Debug)]
pub struct FirstIdsFilter {
    group: KeyReader,
    id: KeyReader,
    kept: KeptPairs,
    /// The latest decision. It can be reused because decisions never change.
    last: Option<(OwnedKey, OwnedKey, bool)>,
    rows: u64,
    rows_kept: u64,
    runs: u64,
}

/// Counts of what a sample has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleCounts {
    /// Rows that came in.
    pub rows: u64,
    /// Rows that were kept.
    pub rows_kept: u64,
    /// Runs of rows with the same group and the same id.
    pub runs: u64,
    /// Groups.
    pub groups: u64,
    /// Pairs of a group and an id that are kept.
    pub ids_kept: u64,
}

impl FirstIdsFilter {
    /// Keeps the first `number` ids (in the column at position `id`) of every group (in the column at
    /// position `group`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) naming the column if it does not exist
    /// or can't be compared (a map or a union).
    pub fn new(schema: &ResultSchema, group: usize, id: usize, number: u32) -> Result<Self> {
        Ok(Self {
            group: KeyReader::of_column(schema, group)?,
            id: KeyReader::of_column(schema, id)?,
            kept: KeptPairs::new(number),
            last: None,
            rows: 0,
            rows_kept: 0,
            runs: 0,
        })
    }

    /// What has been seen so far.
    pub fn counts(&self) -> SampleCounts {
        SampleCounts {
            rows: self.rows,
            rows_kept: self.rows_kept,
            runs: self.runs,
            groups: self.kept.groups(),
            ids_kept: self.kept.pairs(),
        }
    }

    /// Which rows of the next batch are kept.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`](taploom_model::ErrorKind::SchemaMismatch) if the batch has other columns than the
    /// schema, and the errors of [`KeptPairs`].
    pub fn evaluate(&mut self, batch: &RecordBatch) -> Result<BooleanArray> {
        let (groups, ids) = (self.group.of_batch(batch)?, self.id.of_batch(batch)?);
        let rows = batch.num_rows();
        let mut kept = BooleanBufferBuilder::new(rows);
        let mut start = 0;
        while start < rows {
            let mut end = start + 1;
            while end < rows && groups.is_same(start, end) && ids.is_same(start, end) {
                end += 1;
            }
            let keeps = self.keeps(groups.key(start), ids.key(start))?;
            kept.append_n(end - start, keeps);
            self.runs += 1;
            self.rows_kept += if keeps { (end - start) as u64 } else { 0 };
            start = end;
        }
        self.rows += rows as u64;
        Ok(BooleanArray::new(kept.finish(), None))
    }

    fn keeps(&mut self, group: Key<'_>, id: Key<'_>) -> Result<bool> {
        if let Some((last_group, last_id, keeps)) = &self.last
            && last_group.as_key() == group
            && last_id.as_key() == id
        {
            return Ok(*keeps);
        }
        let number = self.kept.group(group)?;
        let keeps = self.kept.decide(number, id)?;
        self.last = Some((OwnedKey::of(group), OwnedKey::of(id), keeps));
        Ok(keeps)
    }
}

/// A key that does not borrow from its batch.
#[derive(Debug)]
enum OwnedKey {
    Null,
    Word(u64),
    Bytes(Box<[u8]>),
}

impl OwnedKey {
    fn of(key: Key<'_>) -> Self {
        match key {
            Key::Null => Self::Null,
            Key::Word(word) => Self::Word(word),
            Key::Bytes(bytes) => Self::Bytes(bytes.into()),
        }
    }

    fn as_key(&self) -> Key<'_> {
        match self {
            Self::Null => Key::Null,
            Self::Word(word) => Key::Word(*word),
            Self::Bytes(bytes) => Key::Bytes(bytes),
        }
    }
}
