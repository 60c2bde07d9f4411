//! Readers as oracles of the conformance suite.

use std::io::Write;

use arrow_array::RecordBatch;
use taploom::{CanonicalRows, ColumnMetadata, ResultSchema, VoType, unique_names};
use taploom_testkit::{Decoded, KeptMetadata, Oracle};

use crate::losses::{printable, with_losses};
use crate::readers::{Reader, Readers, Request};
use crate::variants::Variant;

/// A reader of a format, written with some options.
pub struct ReaderOracle {
    variant: &'static Variant,
    reader: Reader,
    losses: Vec<String>,
    types: Vec<VoType>,
}

impl ReaderOracle {
    /// The oracle of a variant by one of its readers.
    pub fn new(variant: &'static Variant, reader: Reader) -> Self {
        Self { variant, reader, losses: Vec::new(), types: Vec::new() }
    }
}

impl Oracle for ReaderOracle {
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String> {
        let canonical = CanonicalRows::new(schema).map_err(|error| error.to_string())?;
        let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        file.write_all(bytes).map_err(|error| error.to_string())?;
        self.types = types_of(schema);
        let format = self.variant.id;
        let read = Readers::with(|readers| {
            readers.read(&Request {
                reader: self.reader,
                format,
                options: self.variant.options,
                path: file.path(),
                schema: canonical.schema().arrow(),
                types: &self.types,
            })
        })?;
        self.losses = read.losses;
        let fields = read.fields.iter();
        let has_metadata = self.variant.keeps != KeptMetadata::NONE;
        if let Some(names) = &read.names
            && !fields.clone().map(|field| &field.name).eq(names)
        {
            return Err("the FIELDs have other names than the columns".to_owned());
        }
        let names = fields.map(|field| field.name.clone()).collect();
        let decoded = Decoded::new(names, read.rows).with_status(read.status, read.message);
        let says_nothing = read.metadata.iter().all(|column| {
            *column == ColumnMetadata { name: column.name.clone(), ..ColumnMetadata::default() }
        });
        Ok(match says_nothing && !has_metadata {
            true => decoded,
            false => decoded.with_metadata(read.metadata, read.table),
        })
    }

    fn comparable(&self, rows: RecordBatch) -> RecordBatch {
        with_losses(&rows, &self.types, &self.losses)
    }

    fn comparable_metadata(&self, mut metadata: ColumnMetadata) -> ColumnMetadata {
        if self.variant.id == "fits" {
            metadata.description = metadata.description.as_deref().map(printable);
        }
        metadata
    }

    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        match self.variant.unique_names {
            true if self.variant.id == "fits" => {
                let names = schema.columns().iter().map(|column| printable(column.name()));
                let names: Vec<String> = names.collect();
                unique_names(names.iter().map(|name| match name.trim_end_matches(' ') {
                    "" => "_",
                    name => name,
                }))
            }
            true => schema.unique_names(),
            false => schema.columns().iter().map(|column| column.name().to_owned()).collect(),
        }
    }
}

/// Datatype and arraysize of every column.
///
/// # Panics
/// Where a column has none.
pub fn types_of(schema: &ResultSchema) -> Vec<VoType> {
    let columns = schema.columns().iter();
    columns.map(|column| column.vo_type().expect("a column with a datatype").clone()).collect()
}
