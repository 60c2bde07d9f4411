//! Table-driven tests that report every failing row.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Collects failures, so that one failing row does not hide the next ones.
///
/// ```should_panic
/// let mut failures = taploom_testkit::Failures::default();
/// for (text, number) in [("1", 1), ("2", 3), ("x", 4)] {
///     failures.row(text, || assert_eq!(text.parse(), Ok(number)));
/// }
/// failures.assert_none(); // names "2" and "x"
/// ```
#[derive(Debug, Default)]
pub struct Failures {
    rows: usize,
    failed: Vec<String>,
}

impl Failures {
    /// Runs the assertions of one row; a panic is kept with the name of the row.
    pub fn row(&mut self, name: impl Display, assertions: impl FnOnce()) {
        self.check(name, || {
            assertions();
            Ok::<(), String>(())
        });
    }

    /// The same for a row whose check returns an error.
    pub fn check<E: Display>(&mut self, name: impl Display, check: impl FnOnce() -> Result<(), E>) {
        self.rows += 1;
        let failure = match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic_message(&*panic),
        };
        self.failed.push(format!("{name}: {failure}"));
    }

    /// Checks that no row failed.
    ///
    /// # Panics
    /// With all failures, or if there was no row at all.
    #[track_caller]
    pub fn assert_none(self) {
        assert!(self.rows > 0, "the table has no rows: nothing was tested");
        let (failed, rows) = (self.failed.len(), self.rows);
        assert!(failed == 0, "{failed} of {rows} rows failed:\n{}", self.failed.join("\n"));
    }
}

/// The message of a panic, if it has one.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_fails_is_named() {
        let mut failures = Failures::default();
        for row in 1..=4 {
            failures.row(row, || assert!(row % 2 == 0, "odd"));
        }
        assert_eq!(failures.failed, ["1: odd", "3: odd"]);
    }

    #[test]
    #[should_panic(expected = "no rows")]
    fn a_table_without_rows_is_a_failure() {
        Failures::default().assert_none();
    }
}
