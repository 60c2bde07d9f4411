//! Checks whether a batch belongs to its result.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;

use crate::column::Column;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ResultSchema;

/// Checks that every batch of a result has the schema of the result, and no null where the schema
/// allows none.
///
/// [`CanonicalRows`](crate::CanonicalRows) does this before it converts a batch. Formats that take
/// batches as they come use only this check.
#[derive(Debug)]
pub struct BatchCheck {
    schema: ResultSchema,
    last_seen: Option<SchemaRef>,
    rows: u64,
}

impl BatchCheck {
    /// A check for the batches of a result.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the result has no columns.
    pub fn new(schema: &ResultSchema) -> Result<Self> {
        if schema.columns().is_empty() {
            let message = "the result has no columns; a table needs at least one";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(Self { schema: schema.clone(), last_seen: None, rows: 0 })
    }

    /// The same check for the batches of another result with the same schema.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { schema: self.schema.clone(), last_seen: None, rows: 0 }
    }

    /// Checks one batch and counts its rows.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] naming the column that differs from the schema, and the row of a
    /// cell that must not be null.
    pub fn admit(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check_schema(batch)?;
        self.check_nulls(batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn check_nulls(&self, batch: &RecordBatch) -> Result<()> {
        let fields = self.schema.arrow().fields().iter().zip(self.schema.columns());
        for ((field, column), array) in fields.zip(batch.columns()) {
            if field.is_nullable() || array.logical_null_count() == 0 {
                continue;
            }
            let nulls = array.logical_nulls();
            let row = nulls.and_then(|nulls| nulls.iter().position(|valid| !valid));
            return Err(Error::new(
                ErrorKind::SchemaMismatch,
                "a cell is null, although the schema excludes nulls in this column",
            )
            .with_column(column.name())
            .with_row(self.rows + 1 + row.unwrap_or(0) as u64));
        }
        Ok(())
    }

    fn check_schema(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema_ref();
        if self.last_seen.as_ref().is_some_and(|last| Arc::ptr_eq(last, schema)) {
            return Ok(());
        }
        let mismatch = |message: String| Error::new(ErrorKind::SchemaMismatch, message);
        let row = self.rows + 1;
        let given = self.schema.arrow().fields();
        if schema.fields().len() != given.len() {
            let (got, want) = (schema.fields().len(), given.len());
            let odd = if got > want { schema.field(want) } else { &given[got] };
            return Err(mismatch(format!("a batch has {got} columns and the result {want}"))
                .with_column(odd.name())
                .with_row(row));
        }
        for (index, (field, given)) in schema.fields().iter().zip(given).enumerate() {
            let name = self.schema.columns().get(index).map_or("", Column::name);
            if field.data_type() != given.data_type() {
                return Err(mismatch(format!(
                    "a batch has Arrow type {} where the result has {}",
                    field.data_type(),
                    given.data_type()
                ))
                .with_column(name)
                .with_row(row));
            }
            // The first batch may have other names than the schema. In later batches, a new name means a
            // different column.
            if let Some(last) = &self.last_seen
                && last.field(index).name() != field.name()
            {
                return Err(mismatch(format!(
                    "a batch calls the column {:?} that was {:?} before",
                    field.name(),
                    last.field(index).name()
                ))
                .with_column(name)
                .with_row(row));
            }
        }
        self.last_seen = Some(Arc::clone(schema));
        Ok(())
    }
}
