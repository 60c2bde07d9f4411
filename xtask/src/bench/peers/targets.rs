//! Goals of measurements, and whether they are reached.

use std::fmt::Write as _;

/// A table of goals.
#[derive(Default)]
pub(super) struct Targets {
    lines: String,
}

impl Targets {
    pub(super) fn at_least(&mut self, what: &str, goal: f64, measured: f64, digits: usize) {
        self.add(what, ("at least", goal), measured, measured >= goal, digits);
    }

    pub(super) fn at_most(&mut self, what: &str, goal: f64, measured: f64, digits: usize) {
        self.add(what, ("at most", goal), measured, measured <= goal, digits);
    }

    fn add(
        &mut self,
        what: &str,
        (bound, goal): (&str, f64),
        measured: f64,
        reached: bool,
        digits: usize,
    ) {
        let verdict = match reached {
            true => "reached".to_owned(),
            false => format!("**missed**, {:.2} of the target", measured / goal),
        };
        let _ = writeln!(
            self.lines,
            "| {what} | {bound} {goal:.digits$} | {measured:.digits$} | {verdict} |"
        );
    }

    /// The table in Markdown; nothing if there are no goals.
    pub(super) fn table(&self) -> String {
        match self.lines.as_str() {
            "" => String::new(),
            lines => format!("| target | to reach | measured | |\n|---|---:|---:|---|\n{lines}\n"),
        }
    }
}
