//! Parquet, Arrow, VOTable, CSV and TSV files.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use taploom_model::Result;
use taploom_model::RowSource;

#[cfg(any(feature = "arrow", feature = "parquet"))]
use crate::guard::guarded;
use crate::open::{Request, invalid};

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "csv")]
mod csv;
#[cfg(any(feature = "arrow", feature = "parquet"))]
mod metadata;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "votable")]
mod votable;

/// Bytes that tell what a file holds, with white space before them.
const BEGINNING: u64 = 256;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parquet,
    ArrowFile,
    ArrowStream,
    /// With what stands between two values.
    Separated(u8),
    Votable,
}

pub(crate) fn open(path: &Path, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        invalid(format!("source {name}: can't read the file")).with_source(error)
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut beginning = Vec::new();
    file.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let kind = kind(path, &beginning)?;
    if kind != Kind::Votable && request.table.is_some() {
        return Err(invalid(format!("source {name} has no choice of tables; VOTable files do")));
    }
    match kind {
        #[cfg(feature = "parquet")]
        Kind::Parquet => guarded(&name, || parquet::open(file, &name, request)),
        #[cfg(feature = "arrow")]
        Kind::ArrowFile => guarded(&name, || arrow::open_file(file, &name, request)),
        #[cfg(feature = "arrow")]
        Kind::ArrowStream => guarded(&name, || arrow::open_stream(file, &name, request)),
        #[cfg(feature = "csv")]
        Kind::Separated(separator) => csv::open(file, &name, separator, request),
        #[cfg(feature = "votable")]
        Kind::Votable => votable::open(file, &name, request),
        #[cfg(not(all(
            feature = "parquet",
            feature = "arrow",
            feature = "csv",
            feature = "votable"
        )))]
        _ => Err(crate::open::left_out(request.location)),
    }
}

/// Known by content: a name is a promise, the first bytes are a fact. Where the two disagree, the
/// error says so. Separated text has no mark, and is known by its name.
fn kind(path: &Path, beginning: &[u8]) -> Result<Kind> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    let kind = match beginning {
        [b'P', b'A', b'R', b'1', ..] => Some(Kind::Parquet),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(Kind::ArrowFile),
        [0xff, 0xff, 0xff, 0xff, ..] => Some(Kind::ArrowStream),
        // Whether it is one, and one in UTF-8, its reader says best.
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Some(Kind::Votable),
        _ if is_markup(beginning) => Some(Kind::Votable),
        _ => match extension.as_str() {
            "csv" => Some(Kind::Separated(b',')),
            "tsv" => Some(Kind::Separated(b'\t')),
            _ => None,
        },
    };
    let name = path.display();
    kind.ok_or_else(|| match extension.as_str() {
        "parquet" => invalid(format!("source {name}: not a Parquet file, whatever its name says")),
        "arrow" => invalid(format!("source {name}: not an Arrow file, whatever its name says")),
        "vot" | "xml" => invalid(format!("source {name}: not a VOTable, whatever its name says")),
        _ if beginning.starts_with(b"SQLite format 3\0") => {
            invalid(format!("source {name} is a SQLite database: call it sqlite:{name}"))
        }
        _ => invalid(format!(
            "source {name}: neither a Parquet file, an Arrow file or stream, nor a VOTable, and neither \
             .csv nor .tsv"
        )),
    })
}

/// Whether a text begins with a tag, after white space and the mark of UTF-8.
fn is_markup(beginning: &[u8]) -> bool {
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    text.trim_ascii_start().starts_with(b"<")
}

/// The batches of a reader, up to its first error or panic.
#[cfg(any(feature = "arrow", feature = "parquet"))]
fn batches(
    mut reader: impl arrow_array::RecordBatchReader + Send,
    name: String,
) -> impl Iterator<Item = Result<arrow_array::RecordBatch>> + Send {
    use taploom_model::{Error, ErrorKind};

    let mut failed = false;
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = guarded(&name, || {
            reader.next().transpose().map_err(|error| {
                let message = format!("source {name}: can't read more rows");
                Error::new(ErrorKind::Source, message).with_source(error)
            })
        });
        failed = next.is_err();
        next.transpose()
    })
}
