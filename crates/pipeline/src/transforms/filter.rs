//! Passes on the rows that meet a condition.

use arrow_array::RecordBatch;
use taploom_expressions::{Condition, Predicate};
use taploom_model::{Result, ResultSchema};

use crate::transform::{Flow, Transform};

/// Passes on the rows for which a condition is true.
///
/// A batch comes out with fewer rows than it came in with, or not at all. A [`Coalesce`](crate::Coalesce) after it
/// puts small batches together.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_model::{BatchSource, ResultSchema, RowSource};
/// use taploom_pipeline::{Filter, Transformed};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let filter = Filter::new(source.schema(), &"id % 2 = 1".parse()?)?;
/// let mut source = Transformed::new(source, filter);
/// let rows = futures::executor::block_on(source.next())?.rows().unwrap();
/// assert_eq!(rows.num_rows(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    schema: ResultSchema,
    predicate: Predicate,
    /// Number of rows in all earlier batches, for row numbers in errors.
    rows: u64,
}

impl Filter {
    /// Passes on the rows that meet `condition`.
    ///
    /// # Errors
    /// As [`Condition::bind`].
    pub fn new(schema: &ResultSchema, condition: &Condition) -> Result<Self> {
        Ok(Self { schema: schema.clone(), predicate: condition.bind(schema)?, rows: 0 })
    }
}

impl Transform for Filter {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        let filtered = self.predicate.filter(&batch).map_err(|error| match error.row() {
            Some(row) => error.with_row(self.rows + row),
            None => error,
        });
        self.rows += batch.num_rows() as u64;
        filtered.map(Flow::More)
    }

    /// The number of rows that meet the condition is not known in advance.
    fn rows_hint(&self, _rows_in: Option<u64>) -> Option<u64> {
        None
    }
}
