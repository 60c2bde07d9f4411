//! Combines the schemas of several files.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use taploom_expressions::FirstIds;
use taploom_model::{Arraysize, Column, ColumnMetadata, Error, Result, ResultSchema, counted};

use crate::error::invalid;

/// The schema of the first file, adjusted to the files added so far.
pub(super) struct OneSchema {
    first: Arc<str>,
    schema: ResultSchema,
    columns: Vec<OneColumn>,
}

/// A column of all files.
struct OneColumn {
    /// The first file that tells its type. A column of Arrow type Null does not.
    file: Arc<str>,
    /// The column of that file.
    column: Column,
    data_type: DataType,
    /// Whether it may be null in any of the files.
    is_nullable: bool,
    metadata: ColumnMetadata,
    /// Whether it is a key of the sample. Sources decide about keys that are not nested, and have to do so for all
    /// files or for none.
    is_key: bool,
}

impl OneSchema {
    pub(super) fn new(first: &str, schema: ResultSchema, sample: Option<&FirstIds>) -> Self {
        let first = Arc::from(first);
        // A source that decides about the sample itself may have left out its keys.
        let keys = sample.and_then(|sample| sample.bind(&schema).ok());
        let columns = schema.columns().iter().zip(schema.arrow().fields()).enumerate();
        let columns = columns.map(|(index, (column, field))| OneColumn {
            file: Arc::clone(&first),
            column: column.clone(),
            data_type: field.data_type().clone(),
            is_nullable: field.is_nullable() || field.data_type().is_null(),
            metadata: column.metadata().clone(),
            is_key: keys.is_some_and(|(group, id)| [group, id].contains(&index)),
        });
        Self { columns: columns.collect(), first, schema }
    }

    /// Adds the schema of another file. If types are guessed from values, only the names have to be equal.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) naming both files and the
    /// first column that differs.
    pub(super) fn add(&mut self, file: &str, other: &ResultSchema, is_guessed: bool) -> Result<()> {
        let fields = other.arrow().fields();
        for (index, (ours, theirs)) in self.columns.iter_mut().zip(other.columns()).enumerate() {
            let name = self.schema.columns()[index].name();
            if name != theirs.name() {
                let what =
                    format!("column {} is called {:?}, and {name:?}", index + 1, theirs.name());
                return Err(differs(file, &what, &self.first));
            }
            if !is_guessed {
                ours.add(file, theirs, &fields[index])?;
            }
        }
        let (ours, theirs) = (self.schema.columns(), other.columns());
        if ours.len() != theirs.len() {
            let (longer, index) = match ours.len() < theirs.len() {
                true => (theirs, ours.len()),
                false => (ours, theirs.len()),
            };
            let name = longer[index].name();
            let counts = format!(
                "it has {} ({name:?} is the first that only one of them has), and {}",
                counted(theirs.len() as u64, "column"),
                are(ours.len())
            );
            return Err(differs(file, &counts, &self.first));
        }
        Ok(())
    }

    /// The common schema, with the metadata of the first file.
    pub(super) fn finish(self) -> Result<ResultSchema> {
        let arrow = self.schema.arrow();
        let (fields, metadata): (Vec<_>, Vec<_>) = arrow
            .fields()
            .iter()
            .zip(self.columns)
            .map(|(field, column)| {
                let field = Field::clone(field).with_data_type(column.data_type);
                (field.with_nullable(column.is_nullable), column.metadata)
            })
            .unzip();
        let arrow = Schema::new_with_metadata(fields, arrow.metadata().clone());
        let schema = ResultSchema::new(Arc::new(arrow), metadata)?;
        Ok(schema.with_table(self.schema.table().clone()))
    }
}

