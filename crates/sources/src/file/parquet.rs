//! Parquet files.

use std::fs::File;
use std::sync::Arc;

use arrow_schema::{Metadata, Schema, SchemaRef};
use async_trait::async_trait;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::FileMetaData;
use taploom_model::{BatchSource, Column, Result, RowSource, counted};
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use self::condition::ConditionRows;
use self::parts::Parts;
use self::rows::{FileRows, ReadLimits, Sampler};
use self::sample::SampleWalker;
use super::batches::batches;
use super::described::{FileMetadata, FileSchema, add_late, in_arrow};
use crate::error::{damaged, invalid};
use crate::guard::guarded;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod bounds;
mod condition;
mod cost;
mod damage;
mod encrypted;
mod int96;
mod page_sizes;
mod parts;
mod plan;
pub(in crate::file) mod ranges;
mod rows;
mod sample;
mod transposed;

/// Parquet in the VO 1.0, 2.2.
const VO_KEYS: &str = "IVOA.VOTable-Parquet.";
const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";

/// The source type.
struct Parquet;

register_source!(
    /// The source of Parquet files.
    PARQUET = Parquet
);

#[async_trait]
impl SourceType for Parquet {
    const INFO: SourceInfo = SourceInfo::new("parquet", "a Parquet file")
        .with_extensions(&["parquet"])
        .with_mark(|beginning| {
            [b"PAR1", encrypted::ENCRYPTED_FOOTER].iter().any(|mark| beginning.starts_with(mark))
        });

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        let file = place.into_file()?;
        guarded(name, || open(file, name, request))
    }
}

fn open(mut file: File, name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let broken = |error: ParquetError| match error {
        ParquetError::NYI(why) => invalid(format!("source {name}: {why}")),
        error => damaged(format!("source {name}: not a whole Parquet file")).with_source(error),
    };
    if let Some(what) = encrypted::encrypted(&mut file) {
        return Err(invalid(format!(
            "source {name}: {what}, and keys can't be given; decrypt it with the program that wrote it"
        )));
    }
    let metadata = load(&file).map_err(broken)?;
    let ranges = ranges::ranges(metadata.metadata());
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or_default();
    let content = content(metadata.metadata().file_metadata());
    let keys = metadata.schema().metadata().clone();
    // The reader of the rows determines their types, but it removes the keys.
    let arrow = rows::schema(&file, &metadata, None).map_err(broken)?;
    let (mut overflowed, mut left_out) = (false, Vec::new());
    let mut described =
        FileSchema::new(with_keys(&arrow, &keys), request, |arrow| match &content {
            Some(content) => described_by_document(content, arrow, rows).map(|document| {
                (overflowed, left_out) = (document.overflowed, document.left_out);
                Some(FileMetadata { ranges, ..document.known })
            }),
            None => Ok(in_arrow(arrow)),
        })?;
    described.notes.extend(left_out);
    let ending = described.ending(name).with_overflow(overflowed);
    let walker = SampleWalker::new(&file, &metadata, &described.schema, request)?;
    let (parts, projection) =
        Parts::needed(&file, metadata, &described.schema, request, walker.is_some())?;
    let sampler = match walker {
        Some(walker) => {
            let (metadata, schema, group) =
                (&parts.metadata, &described.schema, walker.group_column());
            let condition = ConditionRows::new(&file, metadata, schema, request, group)?;
            Some(Sampler { walker, condition })
        }
        None => None,
    };
    let schema = projection.map_or(described.schema, |projection| projection.schema().clone());
    let rows = parts.rows();
    let limits = ReadLimits::of(request);
    let reader = FileRows::new(file, parts, sampler, name, &limits).map_err(broken)?;
    let source = BatchSource::new(schema, batches(reader, name.to_owned()));
    let source = source.with_rows_hint(rows);
    Ok(Box::new(source.with_ending(ending)))
}

fn load(file: &File) -> Result<ArrowReaderMetadata, ParquetError> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
    match int96::without_loss(file, &metadata)? {
        None => Ok(metadata),
        Some(schema) => {
            let options = ArrowReaderOptions::new().with_schema(schema);
            ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
        }
    }
}

/// Adds the keys of the file to the schema, for formats that keep them. Keys that describe only this file
/// are left out.
fn with_keys(schema: &SchemaRef, keys: &Metadata) -> SchemaRef {
    let keys = keys.iter().filter(|(key, _)| !key.starts_with(VO_KEYS));
    let keys: Metadata = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Arc::new(Schema::new_with_metadata(schema.fields().clone(), keys))
}

fn content(metadata: &FileMetaData) -> Option<String> {
    let mut keys = metadata.key_value_metadata()?.iter();
    keys.find(|key| key.key == CONTENT_KEY)?.value.clone()
}

/// The contents of the VOTable in a footer.
struct Document {
    known: FileMetadata,
    overflowed: bool,
    /// Notes on parts of the VOTable that neither the schema nor the rows can hold.
    left_out: Vec<String>,
}

/// The metadata of the first TABLE of a document, if its FIELDs have the number and the names of the
/// columns. Otherwise nothing of the document is used; TOPCAT does the same.
fn described_by_document(content: &str, arrow: &SchemaRef, rows: u64) -> Result<Document> {
    let options = ReadOptions::default().with_table(TableChoice::First);
    let mut reader = VotableReader::with_options(content.as_bytes(), options)?;
    let schema = reader.schema().clone();
    let (fields, columns) = (schema.columns(), arrow.fields());
    if fields.len() != columns.len() {
        return Err(invalid(format!(
            "the VOTable in the footer has {}, and the file has {}",
            counted(fields.len() as u64, "FIELD"),
            counted(columns.len() as u64, "column")
        )));
    }
    if let Some((field, column)) =
        fields.iter().zip(columns).find(|(field, column)| field.name() != column.name())
    {
        return Err(invalid(format!(
            "the VOTable in the footer calls a column {:?} that is {:?} in the file",
            field.name(),
            column.name()
        )));
    }
    let mut table = schema.table().clone();
    // A document in a footer has no rows. This reads the metadata that follow the table.
    while reader.next_batch(1)?.is_some() {}
    if let Some(late) = reader.late() {
        add_late(&mut table, late);
    }
    let columns = fields.iter().map(Column::resolved).collect();
    let mut passed_over = reader.passed_over();
    if let Some(said) = reader.rows_hint().filter(|said| *said != rows) {
        passed_over.push(format!("nrows={said} of a file with {}", counted(rows, "row")));
    }
    let left_out = passed_over.into_iter().map(|what| format!("left out: {what}"));
    Ok(Document {
        known: FileMetadata { columns, table, ..Default::default() },
        overflowed: reader.overflowed(),
        left_out: left_out.collect(),
    })
}
