//! Results, cells and lists beyond common limits of encoders.

use std::slice::from_ref;

use super::split;
use crate::checks::{Check, Checks};
use crate::subject::Subject;
use crate::tables::{Table, long, long_lists as tables, long_texts, many_lists, narrow};

pub(super) fn many_rows_read_back(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(long(20_000))?;
    let batches = split(&table.given, 1777);
    subject.reads_back(checks, &table, &batches, from_ref(&table.expected)).map(drop)
}

/// An encoder that cuts batches into blocks has to handle slices.
pub(super) fn many_lists_read_back(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(many_lists(4_000))?;
    let (given, expected) = (from_ref(&table.given), from_ref(&table.expected));
    subject.reads_back(checks, &table, given, expected)?;
    let cut = split(&table.given, 1_500);
    subject.reads_back(checks, &table, &cut, expected).map(drop)
}

pub(super) fn a_batch_of_200_000_rows_reads_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(narrow(200_000))?;
    let (given, expected) = (from_ref(&table.given), from_ref(&table.expected));
    subject.reads_back(checks, &table, given, expected)?;
    let table = subject.table(narrow(140_000))?;
    let (cut, expected) = (split(&table.given, 65_537), from_ref(&table.expected));
    subject.reads_back(checks, &table, &cut, expected).map(drop)
}

pub(super) fn batches_of_one_row_read_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(100))?;
    let batches = split(&table.given, 1);
    subject.reads_back(checks, &table, &batches, from_ref(&table.expected)).map(drop)
}

pub(super) fn texts_beyond_65_535_bytes_read_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long_texts())?;
    let (given, expected) = (from_ref(&table.given), from_ref(&table.expected));
    subject.reads_back(checks, &table, given, expected).map(drop)
}

pub(super) fn lists_beyond_65_535_elements_read_back(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for table in long_lists(subject) {
        let (given, expected) = (from_ref(&table.given), from_ref(&table.expected));
        subject.reads_back(checks, &table, given, expected)?;
    }
    Ok(())
}

/// The tables of long lists in which the format accepts at least one column.
pub(super) fn long_lists(subject: &Subject<'_>) -> Vec<Table> {
    tables().into_iter().filter_map(|table| subject.adapt(table)).collect()
}
