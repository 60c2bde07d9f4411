//! Chooses columns.

use arrow_array::RecordBatch;
use taploom_expressions::{Projection, SelectList};
use taploom_model::{Result, ResultSchema};

use crate::transform::{Flow, Transform};

/// Passes on some of the columns, reordered and renamed, with the metadata of their FIELDs. No cell is
/// copied.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_model::{BatchSource, ResultSchema, RowSource};
/// use taploom_pipeline::{Select, Transformed};
///
/// let column = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", column()), ("n", column())])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let select = Select::new(source.schema(), &"n AS count, id".parse()?)?;
/// let source = Transformed::new(source, select);
/// assert_eq!(source.schema().columns()[0].name(), "count");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Select {
    projection: Projection,
}

impl Select {
    /// Passes on the columns of `list`.
    ///
    /// # Errors
    /// As [`SelectList::bind`].
    pub fn new(schema: &ResultSchema, list: &SelectList) -> Result<Self> {
        list.bind(schema).map(Self::from)
    }
}

impl From<Projection> for Select {
    fn from(projection: Projection) -> Self {
        Self { projection }
    }
}

impl Transform for Select {
    fn schema(&self) -> &ResultSchema {
        self.projection.schema()
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        self.projection.apply(&batch).map(Flow::More)
    }
}
