//! Parquet files.

use std::fs::File;

use arrow_array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::FileMetaData;
use taploom_model::{BatchSource, Column, Result, RowSource};
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use super::batches::batches;
use super::described::{FileMetadata, FileSchema, add_late, in_arrow};
use crate::error::invalid;
use crate::guard::guarded;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

/// Parquet in the VO 1.0, 2.2.
const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";

/// Names the source.
struct Parquet;

register_source!(
    /// The source of Parquet files.
    PARQUET = Parquet
);

#[async_trait]
impl SourceType for Parquet {
    const INFO: SourceInfo = SourceInfo::new("parquet", "a Parquet file")
        .with_extensions(&["parquet"])
        .with_mark(|beginning| beginning.starts_with(b"PAR1"));

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        let file = place.into_file()?;
        guarded(name, || open(file, name, request))
    }
}

fn open(file: File, name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let broken = |error: ParquetError| {
        invalid(format!("source {name}: not a whole Parquet file")).with_source(error)
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
    let rows = builder.metadata().file_metadata().num_rows();
    let content = content(builder.metadata().file_metadata());
    let reader = builder.with_batch_size(request.batch_rows.max(1)).build().map_err(broken)?;
    let (mut overflowed, mut left_out) = (false, Vec::new());
    let mut described = FileSchema::new(reader.schema(), request, |arrow| match &content {
        Some(content) => described_by_document(content, arrow).map(|document| {
            (overflowed, left_out) = (document.overflowed, document.left_out);
            Some(document.known)
        }),
        None => Ok(in_arrow(arrow)),
    })?;
    described.notes.extend(left_out);
    let ending = described.ending(name).with_overflow(overflowed);
    let source = BatchSource::new(described.schema, batches(reader, name.to_owned()));
    let source = source.with_rows_hint(u64::try_from(rows).unwrap_or_default());
    Ok(Box::new(source.with_ending(ending)))
}

fn content(metadata: &FileMetaData) -> Option<String> {
    let mut keys = metadata.key_value_metadata()?.iter();
    keys.find(|key| key.key == CONTENT_KEY)?.value.clone()
}

/// What the VOTable in a footer says.
struct Document {
    known: FileMetadata,
    overflowed: bool,
    /// What it says and nothing carries.
    left_out: Vec<String>,
}

/// The metadata of the first TABLE of a document, as long as its FIELDs are the columns: their number
/// and their names. TOPCAT passes over all of it where they are not.
fn described_by_document(content: &str, arrow: &SchemaRef) -> Result<Document> {
    let options = ReadOptions::default().with_table(TableChoice::First);
    let mut reader = VotableReader::with_options(content.as_bytes(), options)?;
    let schema = reader.schema().clone();
    let (fields, columns) = (schema.columns(), arrow.fields());
    if fields.len() != columns.len() {
        let (fields, columns) = (fields.len(), columns.len());
        return Err(invalid(format!(
            "the VOTable in the footer has {fields} FIELDs, and the file has {columns} columns"
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
    // A document in a footer has no rows. Metadata that follow the table are read now.
    while reader.next_batch(1)?.is_some() {}
    if let Some(late) = reader.late() {
        add_late(&mut table, late);
    }
    let columns = fields.iter().map(Column::resolved).collect();
    let left_out = reader.passed_over().into_iter().map(|what| format!("left out: {what}"));
    Ok(Document {
        known: FileMetadata { columns, table, notes: Vec::new() },
        overflowed: reader.overflowed(),
        left_out: left_out.collect(),
    })
}
