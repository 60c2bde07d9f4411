//! Parquet and Arrow files.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::SchemaRef;
use taploom_encoder::{Error, ErrorKind, Result, ResultSchema};
use taploom_stream::{BatchSource, RowSource};

use crate::open::{Request, invalid};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parquet,
    ArrowFile,
    ArrowStream,
}

pub(crate) fn open(path: &Path, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        invalid(format!("source {name}: can't read the file")).with_source(error)
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut beginning = Vec::new();
    file.by_ref().take(16).read_to_end(&mut beginning).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    match kind(path, &beginning)? {
        Kind::Parquet => open_parquet(file, &name, request),
        kind => open_arrow(file, kind, &name, request),
    }
}

/// Known by content: a name is a promise, the first bytes are a fact. Where the two disagree, the
/// error says so.
fn kind(path: &Path, beginning: &[u8]) -> Result<Kind> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let kind = match beginning {
        [b'P', b'A', b'R', b'1', ..] => Some(Kind::Parquet),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(Kind::ArrowFile),
        [0xff, 0xff, 0xff, 0xff, ..] => Some(Kind::ArrowStream),
        _ => None,
    };
    let name = path.display();
    kind.ok_or_else(|| match extension.to_ascii_lowercase().as_str() {
        "parquet" => invalid(format!("source {name}: not a Parquet file, whatever its name says")),
        "arrow" => invalid(format!("source {name}: not an Arrow file, whatever its name says")),
        _ if beginning.starts_with(b"SQLite format 3\0") => {
            invalid(format!("source {name} is a SQLite database: call it sqlite:{name}"))
        }
        _ => invalid(format!("source {name}: neither a Parquet file nor an Arrow file or stream")),
    })
}

#[cfg(feature = "parquet")]
fn open_parquet(file: File, name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let broken = |error: parquet::errors::ParquetError| {
        invalid(format!("source {name}: not a whole Parquet file")).with_source(error)
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
    let rows = builder.metadata().file_metadata().num_rows();
    let reader = builder.with_batch_size(request.batch_rows.max(1)).build().map_err(broken)?;
    let schema = described(reader.schema(), request)?;
    let name = name.to_owned();
    let batches = reader.map(move |batch| batch.map_err(|error| unread(&name, error)));
    let source = BatchSource::new(schema, batches);
    Ok(Box::new(source.with_rows_hint(u64::try_from(rows).unwrap_or_default())))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(_: File, name: &str, _: &Request<'_>) -> Result<Box<dyn RowSource>> {
    Err(crate::open::left_out(name))
}

#[cfg(feature = "arrow")]
fn open_arrow(
    file: File,
    kind: Kind,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    use std::io::BufReader;

    use arrow_ipc::reader::{FileReader, StreamReader};

    let broken = |error: arrow_schema::ArrowError| {
        invalid(format!("source {name}: not a whole Arrow file")).with_source(error)
    };
    let file = BufReader::new(file);
    type Batches = Box<dyn Iterator<Item = Result<RecordBatch, arrow_schema::ArrowError>> + Send>;
    let (schema, batches): (SchemaRef, Batches) = if kind == Kind::ArrowFile {
        let reader = FileReader::try_new(file, None).map_err(broken)?;
        (reader.schema(), Box::new(reader))
    } else {
        let reader = StreamReader::try_new(file, None).map_err(broken)?;
        (reader.schema(), Box::new(reader))
    };
    let schema = described(schema, request)?;
    let name = name.to_owned();
    let most = request.batch_rows.max(1);
    // Batches of a file have any size; slices of them share their memory.
    let batches = batches.flat_map(move |batch| match batch {
        Err(error) => vec![Err(unread(&name, error))],
        Ok(batch) => (0..batch.num_rows())
            .step_by(most)
            .map(|row| Ok(batch.slice(row, most.min(batch.num_rows() - row))))
            .collect(),
    });
    Ok(Box::new(BatchSource::new(schema, batches)))
}

#[cfg(not(feature = "arrow"))]
fn open_arrow(_: File, _: Kind, name: &str, _: &Request<'_>) -> Result<Box<dyn RowSource>> {
    Err(crate::open::left_out(name))
}

/// The schema of a file, with the metadata that were given.
fn described(arrow: SchemaRef, request: &Request<'_>) -> Result<ResultSchema> {
    match &request.columns {
        Some(columns) => ResultSchema::new(arrow, columns.clone()),
        None => Ok(ResultSchema::derived(arrow)),
    }
}

fn unread(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Source, format!("source {name}: can't read more rows")).with_source(error)
}
