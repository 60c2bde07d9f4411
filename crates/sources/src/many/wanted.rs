//! The request for each of several files.

use std::sync::Arc;

use crate::guesses::Guesses;
use crate::progress::ReadProgress;
use crate::request::Request;
use crate::row_numbers::RowNumbers;

/// A request without its locations. It outlives the call that opens the files.
pub(super) struct Wanted {
    request: Request<'static>,
    table: Option<String>,
    query: Option<String>,
    input_format: Option<String>,
    /// Guesses from all files, for formats without types.
    pub(super) guesses: Guesses,
}

impl Wanted {
    /// Takes over a request. Bytes are only counted after [`with_progress`](Self::with_progress).
    pub(super) fn of(request: &Request<'_>) -> Self {
        let guesses = Guesses::default();
        Self {
            request: Request {
                progress: None,
                guesses: Some(guesses.clone()),
                ..request.without_texts()
            },
            table: request.table.map(str::to_owned),
            query: request.query.map(str::to_owned),
            input_format: request.input_format.map(str::to_owned),
            guesses,
        }
    }

    pub(super) fn with_progress(mut self, progress: Option<Arc<ReadProgress>>) -> Self {
        self.request.progress = progress;
        self
    }

    /// The request for one file, of which no rows are read.
    pub(super) fn request<'a>(&'a self, file: &'a str) -> Request<'a> {
        let row_numbers = RowNumbers::default();
        Request {
            location: file,
            row_numbers,
            table: self.table.as_deref(),
            query: self.query.as_deref(),
            input_format: self.input_format.as_deref(),
            ..self.request.clone()
        }
    }

    /// The request for the next file, after `given` rows of the files before it.
    pub(super) fn next_request<'a>(&'a self, file: &'a str, given: u64) -> Request<'a> {
        let row_numbers = self.request.row_numbers.next_file(file, given);
        Request { row_numbers, ..self.request(file) }
    }

    /// Counts rows that were read.
    pub(super) fn take(&mut self, rows: usize) {
        let most_rows = &mut self.request.most_rows;
        *most_rows = most_rows.map(|most| most.saturating_sub(rows as u64));
    }
}
