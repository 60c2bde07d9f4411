//! Where rows come from.

use crate::error::Result;
use crate::schema::ResultSchema;
use arrow_array::RecordBatch;
use async_trait::async_trait;

/// Gives the rows of one result, in order, batch by batch.
///
/// The schema is known before the first row. A source is read by one reader, hence `Send` alone.
/// Dropping it ends the query behind it.
///
/// What changes rows wraps a source: `MaxRec` of `taploom-pipeline` is one such.
#[async_trait]
pub trait RowSource: Send {
    /// The columns of every batch.
    fn schema(&self) -> &ResultSchema;

    /// The next rows; `None` after the last. May block the thread it is polled on, for a file or a
    /// computation: `encode_stream` of `taploom-pipeline` polls it where that does no harm.
    ///
    /// # Errors
    /// [`ErrorKind::Source`](taploom_model::ErrorKind::Source) where the rows stop coming,
    /// [`ErrorKind::InvalidValue`](taploom_model::ErrorKind::InvalidValue) naming column and row
    /// of a cell that does not fit. No more rows follow.
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>>;

    /// Whether rows were left out that would have followed the last; known once there are no more.
    fn overflowed(&self) -> bool {
        false
    }

    /// Rows in all, where that is known beforehand; for progress alone.
    fn rows_hint(&self) -> Option<u64> {
        None
    }

    /// What the input says and the rows and the schema do not carry, one thing a line, for people;
    /// complete once there are no more rows.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl RowSource for Box<dyn RowSource> {
    fn schema(&self) -> &ResultSchema {
        (**self).schema()
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        (**self).next_batch().await
    }

    fn overflowed(&self) -> bool {
        (**self).overflowed()
    }

    fn rows_hint(&self) -> Option<u64> {
        (**self).rows_hint()
    }

    fn notes(&self) -> Vec<String> {
        (**self).notes()
    }
}

/// A source over any iterator of batches: a file reader, a generator, a `Vec` in a test.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_model::{BatchSource, ResultSchema, RowSource};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = BatchSource::new(schema, vec![Ok(batch)].into_iter());
/// let first = futures::executor::block_on(source.next_batch())?;
/// assert_eq!(first.map(|batch| batch.num_rows()), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BatchSource<I> {
    schema: ResultSchema,
    batches: I,
    rows_hint: Option<u64>,
}

impl<I: Iterator<Item = Result<RecordBatch>> + Send> BatchSource<I> {
    /// A source of these batches.
    pub fn new(schema: ResultSchema, batches: I) -> Self {
        Self { schema, batches, rows_hint: None }
    }

    /// Says how many rows there are.
    #[must_use]
    pub fn with_rows_hint(mut self, rows: u64) -> Self {
        self.rows_hint = Some(rows);
        self
    }
}

#[async_trait]
impl<I: Iterator<Item = Result<RecordBatch>> + Send> RowSource for BatchSource<I> {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.batches.next().transpose()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }
}
