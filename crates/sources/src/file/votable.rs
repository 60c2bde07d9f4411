//! VOTable files.

use std::io::Read;

use async_trait::async_trait;
use taploom_model::{
    Ending, Error, Info, Resource, Result, ResultSchema, RowSource, Step, TableMetadata,
};
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

#[cfg(feature = "fits")]
mod in_fits;

/// The source type.
struct Votable;

register_source!(
    /// The source of VOTable files.
    VOTABLE = Votable
);

#[async_trait]
impl SourceType for Votable {
    const INFO: SourceInfo = SourceInfo::new("votable", "a VOTable")
        .with_extensions(&["vot", "xml"])
        .with_mark(is_document)
        .with_tables();

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        open(place.into_reader()?, name, request)
    }
}

/// Whether a file may be a VOTable: it begins with a tag, after white space and the byte order mark of
/// UTF-8, or with the byte order mark of UTF-16. If it is not a VOTable after all, the reader explains why.
fn is_document(beginning: &[u8]) -> bool {
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    matches!(beginning, [0xfe, 0xff, ..] | [0xff, 0xfe, ..])
        || text.trim_ascii_start().starts_with(b"<")
}

fn open(
    bytes: Box<dyn Read + Send>,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let table = match request.table {
        None => TableChoice::Only,
        Some(table) => {
            table.parse().map_or_else(|_| TableChoice::Name(table.to_owned()), TableChoice::Index)
        }
    };
    let options = ReadOptions::default().with_table(table).with_takes_fits(cfg!(feature = "fits"));
    let reader = VotableReader::with_options(bytes, options).map_err(|error| named(name, error))?;
    #[cfg(feature = "fits")]
    if let Some(hdu) = reader.fits_hdu() {
        return in_fits::open(reader, hdu, name, request);
    }
    let schema = match &request.columns {
        Some(list) => list.describe(reader.schema().arrow().clone())?,
        None => reader.schema().clone(),
    };
    let batch_rows = request.batch_rows;
    Ok(Box::new(VotableSource { reader, schema, batch_rows, name: name.to_owned() }))
}

struct VotableSource {
    reader: VotableReader<Box<dyn Read + Send>>,
    schema: ResultSchema,
    batch_rows: usize,
    name: String,
}

impl VotableSource {
    /// The ending of the document, as far as it has been read.
    fn ending(&self) -> Ending {
        ending(&self.reader, &self.name)
    }
}

/// The ending of a document, as far as it has been read.
fn ending<R: Read>(reader: &VotableReader<R>, name: &str) -> Ending {
    let constructs = reader.passed_over();
    let late = reader.late().map(late).unwrap_or_default();
    let notes = constructs.iter().chain(&late);
    Ending::default()
        .with_overflow(reader.overflowed())
        .with_notes(notes.map(|what| format!("{name}: left out: {what}")))
}

#[async_trait]
impl RowSource for VotableSource {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        let next = self.reader.next_batch(self.batch_rows);
        Ok(match next.map_err(|error| named(&self.name, error))? {
            Some(batch) => Step::Rows(batch),
            None => Step::End(self.ending()),
        })
    }

    fn stop(&mut self) -> Ending {
        self.ending()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.reader.rows_hint()
    }
}

/// Notes on metadata that follow the rows, and come too late for the schema.
fn late(late: &TableMetadata) -> Vec<String> {
    let TableMetadata { infos, resource, document, .. } = late;
    let infos = [infos, &resource.infos, &document.infos].into_iter().flatten();
    let infos = infos.map(|Info { name, value, .. }| format!("INFO {name:?} ({value:?})"));
    let resources = [&resource.resources, &document.resources].into_iter().flatten();
    let resources = resources.map(|Resource { name, id, utype, .. }| {
        let called = name.as_deref().or(id.as_deref()).or(utype.as_deref());
        called.map_or_else(|| "RESOURCE".to_owned(), |name| format!("RESOURCE {name:?}"))
    });
    let has_more = [resource, document].iter().any(|around| {
        let known = Resource {
            infos: around.infos.clone(),
            resources: around.resources.clone(),
            ..Resource::default()
        };
        **around != known
    });
    let more = has_more.then(|| "metadata".to_owned());
    infos.chain(resources).chain(more).map(|what| format!("{what}, after the rows")).collect()
}

/// The same error, naming the file.
fn named(name: &str, error: Error) -> Error {
    error.with_context(format_args!("source {name}"))
}
