//! ECSV files: separated text after a header in YAML; astropy's APE 6.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use taploom_model::{BatchSource, Result, RowSource, counted};

use self::column::EcsvColumn;
use self::header::Header;
use super::csv::{Block, Dialect, Records, Rows};
use super::described::{FileMetadata, FileSchema};
use crate::error::damaged;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod column;
mod header;

/// The beginning of a file, before its version.
const MARK: &[u8] = b"# %ECSV ";
/// Maximum size of a header in bytes.
const HEADER_BYTES: usize = 16 << 20;

/// The source type.
struct Ecsv;

register_source!(
    /// The source of ECSV files.
    ECSV = Ecsv
);

#[async_trait]
impl SourceType for Ecsv {
    const INFO: SourceInfo = SourceInfo::new("ecsv", "an ECSV file")
        .with_extensions(&["ecsv"])
        .with_mark(|beginning| beginning.starts_with(MARK));

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        open(place.into_reader()?, name, request)
    }
}

fn open(
    bytes: Box<dyn Read + Send>,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let mut reader = BufReader::with_capacity(1 << 16, bytes);
    let text = header_text(&mut reader, name)?;
    let wrong = |error: taploom_model::Error| error.with_context(format_args!("source {name}"));
    let header = Header::parse(&text).map_err(wrong)?;
    let mut records = Records::new(reader, name, &Dialect::ecsv(header.delimiter))?;
    let mut names = Block::default();
    if !records.read(&mut names, 1)? {
        return Err(damaged(format!(
            "source {name}: the record with the names of the columns is missing"
        )));
    }
    let names = names.names(name)?;
    let described: Vec<&str> = header.columns.iter().map(|column| &*column.name).collect();
    if names != described {
        let other = names.iter().zip(&described).find(|(name, described)| name != *described);
        let what = match other {
            Some((name, described)) => {
                format!(
                    "a column is called {name:?} by the first record, and {described:?} by the header"
                )
            }
            None => format!(
                "the first record names {}, and the header {}",
                counted(names.len() as u64, "column"),
                described.len()
            ),
        };
        return Err(damaged(format!("source {name}: {what}")));
    }
    records.expect(names.len());
    // astropy writes spaces between values, and does not distinguish null from empty text in such files.
    let has_empty_text = header.delimiter == b',';
    let columns = header.columns.iter().map(|column| column.builder(has_empty_text).map_err(wrong));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let fields = columns.iter().map(|column| Field::new(column.name(), column.data_type(), true));
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let known = FileMetadata {
        columns: header.columns.iter().map(EcsvColumn::metadata).collect(),
        table: header.table,
        notes: header.notes,
        ..FileMetadata::default()
    };
    let described = FileSchema::new(arrow, request, |_| Ok(Some(known)))?;
    let ending = described.ending(name);
    let arrow = described.schema.arrow();
    let rows = Rows::new(records, Vec::new(), columns, arrow, request.batch_rows);
    Ok(Box::new(BatchSource::new(described.schema, rows.batches()).with_ending(ending)))
}

/// The YAML in the comments before the first record.
fn header_text(reader: &mut impl BufRead, name: &str) -> Result<String> {
    let unreadable = |error: std::io::Error| {
        damaged(format!("source {name}: can't read the file")).with_source(error)
    };
    let mut text = Vec::new();
    while reader.fill_buf().map_err(unreadable)?.first() == Some(&b'#') {
        let start = text.len();
        let most = (HEADER_BYTES - start) as u64;
        let read = reader.by_ref().take(most).read_until(b'\n', &mut text).map_err(unreadable)?;
        if text.len() >= HEADER_BYTES {
            return Err(damaged(format!(
                "source {name}: a header of more than {HEADER_BYTES} bytes"
            )));
        }
        // The comment character, and the space after it. The first line is not YAML.
        let sign = if start == 0 && text.starts_with(MARK) {
            read
        } else if text[start..].starts_with(b"# ") {
            2
        } else {
            1
        };
        text.drain(start..start + sign);
        if text.is_empty() {
            text.push(b'\n');
        }
    }
    String::from_utf8(text).map_err(|_| damaged(format!("source {name}: its header is not UTF-8")))
}
