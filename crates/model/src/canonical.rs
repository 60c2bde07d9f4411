//! Batches in the Arrow types that carry the datatypes of VOTable.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{Field, Schema};

use crate::batch_check::BatchCheck;
use crate::column::Column;
use crate::convert::{convert, is_carried};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ResultSchema;
use crate::vo_type::VoType;

/// Checks every batch against the schema of the result and converts its columns to the Arrow types
/// that carry their VOTable datatypes: Boolean, UInt8, Int16, Int32, Int64, Float32, Float64, Utf8,
/// and List of one of them ([`VoType::carrier`]).
///
/// A format therefore has eight types of element to write, as single values or in lists, whatever the
/// source gives: views, dictionaries, large strings, timestamps (which become text in UTC with the digits
/// of their unit), decimals, nested lists, bytes. Lists are flat and have as many elements as the
/// arraysize says; a null list has no elements, and elements may be null. A column that has the right
/// type already is passed on without a copy.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
/// use arrow_schema::DataType;
/// use taploom_model::{CanonicalRows, ResultSchema};
///
/// let ids = Arc::new(UInt32Array::from(vec![1, 2])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let mut rows = CanonicalRows::new(&ResultSchema::derived(batch.schema()))?;
/// assert_eq!(rows.convert(&batch)?.column(0).data_type(), &DataType::Int64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CanonicalRows {
    schema: ResultSchema,
    types: Vec<VoType>,
    check: BatchCheck,
    rows: u64,
}

impl CanonicalRows {
    /// Chooses the conversion of every column.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming the first column that has no VOTable type, and
    /// [`ErrorKind::InvalidRequest`] if there are no columns.
    pub fn new(schema: &ResultSchema) -> Result<Self> {
        let names: Vec<&str> = schema.columns().iter().map(Column::name).collect();
        Self::with_names(schema, &names)
    }

    /// The same with other names for the columns of the converted batches, for formats whose names must
    /// be unique. Errors use the names of the result.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_names(schema: &ResultSchema, names: &[impl AsRef<str>]) -> Result<Self> {
        let check = BatchCheck::new(schema)?;
        let mut fields = Vec::with_capacity(schema.columns().len());
        let mut types = Vec::with_capacity(schema.columns().len());
        let given = schema.columns().iter().zip(schema.arrow().fields());
        for ((column, field), name) in given.zip(names) {
            let vo_type = column.vo_type()?;
            fields.push(Field::new(name.as_ref(), vo_type.carrier(), field.is_nullable()));
            types.push(vo_type.clone());
        }
        Ok(Self { schema: schema.carried_in(Arc::new(Schema::new(fields))), types, check, rows: 0 })
    }

    /// The columns in the types that carry them.
    pub fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    /// The number of rows converted so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Checks and converts one batch.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] naming the column that differs from the schema, and
    /// [`ErrorKind::InvalidValue`] naming column and row of a cell that does not fit its datatype.
    pub fn convert(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        self.check.admit(batch)?;
        let columns = batch
            .columns()
            .iter()
            .zip(&self.types)
            .zip(self.schema.columns())
            .map(|((array, vo_type), column)| match is_carried(array, vo_type) {
                true => Ok(Arc::clone(array)),
                false => convert(array, vo_type)
                    .map_err(|cause| self.culprit(array, vo_type, column, cause)),
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(self.schema.arrow());
        let converted = RecordBatch::try_new_with_options(schema, columns, &options);
        let converted = converted.map_err(|cause| {
            Error::new(ErrorKind::Internal, "a batch contradicts its schema").with_source(cause)
        })?;
        self.rows += batch.num_rows() as u64;
        Ok(converted)
    }

    /// Finds the cell for which a conversion failed, and names it.
    fn culprit(&self, array: &ArrayRef, vo_type: &VoType, column: &Column, cause: Error) -> Error {
        for index in 0..array.len() {
            if let Err(cause) = convert(&array.slice(index, 1), vo_type) {
                let value = shown(array, index);
                let message = format!("{value} does not fit into {vo_type}");
                return Error::new(ErrorKind::InvalidValue, message)
                    .with_column(column.name())
                    .with_row(self.rows + 1 + index as u64)
                    .with_source(cause);
            }
        }
        cause.with_column(column.name())
    }
}

/// A cell for an error message. Long cells are cut.
fn shown(array: &ArrayRef, index: usize) -> String {
    const MOST: usize = 100;
    let value = array_value_to_string(array, index).ok();
    let value = value.filter(|value| !value.starts_with("ERROR"));
    let mut value = value.unwrap_or_else(|| "the value".to_owned());
    if let Some((end, _)) = value.char_indices().nth(MOST) {
        value.truncate(end);
        value.push('…');
    }
    value
}

#[cfg(test)]
mod tests;
