//! Cells of every type.

use std::slice::from_ref;

use taploom_format::{Completion, ErrorKind};

use super::split;
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::{SHAPES, garbage, not_nullable, null_elements, ordered};

pub(super) fn every_table_reads_back(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    for table in subject.tables() {
        subject.reads_back(checks, &table, from_ref(&table.given), from_ref(&table.expected))?;
    }
    Ok(())
}

pub(super) fn a_result_without_rows_is_a_whole_file(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for table in subject.tables() {
        subject.reads_back(checks, &table, &[], &[])?;
    }
    Ok(())
}

pub(super) fn sliced_arrays_read_back(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    for table in subject.tables() {
        let rows = table.given.num_rows();
        let (first, count) = (rows / 3, rows - rows / 3);
        let (given, expected) =
            (table.given.slice(first, count), table.expected.slice(first, count));
        subject.reads_back(checks, &table, &[given], &[expected]).map_err(|why| {
            format!("the arrays are slices that begin at row {}: {why}", first + 1)
        })?;
    }
    Ok(())
}

pub(super) fn values_beneath_nulls_are_not_written(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(garbage())?;
    subject
        .reads_back(checks, &table, from_ref(&table.given), from_ref(&table.expected))
        .map(drop)
        .map_err(|why| format!("the nulls have values beneath them: {why}"))
}

pub(super) fn fields_that_are_not_nullable_read_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(not_nullable())?;
    let (given, expected) = (split(&table.given, 2), split(&table.expected, 2));
    subject
        .reads_back(checks, &table, &given, &expected)
        .map(drop)
        .map_err(|why| format!("the fields of the schema are not nullable: {why}"))
}

/// VOTable has null flags for cells, but not for elements. A format may refuse a null element that
/// it can't represent, but must not lose it.
pub(super) fn null_elements_read_back_or_are_named(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    super::control(subject, checks)?;
    for (datatype, _) in SHAPES {
        let Some(table) = subject.adapt(null_elements(*datatype)) else { continue };
        let sink = SharedSink::default();
        let written = subject.write(
            &table,
            from_ref(&table.given),
            Completion::Complete,
            Box::new(sink.clone()),
        );
        match written {
            Ok(_) => {
                subject.check_read(checks, &sink.bytes(), &table, from_ref(&table.expected))?;
            }
            Err(error) => {
                checks.equal("kind of the error", &error.kind(), &ErrorKind::InvalidValue)?;
                checks.that(error.column().is_some() && error.row().is_some(), || {
                    format!("the error names no column and row: {error}")
                })?;
            }
        }
    }
    Ok(())
}

pub(super) fn columns_keep_their_order_and_their_cells(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(ordered())?;
    subject.reads_back(checks, &table, from_ref(&table.given), from_ref(&table.expected)).map(drop)
}
