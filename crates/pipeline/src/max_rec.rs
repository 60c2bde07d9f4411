//! MAXREC: at most so many rows.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use taploom_format::{Result, ResultSchema};

use taploom_model::RowSource;

/// Cuts a source to at most so many rows; DALI 1.1, 3.4.4.
///
/// It overflows only where rows were really left out: it looks one row ahead. With a limit of 0 it
/// reads nothing, gives no rows and overflows, so that a client gets the metadata alone.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_format::ResultSchema;
/// use taploom_pipeline::{BatchSource, MaxRec, RowSource};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = MaxRec::new(BatchSource::new(schema, vec![Ok(batch)].into_iter()), 2);
/// futures::executor::block_on(async {
///     assert_eq!(source.next_batch().await?.unwrap().num_rows(), 2);
///     assert!(source.next_batch().await?.is_none());
///     assert!(source.overflowed());
///     Ok::<(), taploom_format::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MaxRec<S> {
    inner: S,
    limit: u64,
    left: u64,
    done: bool,
    overflowed: bool,
}

impl<S: RowSource> MaxRec<S> {
    /// At most `limit` rows of `inner`.
    pub fn new(inner: S, limit: u64) -> Self {
        Self { inner, limit, left: limit, done: limit == 0, overflowed: limit == 0 }
    }
}

#[async_trait]
impl<S: RowSource> RowSource for MaxRec<S> {
    fn schema(&self) -> &ResultSchema {
        self.inner.schema()
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.done {
            let Some(batch) = self.inner.next_batch().await? else {
                self.done = true;
                self.overflowed = self.inner.overflowed();
                break;
            };
            let rows = batch.num_rows() as u64;
            if rows > self.left {
                self.done = true;
                self.overflowed = true;
                let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                return Ok((left > 0).then(|| batch.slice(0, left)));
            }
            self.left -= rows;
            // An empty batch says nothing about whether more rows follow.
            if rows > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn overflowed(&self) -> bool {
        self.overflowed
    }

    fn rows_hint(&self) -> Option<u64> {
        self.inner.rows_hint().map(|rows| rows.min(self.limit))
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }
}
