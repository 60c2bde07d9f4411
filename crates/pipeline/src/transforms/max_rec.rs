//! MAXREC: a limit on the number of rows.

use arrow_array::RecordBatch;
use taploom_model::{Ending, Result, ResultSchema};

use crate::transform::{Flow, Transform};

/// Limits the number of rows (DALI 1.1, 3.4.4).
///
/// The result overflows only if rows were really left out: the limit reads on after its last row
/// until it sees one more row or the end. A limit of 0 reads nothing, gives no rows and overflows, so
/// that a client gets the metadata only.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_model::{BatchSource, Ending, ResultSchema, RowSource, Step};
/// use taploom_pipeline::{MaxRec, Transformed};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let limit = MaxRec::new(source.schema(), 2);
/// let mut source = Transformed::new(source, limit);
/// futures::executor::block_on(async {
///     assert_eq!(source.next().await?.rows().unwrap().num_rows(), 2);
///     assert_eq!(source.next().await?, Step::End(Ending::default().with_overflow(true)));
///     Ok::<(), taploom_model::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MaxRec {
    schema: ResultSchema,
    limit: u64,
    left: u64,
    overflowed: bool,
}

impl MaxRec {
    /// Limits rows of this schema to `limit`.
    pub fn new(schema: &ResultSchema, limit: u64) -> Self {
        Self { schema: schema.clone(), limit, left: limit, overflowed: limit == 0 }
    }
}

impl Transform for MaxRec {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        let rows = batch.num_rows() as u64;
        if rows <= self.left {
            self.left -= rows;
            return Ok(Flow::More(batch));
        }
        self.overflowed = true;
        // Always fits, because it is smaller than the number of rows of a batch.
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.left = 0;
        Ok(Flow::Last(batch.slice(0, left)))
    }

    fn wants_rows(&self) -> bool {
        self.limit > 0
    }

    fn end(&mut self, ending: Ending) -> Result<Ending> {
        let overflowed = ending.overflowed || self.overflowed;
        Ok(ending.with_overflow(overflowed))
    }

    fn rows_hint(&self, rows_in: Option<u64>) -> Option<u64> {
        rows_in.map(|rows| rows.min(self.limit))
    }
}
