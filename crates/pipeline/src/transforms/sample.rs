//! All rows of the first ids of every group.

use arrow_array::RecordBatch;
use arrow_select::filter::filter_record_batch;
use taploom_expressions::{FirstIdsFilter, SampleCounts};
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use crate::transform::{Flow, Transform};

/// Passes on all rows of the first `n` ids of every group, in their order.
///
/// The ids of a group are counted as they appear. Rows of an id that was among the first stay, wherever they come;
/// groups and ids need not be sorted. Both columns may have any type. Null is a value like others: rows without a group
/// are a group, and null is an id. Floats are compared as SQL does: zero is minus zero, and NaN is NaN.
///
/// # Memory
/// Memory grows only with the number of kept pairs of group and id, which is at most the number of groups
/// times `n`. Other rows and ids need none. A group takes 5 bytes and each of its ids 4 to 8 (9 to 18 for an
/// `n` above 16). Each distinct group and each distinct kept id takes 6 to 12 bytes and its value, and 8 more
/// if it is not a number. While a table grows, it is held twice.
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
/// // All but the third row: star 3 is the third star of field a.
/// let rows = futures::executor::block_on(source.next())?.rows().unwrap();
/// assert_eq!(rows.num_rows(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sample {
    schema: ResultSchema,
    filter: FirstIdsFilter,
}

impl Sample {
    /// Keeps the first `n` ids (in the column at position `id`) of every group (in the column at position
    /// `group`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] naming the column if it does not exist or can't be compared (a map or a union).
    pub fn new(schema: &ResultSchema, group: usize, id: usize, n: u32) -> Result<Self> {
        let filter = FirstIdsFilter::new(schema, group, id, n)?;
        Ok(Self { schema: schema.clone(), filter })
    }

    /// The numbers of groups, ids and rows seen so far.
    pub fn counts(&self) -> SampleCounts {
        self.filter.counts()
    }
}

impl Transform for Sample {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        let kept = self.filter.evaluate(&batch)?;
        Ok(Flow::More(match kept.true_count() {
            0 => batch.slice(0, 0),
            all if all == batch.num_rows() => batch,
            _ => filter_record_batch(&batch, &kept).map_err(|cause| {
                Error::new(ErrorKind::Internal, "can't sample the rows").with_source(cause)
            })?,
        }))
    }

    /// The number of rows of the kept ids is not known in advance.
    fn rows_hint(&self, _rows_in: Option<u64>) -> Option<u64> {
        None
    }
}
