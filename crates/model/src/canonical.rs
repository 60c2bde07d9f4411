//! Batches in the Arrow types that carry the datatypes of VOTable.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};

use crate::arraysize::Extent;
use crate::arrow_type::Nesting;
use crate::batch_check::BatchCheck;
use crate::column::Column;
use crate::convert::{check_shape, convert, is_carried, is_kept, keep};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ResultSchema;
use crate::shown::shown_cell;
use crate::vo_type::VoType;

/// Checks every batch against the schema of the result and converts its columns to the Arrow types
/// that carry their VOTable datatypes: Boolean, UInt8, Int16, Int32, Int64, Float32, Float64, Utf8,
/// and List of one of them ([`VoType::carrier`]).
///
/// A format therefore has to write only eight types of element, as single values or in lists, whatever
/// types the source has: views, dictionaries, large strings, timestamps (which become text in UTC with
/// the digits of their unit), decimals, nested lists, bytes. Lists are flat and have as many elements as
/// the arraysize says; a null list has no elements, and elements may be null. A column that has the right
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
    targets: Arc<[Target]>,
    check: BatchCheck,
    rows: u64,
}

/// The target type of a column.
#[derive(Debug)]
enum Target {
    /// The Arrow type that carries a VOTable type.
    Carried(VoType),
    /// An Arrow type that the format holds.
    Kept {
        data_type: DataType,
        /// The VOTable type of lists whose metadata give a shape that the Arrow type leaves open.
        shape: Option<VoType>,
    },
}

impl CanonicalRows {
    /// Chooses the conversion of every column.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming the first column that has no VOTable type, and
    /// [`ErrorKind::InvalidRequest`] for a schema without columns.
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
        let carried = |column: &Column, field: &Field, name: &str| {
            let vo_type = column.vo_type()?.clone();
            let field = Field::new(name, vo_type.carrier(), field.is_nullable());
            Ok((field, Target::Carried(vo_type)))
        };
        Self::with_targets(schema, names, carried)
    }

    /// The same for a format that holds more Arrow types than the canonical ones. `holds` returns the type
    /// in which the format writes an Arrow type, usually the same one, or `None` if it has no such type.
    ///
    /// A column stays in such a type unless its metadata give a datatype: a datatype decides what is
    /// written. All other columns get their canonical types. Fields keep their metadata. Every list has to have the shape
    /// that an arraysize gives, in columns of both kinds.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// use taploom_model::{CanonicalRows, ResultSchema};
    ///
    /// let arrow = Schema::new(vec![Field::new("id", DataType::UInt64, true)]);
    /// let schema = ResultSchema::derived(Arc::new(arrow));
    /// let all = |given: &DataType| Some(given.clone());
    /// let rows = CanonicalRows::keeping(&schema, &["id"], all)?;
    /// assert_eq!(rows.schema().arrow().field(0).data_type(), &DataType::UInt64);
    /// # Ok::<(), taploom_model::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn keeping(
        schema: &ResultSchema,
        names: &[impl AsRef<str>],
        holds: impl Fn(&DataType) -> Option<DataType>,
    ) -> Result<Self> {
        Self::with_targets(schema, names, |column, field, name| {
            let is_declared = column.metadata().datatype.is_some();
            let (data_type, target) = match holds(field.data_type()).filter(|_| !is_declared) {
                Some(data_type) => {
                    let shape = given_shape(column);
                    (data_type.clone(), Target::Kept { data_type, shape })
                }
                None => {
                    let vo_type = column.vo_type()?.clone();
                    (vo_type.carrier(), Target::Carried(vo_type))
                }
            };
            Ok((field.clone().with_name(name).with_data_type(data_type), target))
        })
    }

    fn with_targets(
        schema: &ResultSchema,
        names: &[impl AsRef<str>],
        target: impl Fn(&Column, &Field, &str) -> Result<(Field, Target)>,
    ) -> Result<Self> {
        let check = BatchCheck::new(schema)?;
        let mut fields = Vec::with_capacity(schema.columns().len());
        let mut targets = Vec::with_capacity(schema.columns().len());
        let given = schema.columns().iter().zip(schema.arrow().fields());
        for ((column, field), name) in given.zip(names) {
            let (field, target) = target(column, field, name.as_ref())?;
            fields.push(field);
            targets.push(target);
        }
        Ok(Self {
            schema: schema.carried_in(Arc::new(Schema::new(fields))),
            targets: targets.into(),
            check,
            rows: 0,
        })
    }

    /// The same conversions for the rows of another result with the same schema.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int32Array, RecordBatch};
    /// use taploom_model::{CanonicalRows, ResultSchema};
    ///
    /// let batch = RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(vec![1])) as ArrayRef)])?;
    /// let mut rows = CanonicalRows::new(&ResultSchema::derived(batch.schema()))?;
    /// rows.convert(&batch)?;
    /// assert_eq!(rows.for_another().rows(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            targets: Arc::clone(&self.targets),
            check: self.check.for_another(),
            rows: 0,
        }
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
            .zip(&*self.targets)
            .zip(self.schema.columns())
            .map(|((array, target), column)| match target.is_met(array) {
                true => Ok(Arc::clone(array)),
                false => target
                    .convert(array)
                    .map_err(|cause| self.culprit(array, target, column, cause)),
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
    fn culprit(&self, array: &ArrayRef, target: &Target, column: &Column, cause: Error) -> Error {
        for index in 0..array.len() {
            if let Err(cause) = target.convert(&array.slice(index, 1)) {
                let value = shown_cell(array, index);
                let message = format!("{value} does not fit into {target}");
                return Error::new(ErrorKind::InvalidValue, message)
                    .with_column(column.name())
                    .with_row(self.rows + 1 + index as u64)
                    .with_source(cause);
            }
        }
        cause.with_column(column.name())
    }
}

/// The type of a column of lists, if its metadata give a shape that the Arrow type leaves open.
fn given_shape(column: &Column) -> Option<VoType> {
    let arraysize = column.metadata.arraysize.as_ref()?;
    let levels = Nesting::of(&column.data_type).levels;
    let (outermost, inner) = levels.split_first()?;
    let inner_is_fixed =
        inner.len() >= arraysize.inner().len() && inner.iter().all(Option::is_some);
    if inner_is_fixed && (outermost.is_some() || arraysize.last() == Extent::Free) {
        return None;
    }
    column.vo_type.clone()
}

impl Target {
    /// Whether [`convert`](Self::convert) would give the same array.
    fn is_met(&self, array: &ArrayRef) -> bool {
        match self {
            Self::Carried(vo_type) => is_carried(array, vo_type),
            Self::Kept { data_type, shape } => {
                is_kept(array, data_type)
                    && shape.as_ref().is_none_or(|shape| check_shape(array, shape).is_ok())
            }
        }
    }

    fn convert(&self, array: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::Carried(vo_type) => convert(array, vo_type),
            Self::Kept { data_type, shape } => {
                let kept = keep(array, data_type)?;
                shape.as_ref().map_or(Ok(()), |shape| check_shape(&kept, shape))?;
                Ok(kept)
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carried(vo_type) | Self::Kept { shape: Some(vo_type), .. } => vo_type.fmt(f),
            Self::Kept { data_type, shape: None } => write!(f, "Arrow type {data_type}"),
        }
    }
}

#[cfg(test)]
mod tests;
