//! The request for each of several files.

use std::sync::Arc;

use taploom_expressions::{Condition, FirstIds, SelectList};
use taploom_model::Resources;

use crate::column_list::ColumnList;
use crate::guesses::Guesses;
use crate::progress::ReadProgress;
use crate::request::Request;
use crate::sampling::Sampling;

/// A request without its locations. It outlives the call that opens the files.
pub(super) struct Wanted {
    table: Option<String>,
    query: Option<String>,
    input_format: Option<String>,
    columns: Option<ColumnList>,
    batch_rows: usize,
    most_rows: Option<u64>,
    select: Option<SelectList>,
    condition: Option<Condition>,
    sample: Option<FirstIds>,
    sampling: Option<Sampling>,
    resources: Resources,
    progress: Option<Arc<ReadProgress>>,
    /// Guesses from all files, for formats without types.
    pub(super) guesses: Guesses,
}

impl Wanted {
    /// Takes over a request. Bytes are only counted after [`with_progress`](Self::with_progress).
    pub(super) fn of(request: &Request<'_>) -> Self {
        let Request {
            location: _,
            more_locations: _,
            query,
            table,
            columns,
            batch_rows,
            most_rows,
            select,
            condition,
            sample,
            sample_stats: _,
            resources,
            progress: _,
            guesses: _,
            sampling,
            input_format,
            options: _,
        } = request;
        Self {
            table: table.map(str::to_owned),
            query: query.map(str::to_owned),
            input_format: input_format.map(str::to_owned),
            columns: columns.clone(),
            batch_rows: *batch_rows,
            most_rows: *most_rows,
            select: select.clone(),
            condition: condition.clone(),
            sample: sample.clone(),
            sampling: sampling.clone(),
            resources: resources.clone(),
            progress: None,
            guesses: Guesses::default(),
        }
    }

    pub(super) fn with_progress(self, progress: Option<Arc<ReadProgress>>) -> Self {
        Self { progress, ..self }
    }

    /// The request for one file.
    pub(super) fn request<'a>(&'a self, file: &'a str) -> Request<'a> {
        let mut request = Request::new(file)
            .with_query(self.query.as_deref())
            .with_table(self.table.as_deref())
            .with_input_format(self.input_format.as_deref())
            .with_columns(self.columns.clone())
            .with_batch_rows(self.batch_rows)
            .with_most_rows(self.most_rows)
            .with_select(self.select.clone())
            .with_condition(self.condition.clone())
            .with_sample(self.sample.clone())
            .with_resources(self.resources.clone())
            .with_progress(self.progress.clone());
        request.guesses = Some(self.guesses.clone());
        request.sampling = self.sampling.clone();
        request
    }

    /// Counts rows that were read.
    pub(super) fn take(&mut self, rows: usize) {
        self.most_rows = self.most_rows.map(|most| most.saturating_sub(rows as u64));
    }
}
