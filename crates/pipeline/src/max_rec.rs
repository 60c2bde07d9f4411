//! MAXREC: at most so many rows.

use async_trait::async_trait;
use taploom_format::{Ending, Result, ResultSchema, RowSource, Step};

/// Cuts a source to at most so many rows; DALI 1.1, 3.4.4.
///
/// It overflows only where rows were really left out: it looks one row ahead. With a limit of 0 it
/// reads nothing, gives no rows and overflows, so that a client gets the metadata alone.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_format::ResultSchema;
/// use taploom_pipeline::{BatchSource, Ending, MaxRec, RowSource, Step};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = MaxRec::new(BatchSource::new(schema, vec![Ok(batch)].into_iter()), 2);
/// futures::executor::block_on(async {
///     assert_eq!(source.next().await?.rows().unwrap().num_rows(), 2);
///     assert_eq!(source.next().await?, Step::End(Ending::default().with_overflow(true)));
///     Ok::<(), taploom_format::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MaxRec<S> {
    inner: S,
    limit: u64,
    left: u64,
    /// The ending, once it is known.
    ending: Option<Ending>,
}

impl<S: RowSource> MaxRec<S> {
    /// At most `limit` rows of `inner`.
    pub fn new(inner: S, limit: u64) -> Self {
        let nothing = (limit == 0).then(|| Ending::default().with_overflow(true));
        Self { inner, limit, left: limit, ending: nothing }
    }
}

#[async_trait]
impl<S: RowSource> RowSource for MaxRec<S> {
    fn schema(&self) -> &ResultSchema {
        self.inner.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        loop {
            if let Some(ending) = &self.ending {
                return Ok(Step::End(ending.clone()));
            }
            let batch = match self.inner.next().await? {
                Step::Rows(batch) => batch,
                Step::End(ending) => {
                    self.ending = Some(ending);
                    continue;
                }
            };
            let rows = batch.num_rows() as u64;
            if rows > self.left {
                self.ending = Some(Ending::default().with_overflow(true));
                let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                if left > 0 {
                    return Ok(Step::Rows(batch.slice(0, left)));
                }
                continue;
            }
            self.left -= rows;
            // An empty batch says nothing about whether more rows follow.
            if rows > 0 {
                return Ok(Step::Rows(batch));
            }
        }
    }

    fn rows_hint(&self) -> Option<u64> {
        self.inner.rows_hint().map(|rows| rows.min(self.limit))
    }
}
