//! Chooses columns, with their metadata.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use taploom_model::{
    ColumnMetadata, Error, ErrorKind, Group, Resource, Result, ResultSchema, TableMetadata, XmlId,
};

/// Some columns of a schema, in a given order and with given names.
///
/// The metadata of the columns and of the table are kept, without references to columns that are left out.
/// If a column is chosen twice, only the first copy keeps its ID.
#[derive(Debug, Clone)]
pub struct Projection {
    schema: ResultSchema,
    columns: Vec<usize>,
}

impl Projection {
    /// Chooses the columns at these positions, each with a new name if one is given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if a position is beyond the last column.
    pub fn new(schema: &ResultSchema, picked: Vec<(usize, Option<String>)>) -> Result<Self> {
        let mut fields = Vec::with_capacity(picked.len());
        let mut metadata = Vec::with_capacity(picked.len());
        let mut ids = HashSet::new();
        for (position, name) in &picked {
            let column = schema.columns().get(*position).ok_or_else(|| {
                let count = schema.columns().len();
                let message = format!("column {} of {count} does not exist", position + 1);
                Error::new(ErrorKind::InvalidRequest, message)
            })?;
            let name = name.as_deref().unwrap_or(column.name());
            fields.push(schema.arrow().field(*position).clone().with_name(name));
            let mut described =
                ColumnMetadata { name: Some(name.to_owned()), ..column.metadata().clone() };
            described.id = described.id.filter(|id| ids.insert(id.clone()));
            metadata.push(described);
        }
        let left_out: HashSet<&XmlId> = schema
            .columns()
            .iter()
            .filter_map(|column| column.metadata().id.as_ref())
            .filter(|id| !ids.contains(*id))
            .collect();
        for column in &mut metadata {
            column.reference = column.reference.take().filter(|id| !left_out.contains(id));
        }
        let arrow = Schema::new_with_metadata(fields, schema.arrow().metadata().clone());
        let table = without(schema.table(), &left_out);
        let schema = ResultSchema::new(Arc::new(arrow), metadata)?.with_table(table);
        let columns = picked.into_iter().map(|(position, _)| position).collect();
        Ok(Self { schema, columns })
    }

    /// The schema of the chosen columns.
    pub fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    /// The positions of the chosen columns in the original schema.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The chosen columns of a batch. No cell is copied.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] if the batch has other columns than the schema.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mismatch = |why: String| Error::new(ErrorKind::SchemaMismatch, why);
        let array = |column: &usize| match batch.columns().get(*column) {
            Some(array) => Ok(Arc::clone(array)),
            None => Err(mismatch(format!("the batch has {} columns", batch.num_columns()))),
        };
        let arrays = self.columns.iter().map(array).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(self.schema.arrow()), arrays, &options)
            .map_err(|cause| {
                mismatch("the batch differs from its schema".to_owned()).with_source(cause)
            })
    }
}

/// The metadata of a table without references to removed FIELDs.
fn without(table: &TableMetadata, gone: &HashSet<&XmlId>) -> TableMetadata {
    let mut table = table.clone();
    if gone.is_empty() {
        return table;
    }
    table.reference = table.reference.filter(|id| !gone.contains(id));
    for info in &mut table.infos {
        info.reference = info.reference.take().filter(|id| !gone.contains(id));
    }
    for param in &mut table.params {
        param.field.reference = param.field.reference.take().filter(|id| !gone.contains(id));
    }
    remaining(&mut table.groups, gone);
    clean(&mut table.resource, gone);
    clean(&mut table.document, gone);
    table
}

fn clean(resource: &mut Resource, gone: &HashSet<&XmlId>) {
    for info in &mut resource.infos {
        info.reference = info.reference.take().filter(|id| !gone.contains(id));
    }
    for param in &mut resource.params {
        param.field.reference = param.field.reference.take().filter(|id| !gone.contains(id));
    }
    remaining(&mut resource.groups, gone);
    resource.resources.iter_mut().for_each(|resource| clean(resource, gone));
}

/// Removes references to them from groups, and removes groups that become empty.
fn remaining(groups: &mut Vec<Group>, gone: &HashSet<&XmlId>) {
    groups.retain_mut(|group| {
        let members = |group: &Group| {
            group.field_refs.len()
                + group.param_refs.len()
                + group.params.len()
                + group.groups.len()
        };
        let before = members(group);
        group.reference = group.reference.take().filter(|id| !gone.contains(id));
        group.field_refs.retain(|field| !gone.contains(&field.reference));
        for param in &mut group.params {
            param.field.reference = param.field.reference.take().filter(|id| !gone.contains(id));
        }
        remaining(&mut group.groups, gone);
        before == 0 || members(group) > 0
    });
}
