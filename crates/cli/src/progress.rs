//! What a person sees while rows go by.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use taploom::sources::ReadProgress;

/// A line on standard error, where that is a terminal; else nothing.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// What was read of files, where the number of rows is not known.
    read: Option<Arc<ReadProgress>>,
    shows_bytes: AtomicBool,
}

impl Progress {
    /// Of so many rows, where that is known, or else of the bytes of the input, where these are.
    pub(crate) fn start(rows: Option<u64>, read: impl Into<Option<Arc<ReadProgress>>>) -> Self {
        let read = read.into().filter(|_| rows.is_none());
        let shows_bytes = AtomicBool::new(false);
        if !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), read, shows_bytes };
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
        set_template(&bar, template);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, read, shows_bytes }
    }

    /// So many rows were encoded so far.
    pub(crate) fn rows(&self, rows: u64) {
        let Some((read, total)) = self.read.as_ref().and_then(|read| read.bytes()) else {
            self.bar.set_position(rows);
            return;
        };
        if !self.shows_bytes.swap(true, Ordering::Relaxed) {
            let template = "{wide_bar} {msg} rows, {bytes} of {total_bytes}, {eta} left";
            set_template(&self.bar, template);
        }
        self.bar.set_length(total);
        self.bar.set_position(read);
        self.bar.set_message(rows.to_string());
    }
}

fn set_template(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
