//! Verdicts, which require at least one comparison.

use std::fmt::{self, Debug, Display};
use std::num::NonZeroU64;

/// The verdict of a case that the format did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The format passes.
    #[non_exhaustive]
    Passed {
        /// Comparisons that the case made. A case that compares nothing fails.
        checks: NonZeroU64,
    },
    /// The case does not apply, by the declarations of the [`Subject`](crate::Subject).
    NotApplicable {
        /// The reason, in one sentence.
        reason: String,
    },
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed { checks } => write!(f, "passed, {checks} checks"),
            Self::NotApplicable { reason } => write!(f, "not applicable: {reason}"),
        }
    }
}

/// `Ok`, or a sentence that names the fault of the format.
pub(crate) type Check<T = ()> = Result<T, String>;

/// Makes the comparisons of one case, and counts them. A case without comparisons has no verdict.
#[derive(Debug, Default)]
pub(crate) struct Checks(u64);

impl Checks {
    /// Compares two values.
    pub(crate) fn equal<T: PartialEq + Debug + ?Sized>(
        &mut self,
        what: impl Display,
        got: &T,
        expected: &T,
    ) -> Check {
        self.that(got == expected, || format!("{what}: got {got:?}, expected {expected:?}"))
    }

    /// Requires a condition; `otherwise` describes the fault if it does not hold.
    pub(crate) fn that(&mut self, holds: bool, otherwise: impl FnOnce() -> String) -> Check {
        self.0 += 1;
        if holds { Ok(()) } else { Err(otherwise()) }
    }

    /// Counts a comparison that was made elsewhere.
    pub(crate) fn result<T>(&mut self, result: Check<T>) -> Check<T> {
        self.0 += 1;
        result
    }

    /// The verdict on a format that failed no comparison.
    pub(crate) fn verdict(self) -> Check<Verdict> {
        match NonZeroU64::new(self.0) {
            Some(checks) => Ok(Verdict::Passed { checks }),
            None => Err("the case compared nothing, which is a defect of the suite".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_compares_nothing_has_no_verdict() {
        assert!(Checks::default().verdict().is_err());
        let mut checks = Checks::default();
        checks.equal("one", &1, &1).unwrap();
        assert_eq!(checks.verdict().unwrap().to_string(), "passed, 1 checks");
    }
}
