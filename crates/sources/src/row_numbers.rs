//! The numbers that rows have in their files, for errors that name a row.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taploom_model::Error;

/// The rows that were given by a source, as stretches of rows that follow each other in a file. Clones are the same
/// rows.
///
/// A source that leaves out rows calls [`jump`](Self::jump); the others give all rows of a file, which is what the
/// numbers say without it. Stretches are kept until [`forget`](Self::forget) is called.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowNumbers {
    stretches: Arc<Mutex<VecDeque<Stretch>>>,
    /// The file, if it is one of several, and the rows that were given before its first one.
    file: Option<Arc<str>>,
    before: u64,
}

#[derive(Debug)]
struct Stretch {
    /// Rows that were given before it.
    given: u64,
    /// Rows before it in its file.
    skipped: u64,
    file: Option<Arc<str>>,
}

impl RowNumbers {
    /// The numbers for the next of several files, after `given` rows of the files before it.
    pub(crate) fn next_file(&self, file: &str, given: u64) -> Self {
        let next =
            Self { stretches: Arc::clone(&self.stretches), file: Some(file.into()), before: given };
        next.jump(0, 0);
        next
    }

    /// States that the row which is given after `given` others comes after `skipped` rows of the file, and that
    /// the rows after it follow.
    pub(crate) fn jump(&self, given: u64, skipped: u64) {
        let given = self.before + given;
        let mut stretches = self.stretches();
        let follows = stretches.back().is_some_and(|last| {
            last.file == self.file && last.skipped + (given - last.given) == skipped
        });
        if !follows {
            stretches.push_back(Stretch { given, skipped, file: self.file.clone() });
        }
    }

    /// The error with the number that its row has in the file. The error counts it, from 1, after `given` rows.
    pub(crate) fn name(&self, error: Error, given: u64) -> Error {
        let Some(row) = error.row() else { return error };
        let at = given + row.saturating_sub(1);
        let stretches = self.stretches();
        match stretches.iter().take_while(|stretch| stretch.given <= at).last() {
            None => error.with_row(at + 1),
            Some(Stretch { given, skipped, file }) => {
                let error = error.with_row(skipped + (at - given) + 1);
                match file {
                    Some(file) => error.with_context(format_args!("in {file}")),
                    None => error,
                }
            }
        }
    }

    /// Forgets the rows before the one that is given after `given` others.
    pub(crate) fn forget(&self, given: u64) {
        let mut stretches = self.stretches();
        while stretches.get(1).is_some_and(|next| next.given <= given) {
            stretches.pop_front();
        }
    }

    fn stretches(&self) -> MutexGuard<'_, VecDeque<Stretch>> {
        self.stretches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use taploom_model::ErrorKind;

    use super::*;

    fn named(numbers: &RowNumbers, given: u64, row: u64) -> String {
        let error = Error::new(ErrorKind::InvalidValue, "x").with_row(row);
        numbers.name(error, given).to_string()
    }

    #[test]
    fn rows_are_those_of_their_files() {
        let all = RowNumbers::default();
        assert_eq!(named(&all, 2000, 7), "row 2007: x");
        let first = all.next_file("a.parquet", 0);
        // Rows 11 to 20 and 21 to 25, and then rows 101 to 110.
        first.jump(0, 10);
        first.jump(10, 20);
        first.jump(15, 100);
        let second = all.next_file("b.parquet", 25);
        second.jump(3, 50);
        for (given, row, expected) in [
            (0, 1, "row 11: in a.parquet: x"),
            (5, 10, "row 25: in a.parquet: x"),
            (5, 11, "row 101: in a.parquet: x"),
            (25, 1, "row 1: in b.parquet: x"),
            (27, 2, "row 51: in b.parquet: x"),
        ] {
            assert_eq!(named(&all, given, row), expected, "{given} {row}");
        }
        all.forget(16);
        assert_eq!(named(&all, 16, 1), "row 102: in a.parquet: x");
        all.forget(100);
        assert_eq!(named(&all, 100, 1), "row 123: in b.parquet: x");
        assert_eq!(all.stretches().len(), 1);
    }
}
