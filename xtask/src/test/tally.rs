//! Counts the tests that passed, failed, or were not run.

/// Counts tests. A step without tests counts as one.
#[derive(Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
    no_time: Vec<(&'static str, String)>,
    not_run: Vec<(&'static str, String)>,
    /// Steps and test programs that the command does not have.
    left_out: Vec<String>,
    /// Tests that a filter left out of the steps that ran.
    filtered: u64,
}

impl Tally {
    /// Counts the tests of a command that does not have some of the steps.
    pub(crate) fn without(left_out: Vec<String>) -> Self {
        Self { left_out, ..Self::default() }
    }

    /// Adds a closing line of a test program: `test result: ok. 5 passed; 0 failed; ...`
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some(result) = line.trim().strip_prefix("test result:") else { return };
        let mut words = result.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let Ok(number) = word.parse::<u64>() else { continue };
            match words.peek().map(|next| next.trim_end_matches(';')) {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("filtered") => self.filtered += number,
                _ => {}
            }
        }
    }

    /// Counts a step without tests as one passed test.
    pub(crate) fn passed(&mut self) {
        self.passed += 1;
    }

    pub(crate) fn failed_tests(&self) -> u64 {
        self.failed
    }

    /// Notes a step that failed. If none of its tests has been counted as failed since `before`, the step
    /// itself counts as one failed test.
    pub(crate) fn failed(&mut self, step: &str, why: &str, before: u64) {
        if self.failed == before {
            self.failed += 1;
        }
        self.failures.push(format!("{step}: {why}"));
    }

    /// Notes a step for which there was no time.
    pub(crate) fn no_time(&mut self, step: &'static str, reason: String) {
        self.no_time.push((step, reason));
    }

    /// Notes a step that can't be run here, with the reason.
    pub(crate) fn not_run(&mut self, step: &'static str, reason: String) {
        self.not_run.push((step, reason));
    }

    /// Whether a step has done its work, as far as it was begun.
    pub(crate) fn was_run(&self, step: &str) -> bool {
        self.not_run.iter().all(|(name, _)| *name != step)
    }

    pub(crate) fn all_passed(&self) -> bool {
        self.failures.is_empty() && self.failed == 0
    }

    /// Prints the steps that failed, those that were not run with their reasons, and the counts.
    pub(crate) fn print(&self) {
        println!();
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        for (step, reason) in self.no_time.iter().chain(&self.not_run) {
            println!("not run: {step}: {reason}");
        }
        if self.filtered > 0 {
            println!("left out: {} slow tests and cases of the steps above", self.filtered);
        }
        if !self.left_out.is_empty() {
            println!("left out: {}; cargo xtask test runs them", self.left_out.join(", "));
        }
        if !self.no_time.is_empty() {
            let names: Vec<&str> = self.no_time.iter().map(|(step, _)| *step).collect();
            println!(
                "{} passed, {} failed, {} not run for lack of time: {}",
                self.passed,
                self.failed,
                names.len(),
                names.join(", ")
            );
        }
    }

    /// The counts in the form that programs read. Steps without tests count as one.
    pub(crate) fn closing_line(&self) -> String {
        let counts = format!("{} passed, {} failed", self.passed, self.failed);
        let steps = self.no_time.len() + self.not_run.len() + self.left_out.len();
        match self.filtered + steps as u64 {
            0 => counts,
            skipped => format!("{counts}, {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_steps_are_counted() {
        let mut tally = Tally::default();
        tally
            .add_line("test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out");
        tally.add_line("running 3 tests");
        tally.passed();
        assert_eq!(tally.closing_line(), "6 passed, 0 failed");
        assert!(tally.all_passed());

        let before = tally.failed_tests();
        tally.failed("clippy", "cargo clippy failed: exit status: 101", before);
        tally.no_time("kafka", "it takes about 4 minutes, and 2 are left".to_owned());
        assert_eq!(tally.closing_line(), "6 passed, 1 failed, 1 skipped");
        assert!(!tally.all_passed());
    }

    #[test]
    fn what_a_command_leaves_out_is_skipped() {
        let mut tally = Tally::without(["docs", "packages"].map(str::to_owned).to_vec());
        tally.add_line(
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.10s",
        );
        assert_eq!(tally.closing_line(), "5 passed, 0 failed, 5 skipped");
        assert!(tally.all_passed());
    }

    #[test]
    fn a_step_whose_tests_failed_is_not_counted_again() {
        let mut tally = Tally::default();
        let before = tally.failed_tests();
        tally.add_line("test result: FAILED. 4 passed; 2 failed; 0 ignored");
        tally.failed("tests", "cargo test failed: exit status: 101", before);
        assert_eq!(tally.closing_line(), "4 passed, 2 failed");
    }
}
