//! Runs the whole suite.

use std::fmt;

use crate::cases::CASES;
use crate::checks::Verdict;
use crate::subject::Subject;

/// The outcome of every case of the suite.
///
/// [`Display`](fmt::Display) shows the failures first, then what does not apply and why, then the counts.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Names of the cases that the format passes.
    pub passed: Vec<&'static str>,
    /// Names of the cases that it fails, each with a description of the fault.
    pub failed: Vec<(&'static str, String)>,
    /// Names of the cases that do not apply to it, each with the reason.
    pub not_applicable: Vec<(&'static str, String)>,
}

/// Runs all of [`CASES`] on a format.
pub fn run(subject: &mut Subject<'_>) -> Report {
    let mut report = Report::default();
    for case in CASES {
        match case.run(subject) {
            Ok(Verdict::Passed { .. }) => report.passed.push(case.name),
            Ok(Verdict::NotApplicable { reason }) => {
                report.not_applicable.push((case.name, reason));
            }
            Err(why) => report.failed.push((case.name, why)),
        }
    }
    report
}

impl Report {
    /// Checks that the format passed every case that applies.
    ///
    /// # Panics
    /// With the whole report, if the format fails a case.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failed.is_empty(), "\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, why) in &self.failed {
            writeln!(f, "FAILED {name}\n    {why}")?;
        }
        for (name, reason) in &self.not_applicable {
            writeln!(f, "not applicable: {name}: {reason}")?;
        }
        let [passed, failed] = [self.passed.len(), self.failed.len()];
        write!(f, "{passed} passed, {failed} failed, {} not applicable", self.not_applicable.len())
    }
}
