//! The size of the batches does not change the file.

use std::slice::from_ref;

use super::split;
use crate::checks::{Check, Checks};
use crate::subject::Subject;
use crate::tables::{long, scalars};

pub(super) fn an_empty_batch_adds_nothing(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let table = subject.table(scalars("an empty batch", 4))?;
    let (given, empty) = (table.given.clone(), table.given.slice(1, 0));
    let none = subject.bytes(checks, &table, &[])?;
    let one_empty = subject.bytes(checks, &table, from_ref(&empty))?;
    checks.that(one_empty == none, || {
        "a result of one empty batch has other bytes than a result without batches".to_owned()
    })?;
    let whole = subject.bytes(checks, &table, from_ref(&given))?;
    let among = subject.bytes(checks, &table, &[empty.clone(), given, empty])?;
    checks.that(among == whole, || "an empty batch among others changes the bytes".to_owned())?;
    subject.check_read(checks, &among, &table, from_ref(&table.expected)).map(drop)
}

pub(super) fn the_same_bytes_whatever_the_batch_size(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for table in subject.tables().into_iter().chain([subject.table(long(5_000))?]) {
        let whole = subject.bytes(checks, &table, from_ref(&table.given))?;
        let rows = table.given.num_rows();
        for size in [1, 2, 3, 7, 1000].into_iter().filter(|size| *size == 1 || *size < rows) {
            let bytes = subject.bytes(checks, &table, &split(&table.given, size))?;
            checks.that(bytes == whole, || {
                format!("{}: batches of {size} rows give other bytes than one batch", table.name)
            })?;
        }
    }
    Ok(())
}

pub(super) fn the_same_bytes_from_two_starts(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let table = subject.table(long(3_000))?;
    let first = subject.bytes(checks, &table, from_ref(&table.given))?;
    let second = subject.bytes(checks, &table, from_ref(&table.given))?;
    checks.that(first == second, || {
        "the same rows give other bytes when the format is started a second time".to_owned()
    })
}
