//! The numbers of the summary.

use std::slice::from_ref;

use arrow_array::cast::AsArray;
use taploom_format::{Completion, EncodeSummary};

use super::{control, said};
use crate::checks::{Check, Checks};
use crate::oracle::Decoded;
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::{Table, long, odd_characters, too_long_texts};

pub(super) fn data_bytes_are_those_of_the_rows(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(20_000))?;
    let summary_of = |batches| {
        subject
            .write(&table, batches, Completion::Complete, Box::new(std::io::sink()))
            .map_err(said)
    };
    let none = summary_of(&[])?;
    checks.equal("data_bytes of a result without rows", &none.data_bytes, &0)?;
    let many = summary_of(from_ref(&table.given))?;
    let (data, total) = (many.data_bytes, many.total_bytes);
    // Five columns of different numbers and texts take at least half a byte per row in any encoding.
    checks.that(2 * data >= many.rows, || {
        format!("data_bytes is {data} of {total} bytes, which is too little for {} rows", many.rows)
    })?;
    let around = total - data;
    checks.that(around >= none.total_bytes * 9 / 10, || {
        format!(
            "data_bytes is {data} of {total} bytes: that leaves {around} for header and trailer, and \
             a file without rows has {}",
            none.total_bytes
        )
    })
}

/// A format may cut a text that is longer than the arraysize, write it in full, or refuse it, but must
/// not cut it silently.
pub(super) fn cells_that_were_cut_are_counted(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(too_long_texts())?;
    let Some((decoded, summary)) = decoded(subject, checks, &table)? else { return Ok(()) };
    let mut cut = 0;
    for (index, column) in table.schema.columns().iter().enumerate() {
        let given = table.expected.column(index).as_string::<i32>();
        let read = decoded.rows.column(index).as_string::<i32>();
        let mut in_column = 0;
        for (row, (given, read)) in given.iter().zip(read).enumerate() {
            let (given, read) = (given.unwrap_or_default(), read.unwrap_or_default());
            // Characters that are not ASCII may have been replaced.
            let mut pairs = given.chars().zip(read.chars());
            let (all, left) = (given.chars().count(), read.chars().count());
            let is_beginning =
                left <= all && pairs.all(|(given, read)| given == read || given > '~');
            checks.that(is_beginning, || {
                let (name, row) = (column.name(), row + 1);
                format!("column {name:?}, row {row}: {given:?} was cut to {read:?}")
            })?;
            in_column += u64::from(left < all);
        }
        let said = losses_of(&summary, index).0;
        let what = format!("truncated cells of column {:?} in the summary", column.name());
        checks.equal(what, &said, &in_column)?;
        cut += in_column;
    }
    checks.equal("truncated_cells of the summary", &summary.truncated_cells, &cut)
}

/// A format may replace a character that it can't hold, but not silently.
pub(super) fn cells_that_were_altered_are_counted(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(odd_characters())?;
    let Some((decoded, summary)) = decoded(subject, checks, &table)? else { return Ok(()) };
    let mut altered = 0;
    for (index, column) in table.schema.columns().iter().enumerate() {
        let given = table.expected.column(index).as_string::<i32>();
        let read = decoded.rows.column(index).as_string::<i32>();
        let (mut in_column, mut cut) = (0, 0);
        for (given, read) in given.iter().zip(read) {
            let (given, read) = (given.unwrap_or_default(), read.unwrap_or_default());
            // A format in which a NUL ends a text cuts it there.
            let is_cut = read.len() < given.len() && given.starts_with(read);
            cut += u64::from(is_cut);
            in_column += u64::from(given != read && !is_cut);
        }
        altered += in_column;
        let said = losses_of(&summary, index);
        let what = format!("truncated and altered cells of column {:?}", column.name());
        checks.equal(what, &said, &(cut, in_column))?;
    }
    checks.equal("altered_cells of the summary", &summary.altered_cells, &altered)
}

/// The numbers of cells of a column that were cut and altered, according to the summary.
fn losses_of(summary: &EncodeSummary, index: usize) -> (u64, u64) {
    let mut columns = summary.losses.columns().iter();
    let losses = columns.find(|losses| losses.index == index);
    losses.map_or((0, 0), |losses| (losses.truncated_cells, losses.altered_cells))
}

/// The rows as the oracle reads them, and the summary; `None` if the format refuses the table.
fn decoded(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
    table: &Table,
) -> Check<Option<(Decoded, EncodeSummary)>> {
    let sink = SharedSink::default();
    let to = Box::new(sink.clone());
    match subject.write(table, from_ref(&table.given), Completion::Complete, to) {
        Ok(summary) => {
            let decoded = checks.result(subject.decode(&sink.bytes(), table))?;
            checks.equal("rows", &decoded.rows.num_rows(), &table.given.num_rows())?;
            Ok(Some((decoded, summary)))
        }
        Err(error) => {
            checks.that(error.column().is_some() && error.row().is_some(), || {
                format!("the error names no column and row: {error}")
            })?;
            Ok(None)
        }
    }
}
