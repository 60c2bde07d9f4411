//! Shows the progress on a terminal.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use taploom::sources::ReadProgress;

use crate::say;
use crate::terminal::{bytes, grouped};

/// Whether progress is shown: standard error is a terminal, and the rows are not written to the same
/// terminal.
pub(crate) fn is_wanted(quiet: bool, rows_to_stdout: bool) -> bool {
    !quiet
        && std::io::stderr().is_terminal()
        && !(rows_to_stdout && std::io::stdout().is_terminal())
}

/// The line at the end of the work. `files` is the number of files if there are several.
pub(crate) fn finished(files: Option<usize>, rows: u64, size: u64, elapsed: Duration) -> String {
    let files = match files {
        None => String::new(),
        Some(1) => "1 file, ".to_owned(),
        Some(files) => format!("{} files, ", grouped(files as u64)),
    };
    let unit = if rows == 1 { "row" } else { "rows" };
    let seconds = elapsed.as_secs_f64();
    let rate = grouped((rows as f64 / seconds.max(1e-3)) as u64);
    let rows = grouped(rows);
    format!("{files}{rows} {unit}, {} in {seconds:.1} s ({rate} rows/s)", bytes(size))
}

/// Terminals with fewer columns get a line without a bar, and with fewer numbers.
const BAR_COLUMNS: u16 = 72;

/// A progress line on standard error, or nothing.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// The bytes read from the input, if the number of rows is not known.
    read: Option<Arc<ReadProgress>>,
    shows_bytes: AtomicBool,
}

impl Progress {
    /// Starts to show progress, relative to the number of rows if it is known, or else to the size of the
    /// input. Nothing is shown unless [it is wanted](is_wanted).
    pub(crate) fn start(rows: Option<u64>, read: Arc<ReadProgress>, is_wanted: bool) -> Self {
        let read = Some(read).filter(|_| rows.is_none());
        match rows {
            _ if !is_wanted => Self::of(ProgressBar::hidden(), read),
            Some(rows) => Self::shown(
                ProgressBar::new(rows),
                read,
                [
                    "{wide_bar} {percent}% of {human_len} rows{prefix}, {rate}, {eta} left",
                    "{percent}%{prefix}, {rate}, {eta} left",
                ],
            ),
            None => Self::shown(
                ProgressBar::new_spinner(),
                read,
                [
                    "{spinner} {human_pos} rows{prefix}, {rate}, {elapsed}",
                    "{spinner} {human_pos} rows{prefix}, {elapsed}",
                ],
            ),
        }
    }

    /// Starts to show the progress of a number of runs.
    pub(crate) fn of_runs(runs: u64, is_wanted: bool) -> Self {
        let templates =
            ["{wide_bar} {pos} of {len} runs, {eta} left", "{pos} of {len} runs, {eta} left"];
        match is_wanted {
            true => Self::shown(ProgressBar::new(runs), None, templates),
            false => Self::of(ProgressBar::hidden(), None),
        }
    }

    fn of(bar: ProgressBar, read: Option<Arc<ReadProgress>>) -> Self {
        Self { bar, read, shows_bytes: AtomicBool::new(false) }
    }

    fn shown(bar: ProgressBar, read: Option<Arc<ReadProgress>>, templates: [&str; 2]) -> Self {
        set_template(&bar, templates);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self::of(bar, read)
    }

    /// Prints a line above the progress.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    /// Sets the number of the output file, counted from 1.
    pub(crate) fn file(&self, number: u64) {
        self.bar.set_prefix(format!(", file {}", grouped(number)));
    }

    /// Sets the number of rows encoded so far.
    pub(crate) fn rows(&self, rows: u64) {
        let Some((read, total)) = self.read.as_ref().and_then(|read| read.bytes()) else {
            self.bar.set_position(rows);
            return;
        };
        if !self.shows_bytes.swap(true, Ordering::Relaxed) {
            let templates = [
                "{wide_bar} {percent}% of {decimal_total_bytes}, {msg}{prefix}, {eta} left",
                "{percent}% of {decimal_total_bytes}{prefix}, {eta} left",
            ];
            set_template(&self.bar, templates);
        }
        self.bar.set_length(total);
        self.bar.set_position(read);
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
        let rate = grouped((rows as f64 / seconds) as u64);
        self.bar.set_message(format!("{} rows, {rate}/s", grouped(rows)));
    }
}

/// Sets the first template, or the second one on a narrow terminal.
fn set_template(bar: &ProgressBar, [wide, narrow]: [&str; 2]) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    let is_narrow = size.is_some_and(|(width, _)| width.0 < BAR_COLUMNS);
    let template = if is_narrow { narrow } else { wide };
    if let Ok(style) = ProgressStyle::with_template(template) {
        // The progress bar library would show the rate with four decimals.
        let rate = |state: &ProgressState, line: &mut dyn fmt::Write| {
            let _ = write!(line, "{}/s", grouped(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
