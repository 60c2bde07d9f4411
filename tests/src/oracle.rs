//! Uses readers as oracles of the conformance suite.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use taploom::{
    Arraysize, CanonicalRows, Column, ColumnMetadata, Datatype, ResultSchema, VoType, unique_names,
};
use taploom_testkit::{Decoded, KeptMetadata, Oracle};

use crate::losses::{printable, with_losses};
use crate::reader::Reader;
use crate::readers::{Readers, Request};
use crate::variants::Variant;

/// A reader of a format, written with some options.
pub struct ReaderOracle {
    variant: &'static Variant,
    reader: Reader,
    losses: Vec<String>,
    types: Vec<VoType>,
}

impl ReaderOracle {
    /// An oracle for a variant, which uses one of its readers.
    pub fn new(variant: &'static Variant, reader: Reader) -> Self {
        Self { variant, reader, losses: Vec::new(), types: Vec::new() }
    }

    /// The types in which the columns are requested from the reader. These are the canonical types,
    /// except for columns that are text only because VOTable lacks their type: if the format can hold
    /// that type, it is requested.
    fn asked(&self, schema: &ResultSchema) -> Result<ResultSchema, taploom::Error> {
        let holds_arrow = ["voparquet", "arrow"].contains(&self.variant.id);
        let mut fields = Vec::new();
        for (column, field) in schema.columns().iter().zip(schema.arrow().fields()) {
            let carrier = column.vo_type()?.carrier();
            let leaf = leaf(field.data_type());
            let is_held = holds_arrow && column.metadata().datatype.is_none();
            let own = is_held && column.vo_type()?.datatype == Datatype::Char;
            let data_type = match carrier {
                DataType::List(_) if own => DataType::new_list(leaf.clone(), true),
                _ if own => leaf.clone(),
                carrier => carrier,
            };
            fields.push(Field::new(column.name(), data_type, true));
        }
        let metadata = schema.columns().iter().map(Column::resolved).collect();
        ResultSchema::new(Arc::new(Schema::new(fields)), metadata)
    }
}

impl Oracle for ReaderOracle {
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String> {
        let said = |error: taploom::Error| error.to_string();
        let asked = self.asked(schema).map_err(said)?;
        let mut canonical = CanonicalRows::new(&asked).map_err(said)?;
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
                schema: asked.arrow(),
                types: &self.types,
            })
        })?;
        self.losses = read.losses;
        let fields = read.fields.iter();
        let mut metadata = read.metadata;
        for (read, column) in metadata.iter_mut().zip(schema.columns()) {
            // The footer replaces a free arraysize by the length of the longest text.
            let given = column.vo_type().map_err(said)?;
            let is_free = given.arraysize == Some(Arraysize::FREE) && given.datatype.is_text();
            if is_free && format == "voparquet" {
                read.arraysize = Some(Arraysize::FREE);
            }
        }
        let has_metadata = self.variant.keeps != KeptMetadata::NONE;
        if let Some(names) = &read.names
            && !fields.clone().map(|field| &field.name).eq(names)
        {
            return Err("the FIELDs have other names than the columns".to_owned());
        }
        let names = fields.map(|field| field.name.clone()).collect();
        // Arrow's readers return all fields as nullable.
        let rows = canonical.convert(&read.rows).map_err(said)?;
        let decoded = Decoded::new(names, rows).with_status(read.status, read.message);
        let says_nothing = metadata.iter().all(|column| {
            *column == ColumnMetadata { name: column.name.clone(), ..ColumnMetadata::default() }
        });
        Ok(match says_nothing && !has_metadata {
            true => decoded,
            false => decoded.with_metadata(metadata, read.table),
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

/// The type of the values in a column, or in its lists.
fn leaf(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => leaf(values),
        DataType::RunEndEncoded(_, values) => leaf(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => leaf(item.data_type()),
        leaf => leaf,
    }
}

/// Datatype and arraysize of every column.
///
/// # Panics
/// If a column has none.
pub fn types_of(schema: &ResultSchema) -> Vec<VoType> {
    let columns = schema.columns().iter();
    columns.map(|column| column.vo_type().expect("a column with a datatype").clone()).collect()
}
