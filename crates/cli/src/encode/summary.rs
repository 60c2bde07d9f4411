//! The summary file of `--summary`.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use taploom::pipeline::Encoded;
use taploom::{ColumnLosses, Completion, EncoderSpec, Error, ErrorKind, Result};

use super::destination::{Destination, WrittenFile};
use super::{Arguments, check_replaced, invalid};
use crate::compressed::Compression;

/// The contents of the summary.
#[derive(Serialize)]
pub(super) struct Summary {
    format: &'static str,
    content_type: String,
    status: &'static str,
    rows: u64,
    columns: usize,
    data_bytes: u64,
    total_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileSummary>>,
    truncated_cells: u64,
    altered_cells: u64,
    losses: Vec<ColumnLosses>,
    elapsed_seconds: f64,
}

/// One of several output files.
#[derive(Serialize)]
struct FileSummary {
    file: String,
    rows: u64,
    bytes: u64,
}

impl Summary {
    pub(super) fn new(
        spec: &EncoderSpec,
        encoded: &Encoded,
        columns: usize,
        destination: &Destination,
        started: Instant,
    ) -> Self {
        let Encoded { completion, summary, .. } = encoded;
        let compression = destination.compression();
        let files = destination.files().map(|files| {
            let files =
                files.map(|(file, WrittenFile { rows, bytes })| FileSummary { file, rows, bytes });
            files.collect()
        });
        Self {
            format: spec.plugin().info().id,
            content_type: spec.content_type(),
            status: match completion {
                Completion::Overflow => "overflow",
                _ => "complete",
            },
            rows: summary.rows,
            columns,
            data_bytes: summary.data_bytes,
            total_bytes: summary.total_bytes,
            compression: compression.map(Compression::name),
            compressed_bytes: compression.map(|_| destination.bytes()),
            files,
            truncated_cells: summary.truncated_cells,
            altered_cells: summary.altered_cells,
            losses: summary.losses.columns().to_vec(),
            elapsed_seconds: started.elapsed().as_secs_f64(),
        }
    }

    /// The summary as a line of JSON.
    pub(super) fn json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't write the summary").with_source(error)
        })?;
        json.push(b'\n');
        Ok(json)
    }
}

/// Checks that the summary is neither mixed with the rows nor replaces an input file.
pub(super) fn check(
    summary: &Path,
    arguments: &Arguments,
    destination: &Destination,
) -> Result<()> {
    if summary == Path::new("-") && destination.is_stdout() {
        let message =
            "--summary - and the rows both go to standard output; give one of them a file";
        return Err(invalid(message.to_owned()));
    }
    let sources = arguments.sources.iter();
    let sources = sources.map(|source| Path::new(source.strip_prefix("sqlite:").unwrap_or(source)));
    check_replaced("--summary", summary, sources.chain(arguments.metadata()))
}
