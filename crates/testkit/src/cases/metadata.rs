//! The metadata of columns and table.

use std::slice::from_ref;

use crate::checks::{Check, Checks};
use crate::kept::{COLUMN_METADATA, KeptMetadata, TABLE_METADATA, member};
use crate::oracle::Decoded;
use crate::subject::Subject;
use crate::tables::{Table, described};

pub(super) fn metadata_of_columns_read_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let keeps = declared(subject)?;
    for table in subject.tables().into_iter().chain([subject.table(described())?]) {
        let bytes = subject.bytes(checks, &table, from_ref(&table.given))?;
        let decoded = checks.result(subject.decode(&bytes, &table))?;
        checks.equal(
            format!("{}: columns of which the oracle has metadata", table.name),
            &decoded.columns.len(),
            &table.schema.columns().len(),
        )?;
        for name in keeps.columns {
            checks.that(COLUMN_METADATA.contains(name), || unknown(name))?;
            for (column, read) in table.schema.columns().iter().zip(&decoded.columns) {
                // A format may leave out metadata that follow from the type of the column.
                if member(column.metadata(), name).is_none() {
                    continue;
                }
                let given = subject.comparable_metadata(column.resolved());
                checks.equal(
                    format!("{}: {name} of column {:?}", table.name, column.name()),
                    &member(read, name),
                    &member(&given, name),
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn metadata_of_the_table_read_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let keeps = declared(subject)?;
    let table = subject.table(described())?;
    let decoded = read(subject, checks, &table)?;
    for name in keeps.table {
        checks.that(TABLE_METADATA.contains(name), || unknown(name))?;
        checks.equal(
            format!("{name} of the table"),
            &member(&decoded.table, name),
            &member(table.schema.table(), name),
        )?;
    }
    Ok(())
}

/// A format keeps only the metadata that it is declared to keep, so that all kept metadata are compared.
pub(super) fn no_metadata_are_kept_undeclared(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let keeps = declared(subject)?;
    let table = subject.table(described())?;
    let decoded = read(subject, checks, &table)?;
    let mut undeclared = Vec::new();
    for name in COLUMN_METADATA.iter().filter(|name| !keeps.columns.contains(name)) {
        let columns = table.schema.columns().iter().zip(&decoded.columns);
        let mut pairs = columns.map(|(given, read)| {
            let given = subject.comparable_metadata(given.resolved());
            (member(&given, name), member(read, name))
        });
        if pairs.any(|(given, read)| given.is_some() && given == read) {
            undeclared.push(format!("{name} of columns"));
        }
    }
    for name in TABLE_METADATA.iter().filter(|name| !keeps.table.contains(name)) {
        let given = member(table.schema.table(), name);
        if given.is_some() && given == member(&decoded.table, name) {
            undeclared.push(format!("{name} of the table"));
        }
    }
    checks.that(undeclared.is_empty(), || {
        format!(
            "the format keeps metadata that Subject::keeping does not declare, so that nothing \
             compares them: {}",
            undeclared.join(", ")
        )
    })
}

fn declared(subject: &Subject<'_>) -> Check<KeptMetadata> {
    subject.keeps().ok_or_else(|| {
        "declare which metadata the format keeps, by Subject::keeping; KeptMetadata::NONE if none"
            .to_owned()
    })
}

fn unknown(name: &str) -> String {
    format!("Subject::keeping declares {name:?}, which is not the name of any metadata")
}

fn read(subject: &mut Subject<'_>, checks: &mut Checks, table: &Table) -> Check<Decoded> {
    let bytes = subject.bytes(checks, table, from_ref(&table.given))?;
    checks.result(subject.decode(&bytes, table))
}
