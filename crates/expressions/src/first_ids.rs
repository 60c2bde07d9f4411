//! All rows of the first ids of every group.

use std::collections::HashSet;

use ahash::RandomState;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBufferBuilder;
use sqlparser::ast::Ident;
use taploom_model::{Result, ResultSchema};

pub use self::keys::{Key, KeyReader, Keys};

use self::interner::Interner;
use crate::names::column;

mod interner;
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
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) naming the column if it does not exist or
    /// can't be compared (a map or a union).
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

/// The pairs of group and id that are kept.
///
/// Groups and kept ids are numbered from 0. Other ids are not stored. A decision never changes: a kept pair
/// stays, and a pair is refused only when its group has all its ids.
///
/// # Memory
/// Memory grows only with the number of kept pairs, which is at most the number of groups times `number`.
/// Other rows and ids need none. A kept pair takes 9 to 18 bytes in a table, and each distinct group and
/// kept id takes 20 to 40 bytes and its value. While the table grows, it is held twice.
#[derive(Debug)]
pub struct KeptPairs {
    /// Maximum number of ids that are kept per group.
    most: u32,
    groups: Interner,
    ids: Interner,
    /// Number of kept ids of each group.
    counts: Vec<u32>,
    /// Kept pairs: the number of the group in the upper 32 bits, and the number of the id in the lower
    /// ones.
    kept: HashSet<u64, RandomState>,
}

impl KeptPairs {
    /// Starts without pairs; each group will have at most `number`.
    pub fn new(number: u32) -> Self {
        Self {
            most: number,
            groups: Interner::default(),
            ids: Interner::default(),
            counts: Vec::new(),
            kept: HashSet::default(),
        }
    }

    /// The number of a group; a new group gets the next one.
    ///
    /// # Errors
    /// [`ErrorKind::Resources`](taploom_model::ErrorKind::Resources) for more than 2^32 - 1 groups.
    pub fn group(&mut self, key: Key<'_>) -> Result<u32> {
        let number = self.groups.number_of(key)?;
        if number as usize == self.counts.len() {
            self.counts.push(0);
        }
        Ok(number)
    }

    /// The number of an id, if any group keeps it.
    pub fn known_id(&self, key: Key<'_>) -> Option<u32> {
        self.ids.known(key)
    }

    /// How many ids are numbered. While this is unchanged, an id that [`known_id`](Self::known_id) did not
    /// find is still unknown.
    pub fn known_ids(&self) -> u32 {
        self.ids.count()
    }

    /// Whether a group has all its ids, so that it takes no new ones.
    pub fn is_full(&self, group: u32) -> bool {
        self.counts.get(group as usize).is_none_or(|count| *count >= self.most)
    }

    /// Whether to keep the rows with this group (by its number) and this id. Keeps the pair if it is new
    /// and the group is not full.
    ///
    /// # Errors
    /// [`ErrorKind::Resources`](taploom_model::ErrorKind::Resources) for more than 2^32 - 1 kept ids.
    pub fn decide(&mut self, group: u32, id: Key<'_>) -> Result<bool> {
        if self.is_full(group) {
            return Ok(self.known_id(id).is_some_and(|id| self.contains(group, id)));
        }
        let id = self.ids.number_of(id)?;
        Ok(self.decide_known(group, id))
    }

    /// As [`decide`](Self::decide), for an id whose number is known.
    pub fn decide_known(&mut self, group: u32, id: u32) -> bool {
        if self.is_full(group) {
            return self.contains(group, id);
        }
        if self.kept.insert(pair(group, id))
            && let Some(count) = self.counts.get_mut(group as usize)
        {
            *count += 1;
        }
        true
    }

    /// Groups so far.
    pub fn groups(&self) -> u64 {
        self.counts.len() as u64
    }

    /// Kept pairs so far.
    pub fn pairs(&self) -> u64 {
        self.kept.len() as u64
    }

    fn contains(&self, group: u32, id: u32) -> bool {
        self.kept.contains(&pair(group, id))
    }
}

fn pair(group: u32, id: u32) -> u64 {
    u64::from(group) << 32 | u64::from(id)
}
