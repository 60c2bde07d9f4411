//! VOTable files.

use std::fs::File;

use async_trait::async_trait;
use taploom_model::{
    Ending, Error, Info, Resource, Result, ResultSchema, RowSource, Step, TableMetadata,
};
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use crate::open::Request;

pub(super) fn open(file: File, name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let table = match request.table {
        None => TableChoice::Only,
        Some(table) => {
            table.parse().map_or_else(|_| TableChoice::Name(table.to_owned()), TableChoice::Index)
        }
    };
    let options = ReadOptions { table, ..ReadOptions::default() };
    let reader = VotableReader::with_options(file, options).map_err(|error| named(name, error))?;
    let schema = match &request.columns {
        Some(list) => list.describe(reader.schema().arrow().clone())?,
        None => reader.schema().clone(),
    };
    let batch_rows = request.batch_rows;
    Ok(Box::new(VotableSource { reader, schema, batch_rows, name: name.to_owned() }))
}

struct VotableSource {
    reader: VotableReader<File>,
    schema: ResultSchema,
    batch_rows: usize,
    name: String,
}

impl VotableSource {
    /// How the document ended, once it was read to its end.
    fn ending(&self) -> Ending {
        let constructs = self.reader.passed_over();
        let late = self.reader.late().map(late).unwrap_or_default();
        let notes = constructs.iter().chain(&late);
        Ending::default()
            .with_overflow(self.reader.overflowed())
            .with_notes(notes.map(|what| format!("{}: left out: {what}", self.name)))
    }
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

    fn rows_hint(&self) -> Option<u64> {
        self.reader.rows_hint()
    }
}

/// What stands behind the rows, and comes too late for the schema.
fn late(late: &TableMetadata) -> Vec<String> {
    let TableMetadata { infos, resource, document, .. } = late;
    let infos = [infos, &resource.infos, &document.infos].into_iter().flatten();
    let infos = infos.map(|Info { name, value, .. }| format!("INFO {name:?} ({value:?})"));
    let resources = [&resource.resources, &document.resources].into_iter().flatten();
    let resources = resources.map(|Resource { name, id, utype, .. }| {
        let called = name.as_ref().or(id.as_ref()).or(utype.as_ref());
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
