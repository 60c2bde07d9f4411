//! Wrong batches and cells.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use taploom_format::{
    ColumnMetadata, Completion, Datatype, EncodeContext, ErrorKind, ResultSchema,
};

use super::endings::of_another_schema;
use super::{control, said, split};
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::{Table, long};

pub(super) fn a_schema_that_changes_names_the_column(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(10))?;
    let name = table.schema.columns().get(1).map(|column| column.name().to_owned());
    let Some(name) = name else {
        return Err("the format takes fewer than two columns of the suite's tables".to_owned());
    };
    let texts = Arc::new(StringArray::from(vec!["a"; 10])) as ArrayRef;
    let longs = Arc::new(Int64Array::from(vec![1; 10])) as ArrayRef;
    let is_text = table.given.column(1).data_type() == texts.data_type();
    let other = if is_text { longs } else { texts };
    let other_type = with_column(&table.given, 1, &name, &other)?;
    let other_name = with_column(&table.given, 1, "unreal", table.given.column(1))?;
    let fewer = table.given.project(&[0]).map_err(said)?;
    for (what, changed) in
        [("type", other_type), ("name", other_name), ("number of columns", fewer)]
    {
        let batches = [table.given.clone(), changed];
        let sink = Box::new(SharedSink::default());
        match subject.write(&table, &batches, Completion::Complete, sink) {
            Err(error) => {
                let kind = error.kind();
                checks.equal(format!("another {what}: kind"), &kind, &ErrorKind::SchemaMismatch)?;
                checks.equal(
                    format!("another {what}: column that the error names"),
                    &error.column(),
                    &Some(name.as_str()),
                )?;
            }
            Ok(_) => return Err(format!("a batch with another {what} was written")),
        }
    }
    Ok(())
}

/// Rows are counted from the beginning of the result, not of the batch.
pub(super) fn a_cell_that_does_not_fit_names_column_and_row(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let fine = Arc::new(Int64Array::from_iter_values(0..2_500)) as ArrayRef;
    let numbers = (0..2_500).map(|row| if row == 2_345 { 70_000 } else { row % 100 });
    let shorts = Arc::new(Int64Array::from_iter_values(numbers)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("fine", fine), ("n", shorts)]).map_err(said)?;
    let metadata = ColumnMetadata { datatype: Some(Datatype::Short), ..Default::default() };
    let schema = ResultSchema::new(batch.schema(), vec![ColumnMetadata::default(), metadata]);
    let table = Table {
        name: "a number that does not fit into short",
        schema: schema.map_err(said)?,
        expected: batch.clone(),
        given: batch,
    };
    let written = subject.write(
        &table,
        &split(&table.given, 1_000),
        Completion::Complete,
        Box::new(std::io::sink()),
    );
    let Err(error) = written else { return Err("70000 was written as a short".to_owned()) };
    checks.equal("kind", &error.kind(), &ErrorKind::InvalidValue)?;
    checks.equal(
        "format that the error names",
        &error.format(),
        &Some(subject.plugin.info().id),
    )?;
    checks.equal("column that the error names", &error.column(), &Some("n"))?;
    checks.equal("row that the error names", &error.row(), &Some(2_346))
}

pub(super) fn nothing_follows_an_error(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(10))?;
    let sink = SharedSink::default();
    let mut encoder = subject
        .start(&table.schema, &EncodeContext::default(), Box::new(sink.clone()))
        .map_err(said)?;
    let refused = encoder.write_batch(&of_another_schema(&table)?);
    checks.that(refused.is_err(), || "a batch of another schema was written".to_owned())?;
    let before = sink.len();
    for batch in [&table.given, &table.given.slice(0, 1)] {
        let next = encoder.write_batch(batch);
        checks.that(next.is_err(), || "rows were taken after an error".to_owned())?;
    }
    checks.that(sink.len() == before, || "rows were written after an error".to_owned())
}

fn with_column(
    batch: &RecordBatch,
    index: usize,
    name: &str,
    array: &ArrayRef,
) -> Check<RecordBatch> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).enumerate().map(
        |(position, (field, column))| match position == index {
            true => (name.to_owned(), Arc::clone(array), true),
            false => (field.name().clone(), Arc::clone(column), true),
        },
    );
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).map_err(said)
}
