//! Timestamps with the decimals that services are used to.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, TimestampSecondType};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use taploom_encoder::{ColumnMetadata, Error, ErrorKind, Result, ResultSchema};
use taploom_stream::RowSource;

/// A source whose timestamps have milliseconds at least: `2025-05-23T17:00:35.000` also where the
/// database keeps whole seconds. More decimals stay.
pub(crate) struct Milliseconds<S> {
    inner: S,
    schema: ResultSchema,
    seconds: Vec<usize>,
}

impl<S: RowSource> Milliseconds<S> {
    /// `columns` describe the columns of the source, by position.
    pub(crate) fn new(inner: S, columns: Vec<ColumnMetadata>) -> Result<Self> {
        let given = inner.schema().arrow();
        let is_seconds =
            |field: &Field| matches!(field.data_type(), DataType::Timestamp(TimeUnit::Second, _));
        let fields = given.fields().iter().enumerate();
        let seconds: Vec<usize> =
            fields.filter(|(_, field)| is_seconds(field)).map(|(index, _)| index).collect();
        let schema = match seconds.as_slice() {
            [] => inner.schema().clone(),
            _ => ResultSchema::new(with_milliseconds(given), columns)?,
        };
        Ok(Self { inner, schema, seconds })
    }

    fn extend(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut arrays = batch.columns().to_vec();
        for &index in &self.seconds {
            if let Some(array) = arrays.get_mut(index) {
                *array = extended(array).ok_or_else(|| {
                    let message = "a timestamp is beyond what milliseconds can count";
                    let column = self.schema.columns().get(index);
                    Error::new(ErrorKind::InvalidValue, message)
                        .with_column(column.map_or("", |column| column.name()))
                })?;
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(self.schema.arrow());
        RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|cause| {
            Error::new(ErrorKind::Internal, "timestamps contradict the schema").with_source(cause)
        })
    }
}

fn with_milliseconds(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(TimeUnit::Second, zone) => {
            let data_type = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
            Arc::new(field.as_ref().clone().with_data_type(data_type))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// `None` where a value does not fit.
fn extended(array: &ArrayRef) -> Option<ArrayRef> {
    let seconds = array.as_primitive_opt::<TimestampSecondType>()?;
    let milliseconds = seconds
        .try_unary::<_, TimestampMillisecondType, ()>(|value| value.checked_mul(1000).ok_or(()));
    Some(Arc::new(milliseconds.ok()?.with_timezone_opt(seconds.timezone())))
}

#[async_trait]
impl<S: RowSource> RowSource for Milliseconds<S> {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match self.inner.next_batch().await? {
            Some(batch) if !self.seconds.is_empty() => self.extend(&batch).map(Some),
            next => Ok(next),
        }
    }

    fn overflowed(&self) -> bool {
        self.inner.overflowed()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.inner.rows_hint()
    }
}
