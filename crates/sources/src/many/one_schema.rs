//! Combines the schemas of several files.

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use taploom_model::{Arraysize, Column, ColumnMetadata, Error, Result, ResultSchema, counted};

use crate::error::invalid;

/// The schema of the first file, adjusted to the files added so far.
pub(super) struct OneSchema {
    first: String,
    schema: ResultSchema,
    /// Whether a column may be null in any of the files.
    nullable: Vec<bool>,
    columns: Vec<ColumnMetadata>,
}

impl OneSchema {
    pub(super) fn new(first: &str, schema: ResultSchema) -> Self {
        Self {
            first: first.to_owned(),
            nullable: schema.arrow().fields().iter().map(|field| field.is_nullable()).collect(),
            columns: schema.columns().iter().map(|column| column.metadata().clone()).collect(),
            schema,
        }
    }

    /// Adds the schema of another file. If types are guessed from values, only the names have to be equal.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) naming both files and the
    /// first column that differs.
    pub(super) fn add(&mut self, file: &str, other: &ResultSchema, is_guessed: bool) -> Result<()> {
        let (ours, theirs) = (self.schema.columns(), other.columns());
        for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
            if our.name() != their.name() {
                return Err(self.differs(
                    file,
                    &format!(
                        "column {} is called {:?}, and {:?} in",
                        index + 1,
                        their.name(),
                        our.name()
                    ),
                ));
            }
            if is_guessed {
                continue;
            }
            let (field, other_field) =
                (self.schema.arrow().field(index), other.arrow().field(index));
            if field.data_type() != other_field.data_type() {
                return Err(self.differs_in(
                    file,
                    our,
                    (
                        &format!("is of Arrow type {}", other_field.data_type()),
                        &field.data_type().to_string(),
                    ),
                ));
            }
            self.nullable[index] |= other_field.is_nullable();
            let (unit, other_unit) = (&our.metadata().unit, &their.metadata().unit);
            if let (Some(unit), Some(other_unit)) = (unit, other_unit)
                && unit != other_unit
            {
                let theirs = format!("has the unit {other_unit:?}");
                return Err(self.differs_in(file, our, (&theirs, &format!("{unit:?}"))));
            }
            match together(&self.columns[index], our, their) {
                Ok(column) => self.columns[index] = column,
                Err((ours, theirs)) => {
                    return Err(self.differs_in(file, our, (&format!("is {theirs}"), &ours)));
                }
            }
        }
        if ours.len() != theirs.len() {
            let (longer, index) = match ours.len() < theirs.len() {
                true => (theirs, ours.len()),
                false => (ours, theirs.len()),
            };
            let name = longer[index].name();
            let counts = format!(
                "it has {} ({name:?} is the first that only one of them has), and {} in",
                counted(theirs.len() as u64, "column"),
                are(ours.len())
            );
            return Err(self.differs(file, &counts));
        }
        Ok(())
    }

    /// The common schema, with the metadata of the first file.
    pub(super) fn finish(self) -> Result<ResultSchema> {
        let arrow = self.schema.arrow();
        let fields = arrow
            .fields()
            .iter()
            .zip(self.nullable)
            .map(|(field, nullable)| Field::clone(field).with_nullable(nullable));
        let arrow = Schema::new_with_metadata(fields.collect::<Vec<_>>(), arrow.metadata().clone());
        let schema = ResultSchema::new(Arc::new(arrow), self.columns)?;
        Ok(schema.with_table(self.schema.table().clone()))
    }

    fn differs_in(&self, file: &str, column: &Column, (theirs, ours): (&str, &str)) -> Error {
        self.differs(file, &format!("column {:?} {theirs}, and {ours} in", column.name()))
    }

    fn differs(&self, file: &str, what: &str) -> Error {
        invalid(format!(
            "source {file}: {what} {}; files that are read as one table need the same columns in the same order",
            self.first
        ))
    }
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
