#![doc = include_str!("../README.md")]

mod arrow;
mod fits;
mod parquet;
mod report;
mod table;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use taploom_model::{Error, ErrorKind, Result};
use taploom_sources::{Request, SourceRegistry};

pub use report::{
    Advice, ArrowFacts, Bound, ChunkFacts, ColumnFacts, Count, Hdu, Inspection, Key, ParquetFacts,
    Readable, RowGroupFacts, Spread,
};
pub use table::type_name;

/// How thoroughly a file is inspected.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InspectOptions {
    /// Whether the whole file is read: every page of a Parquet file, every row of other files.
    pub verify: bool,
    /// Whether [`ParquetFacts::chunk_bytes`] is filled, for a plot.
    pub chunk_bytes: bool,
    /// The format of the file and options of its source, as in [`Request::input_format`]. By default, content and name
    /// of the file tell the format.
    ///
    /// [`Request::input_format`]: taploom_sources::Request::input_format
    pub input_format: Option<String>,
}

impl InspectOptions {
    /// Reads the whole file and reports which parts are damaged.
    #[must_use]
    pub fn with_verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Gives the format of the file.
    #[must_use]
    pub fn with_input_format(mut self, format: impl Into<Option<String>>) -> Self {
        self.input_format = format.into();
        self
    }

    /// Reports the size of every column chunk.
    #[must_use]
    pub fn with_chunk_bytes(mut self, chunk_bytes: bool) -> Self {
        self.chunk_bytes = chunk_bytes;
        self
    }
}

/// Inspects a file: Parquet, Arrow, FITS, or any other format that `taploom-sources` reads.
///
/// Defects of the file are part of the answer: see [`Inspection::problems`]. Only metadata are read, not
/// the rows, unless `options` ask for them. Memory does not grow with the size of the file, except for 24
/// bytes per row group, and 32 bytes per column chunk if the options ask for chunks.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the file does not exist or its format is not known;
/// [`ErrorKind::Source`] if reading it fails.
pub async fn inspect(path: &str, options: &InspectOptions) -> Result<Inspection> {
    if path == "-" {
        let message = "inspect can't read standard input, because it starts at the end of the file; save the data in a \
            file first";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let opened = File::open(Path::new(path)).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, mut file) = opened.map_err(|error| {
        let shown = if path.is_empty() { "\"\"" } else { path };
        let message = format!("can't read the file {shown}");
        Error::new(ErrorKind::InvalidRequest, message).with_source(error)
    })?;
    if !metadata.is_file() {
        let message = match metadata.is_dir() {
            true => format!("{path} is a folder; name the files in it"),
            false => {
                format!("{path} is neither a file nor a folder; save its data in a file first")
            }
        };
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let mut inspection =
        Inspection { file: path.to_owned(), bytes: metadata.len(), ..Inspection::default() };
    let mut beginning = Vec::new();
    let read = file.by_ref().take(64).read_to_end(&mut beginning).and_then(|_| file.rewind());
    read.map_err(|error| unreadable(path, error))?;
    inspection.inside = compression(&beginning);
    let begins = |mark: &[u8]| beginning.starts_with(mark);
    let is_parquet = begins(parquet::MARK) || begins(parquet::ENCRYPTED);
    let is_called_parquet = path.to_ascii_lowercase().ends_with(".parquet");
    let kind = match &options.input_format {
        Some(format) => {
            let request = Request::new(path).with_input_format(format.as_str());
            SourceRegistry::collected()?.find_for(&request)?.info().id
        }
        None if is_parquet || is_called_parquet && inspection.inside.is_none() => "parquet",
        None if begins(fits::MARK) => "fits",
        None => SourceRegistry::collected()?.find(path)?.info().id,
    };
    inspection.kind = kind.to_owned();
    match kind {
        "parquet" if inspection.inside.is_none() => {
            if beginning.is_empty() {
                inspection.problems.push("the file is empty".to_owned());
                return Ok(inspection);
            }
            if !is_parquet {
                inspection.problems.push(
                    "the file does not begin with PAR1: its beginning is damaged, or it is not a Parquet file"
                        .to_owned(),
                );
            }
            parquet::inspect(&file, &mut inspection, options)?;
            return Ok(inspection);
        }
        "fits" if inspection.inside.is_none() => {
            fits::inspect(&file, &mut inspection)?;
            return Ok(inspection);
        }
        "arrow" if inspection.inside.is_none() => arrow::inspect(&file, &mut inspection)?,
        _ => {}
    }
    drop(file);
    table::inspect(&mut inspection, options).await;
    Ok(inspection)
}

/// The compression of a file, by its first bytes. Sources decompress such a file whatever its name.
fn compression(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ => None,
    }
}

fn unreadable(path: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Source, format!("can't read the file {path}")).with_source(error)
}