impl OneColumn {
    fn add(&mut self, file: &str, theirs: &Column, field: &Field) -> Result<()> {
        let name = theirs.name();
        let other = |theirs: &str, ours: &str| {
            differs(file, &format!("column {name:?} {theirs}, and {ours}"), &self.file)
        };
        let other_type = |theirs: &str, ours: &str| {
            let error = other(theirs, ours).message().to_owned();
            invalid(format!(
                "{error}; taploom encode FILE --columns LIST.json -o NEW converts a file to other datatypes"
            ))
        };
        let common = common_type(&self.data_type, field.data_type());
        let is_same = self.data_type == *field.data_type();
        let common = common.filter(|common| is_same || !self.is_key || !common.is_nested());
        let Some(data_type) = common else {
            let theirs = format!("is of Arrow type {}", field.data_type());
            return Err(other_type(&theirs, &self.data_type.to_string()));
        };
        let (unit, other_unit) = (&self.metadata.unit, &theirs.metadata().unit);
        if let (Some(unit), Some(other_unit)) = (unit, other_unit)
            && unit != other_unit
        {
            return Err(other(&format!("has the unit {other_unit:?}"), &format!("{unit:?}")));
        }
        if data_type == *field.data_type() && !is_same {
            // The files so far had no value in this column.
            self.file = Arc::from(file);
            self.column = theirs.clone();
            let theirs = theirs.metadata().clone();
            self.metadata = ColumnMetadata {
                datatype: theirs.datatype,
                arraysize: theirs.arraysize,
                xtype: theirs.xtype,
                unit: self.metadata.unit.take().or(theirs.unit),
                values: theirs.values,
                null_value: theirs.null_value,
                ..self.metadata.clone()
            };
        } else if data_type != self.data_type || is_same {
            let metadata = together(&self.metadata, &self.column, theirs);
            self.metadata =
                metadata.map_err(|(ours, theirs)| other_type(&format!("is {theirs}"), &ours))?;
        }
        self.is_nullable |= field.is_nullable() || field.data_type().is_null();
        self.data_type = data_type;
        Ok(())
    }
}

/// The Arrow type for the values of both. Null is the type of a column, list or member without any value.
fn common_type(one: &DataType, other: &DataType) -> Option<DataType> {
    let common_field = |one: &FieldRef, other: &FieldRef| {
        let data_type = common_type(one.data_type(), other.data_type())?;
        let is_nullable = one.is_nullable() || other.is_nullable();
        let field = Field::clone(one).with_data_type(data_type).with_nullable(is_nullable);
        (one.name() == other.name()).then(|| Arc::new(field))
    };
    match (one, other) {
        (one, other) if one == other => Some(one.clone()),
        (DataType::Null, known) | (known, DataType::Null) => Some(known.clone()),
        (DataType::List(one), DataType::List(other)) => {
            common_field(one, other).map(DataType::List)
        }
        (DataType::LargeList(one), DataType::LargeList(other)) => {
            common_field(one, other).map(DataType::LargeList)
        }
        (DataType::Struct(ours), DataType::Struct(theirs)) if ours.len() == theirs.len() => {
            let fields = ours.iter().zip(theirs).map(|(one, other)| common_field(one, other));
            Some(DataType::Struct(fields.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The batch of a file with the schema of all files. Metadata and nullability of fields may differ, and nulls may lack
/// a type.
pub(super) fn adapted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().iter().enumerate().map(|(index, array)| {
        let (ours, theirs) = (schema.fields().get(index), array.data_type());
        match ours.map(|field| field.data_type()) {
            Some(ours) if ours != theirs && common_type(ours, theirs).as_ref() == Some(ours) => {
                cast(array, ours)
            }
            _ => Ok(Arc::clone(array)),
        }
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, _>>()?;
    RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)
}

fn differs(file: &str, what: &str, other: &str) -> Error {
    invalid(format!(
        "source {file}: {what} in {other}; files that are read as one table need the same columns in the same order"
    ))
}

fn are(number: usize) -> String {
    format!("{number} {}", if number == 1 { "is" } else { "are" })
}

/// The metadata of the first file's column that also hold for another file, or both types if they are
/// incompatible.
fn together(
    joined: &ColumnMetadata,
    our: &Column,
    their: &Column,
) -> Result<ColumnMetadata, (String, String)> {
    let mut column = joined.clone();
    let (Ok(ours), Ok(theirs)) = (our.vo_type(), their.vo_type()) else { return Ok(column) };
    let different = || (ours.to_string(), theirs.to_string());
    if ours.datatype != theirs.datatype {
        return Err(different());
    }
    if ours.arraysize != theirs.arraysize {
        let (Some(our_size), Some(their_size)) = (&ours.arraysize, &theirs.arraysize) else {
            return Err(different());
        };
        if our_size.inner() != their_size.inner() {
            return Err(different());
        }
        // The shorter length would truncate cells.
        let inner = our_size.inner().iter().map(|extent| format!("{extent}x"));
        let size = inner.chain(["*".to_owned()]).collect::<String>();
        column.arraysize = Some(size.parse::<Arraysize>().map_err(|_| different())?);
    }
    if our.metadata().values != their.metadata().values {
        column.values = None;
    }
    if our.metadata().null_value != their.metadata().null_value {
        column.null_value = None;
    }
    Ok(column)
}
