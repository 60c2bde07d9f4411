//! What a person sees while rows go by.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line on standard error, where that is a terminal; else nothing.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of so many rows, where that is known.
    pub(crate) fn start(rows: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let (bar, template) = match rows {
            Some(rows) => (
                ProgressBar::new(rows),
                "{wide_bar} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
            ),
            None => {
                (ProgressBar::new_spinner(), "{spinner} {human_pos} rows, {per_sec}, {elapsed}")
            }
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// So many rows were encoded so far.
    pub(crate) fn rows(&self, rows: u64) {
        self.0.set_position(rows);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
