//! Collects measured values, each with its limit, into a page of the book. If a value misses its limit, the
//! command fails after it has written the page.

use crate::Outcome;
use crate::bench::page::write_page;

/// The lines of the page so far, and the missed limits.
#[derive(Default)]
pub(crate) struct Figures {
    lines: Vec<String>,
    missed: Vec<String>,
}

impl Figures {
    /// Begins a table of measured values.
    pub(crate) fn section(&mut self, title: &str) {
        self.add(format!("\n### {title}\n\n| | measured | at most |\n|---|---:|---:|"));
    }

    pub(crate) fn at_most(&mut self, what: &str, measured: f64, limit: f64) {
        let kept = measured <= limit;
        if !kept {
            self.missed.push(format!("{what}: {measured:.2}, at most {limit:.2}"));
        }
        let mark = if kept { "" } else { " **missed**" };
        self.add(format!("| {what} | {measured:.2}{mark} | {limit:.2} |"));
    }

    /// Adds a value without a limit.
    pub(crate) fn note(&mut self, what: &str, measured: f64) {
        self.add(format!("| {what} | {measured:.2} | |"));
    }

    pub(crate) fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.missed.push(what.to_owned());
        }
        self.add(format!("| {what} | {} | |", if holds { "yes" } else { "**no**" }));
    }

    /// Adds a line of Markdown, and prints it.
    pub(crate) fn add(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }

    /// Writes a page in `docs/src`. `command` is the one that measured, and `text` describes how.
    pub(crate) fn write(self, page: &str, title: &str, command: &str, text: &str) -> Outcome {
        write_page(page, title, command, &format!("{text}\n{}", self.text()))?;
        self.verdict()
    }

    /// The lines so far, in Markdown.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Fails if a limit was missed.
    pub(crate) fn verdict(&self) -> Outcome {
        if self.missed.is_empty() {
            return Ok(());
        }
        Err(format!("missed:\n  {}", self.missed.join("\n  ")))
    }
}
