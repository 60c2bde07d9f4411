//! All rows of the first ids of every group.

use std::collections::HashSet;

use ahash::RandomState;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBufferBuilder;
use arrow_select::filter::filter_record_batch;
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use self::interner::Interner;
use self::keys::{Key, KeyReader, Keys};
use crate::transform::{Flow, Transform};

mod interner;
mod keys;

/// Passes on all rows of the first `n` ids of every group, in their order.
///
/// The ids of a group are counted as they appear. Rows of an id that was among the first stay, wherever they come;
/// groups and ids need not be sorted. Both columns may have any type. Null is a value like others: rows without a group
/// are a group, and null is an id. Floats are compared as SQL does: zero is minus zero, and NaN is NaN.
///
/// # Memory
/// It grows with the kept pairs of group and id alone, of which there are at most groups times `n`, however many rows and
/// other ids there are: a kept pair takes 9 to 18 bytes in a table, and each distinct group and kept id takes some 20 to
/// 40 bytes and its value. A table that grows is held twice for a moment.
///
/// # Speed
/// The group and the id are looked up once for each run of rows that have the same ones.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
/// use taploom_model::{BatchSource, ResultSchema, RowSource};
/// use taploom_pipeline::{Sample, Transformed};
///
/// let batch = RecordBatch::try_from_iter([
///     ("field", Arc::new(StringArray::from(vec!["a", "a", "a", "b", "a"])) as ArrayRef),
///     ("star", Arc::new(Int64Array::from(vec![1, 2, 3, 3, 1])) as ArrayRef),
/// ])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let sample = Sample::new(source.schema(), 0, 1, 2)?;
/// let mut source = Transformed::new(source, sample);
/// // All but the third row: star 3 is the third of field a.
/// let rows = futures::executor::block_on(source.next())?.rows().unwrap();
/// assert_eq!(rows.num_rows(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sample {
    schema: ResultSchema,
    /// How many columns come out, from the first on.
    columns: usize,
    group: KeyReader,
    id: KeyReader,
    /// Ids that are kept of each group.
    most: u32,
    groups: Interner,
    ids: Interner,
    /// Numbers of ids that are kept, by the number of the group.
    counts: Vec<u32>,
    /// Kept pairs: the number of the group, and the number of the id.
    kept: HashSet<(u32, u32), RandomState>,
    /// What was decided last. A decision never changes.
    last: Option<(Key, Key, bool)>,
    counters: SampleCounts,
}

/// What a [`Sample`] has seen.
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

impl Sample {
    /// The first `n` ids, in the column at position `id`, of every group, in the column at position `group`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] naming the column if it does not exist or can't be compared (a map or a union).
    pub fn new(schema: &ResultSchema, group: usize, id: usize, n: u32) -> Result<Self> {
        Ok(Self {
            schema: schema.clone(),
            columns: schema.columns().len(),
            group: KeyReader::new(schema, group)?,
            id: KeyReader::new(schema, id)?,
            most: n,
            groups: Interner::default(),
            ids: Interner::default(),
            counts: Vec::new(),
            kept: HashSet::default(),
            last: None,
            counters: SampleCounts::default(),
        })
    }

    /// Leaves out the last columns, which are there for their keys alone.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if there are not so many.
    pub fn without_last(mut self, columns: usize) -> Result<Self> {
        let kept = self.columns.checked_sub(columns).ok_or_else(|| {
            let message = format!("{columns} of {} columns can't be left out", self.columns);
            Error::new(ErrorKind::InvalidRequest, message)
        })?;
        let picked = (0..kept).map(|column| (column, None)).collect();
        self.schema = taploom_expressions::Projection::new(&self.schema, picked)?.schema().clone();
        self.columns = kept;
        Ok(self)
    }

    /// What has been seen so far.
    pub fn counts(&self) -> SampleCounts {
        let (groups, ids_kept) = (self.counts.len() as u64, self.kept.len() as u64);
        SampleCounts { groups, ids_kept, ..self.counters }
    }

    /// Which rows of some keys are kept.
    fn decide(&mut self, groups: &Keys, ids: &Keys, rows: usize) -> Result<BooleanArray> {
        let mut kept = BooleanBufferBuilder::new(rows);
        let mut start = 0;
        while start < rows {
            let mut end = start + 1;
            while end < rows && groups.is_same(start, end) && ids.is_same(start, end) {
                end += 1;
            }
            let keeps = self.keeps(groups, ids, start)?;
            kept.append_n(end - start, keeps);
            self.counters.runs += 1;
            start = end;
        }
        Ok(BooleanArray::new(kept.finish(), None))
    }

    fn keeps(&mut self, groups: &Keys, ids: &Keys, row: usize) -> Result<bool> {
        if let Some((group, id, keeps)) = &self.last
            && groups.is(row, group)
            && ids.is(row, id)
        {
            return Ok(*keeps);
        }
        let (group, id) = (groups.key(row), ids.key(row));
        let number = self.groups.number_of(&group)?;
        let at = number as usize;
        if at == self.counts.len() {
            self.counts.push(0);
        }
        let is_full = self.counts.get(at).is_none_or(|count| *count >= self.most);
        // An id that is not kept leaves no trace.
        let known = if is_full { self.ids.known(&id) } else { Some(self.ids.number_of(&id)?) };
        let keeps = match known {
            None => false,
            Some(id) if is_full => self.kept.contains(&(number, id)),
            Some(id) => {
                if self.kept.insert((number, id))
                    && let Some(count) = self.counts.get_mut(at)
                {
                    *count += 1;
                }
                true
            }
        };
        self.last = Some((group, id, keeps));
        Ok(keeps)
    }
}

impl Transform for Sample {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        let internal =
            |cause| Error::new(ErrorKind::Internal, "can't sample the rows").with_source(cause);
        let (groups, ids) = (self.group.keys(&batch)?, self.id.keys(&batch)?);
        let rows = batch.num_rows();
        let kept = self.decide(&groups, &ids, rows)?;
        let batch = match self.columns < batch.num_columns() {
            true => batch.project(&(0..self.columns).collect::<Vec<_>>()).map_err(internal)?,
            false => batch,
        };
        let batch = match kept.true_count() {
            0 => batch.slice(0, 0),
            all if all == rows => batch,
            _ => filter_record_batch(&batch, &kept).map_err(internal)?,
        };
        self.counters.rows += rows as u64;
        self.counters.rows_kept += batch.num_rows() as u64;
        Ok(Flow::More(batch))
    }

    /// How many rows the ids have is not known before.
    fn rows_hint(&self, _rows_in: Option<u64>) -> Option<u64> {
        None
    }
}
