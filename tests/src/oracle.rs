//! Readers as oracles of the conformance suite.

use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use taploom::{CanonicalRows, ResultSchema};
use taploom_testkit::{Decoded, Oracle};

use crate::readers::{Reader, Readers};

/// A reader of one format.
pub struct ReaderOracle {
    format: &'static str,
    reader: Reader,
    losses: Vec<String>,
}

impl ReaderOracle {
    /// The oracle of a format; `None` for one that has none yet, which is a failure of its tests.
    pub fn of(format: &'static str) -> Option<Self> {
        let reader = match format {
            "votable" => Reader::Astropy,
            "csv" | "tsv" | "voparquet" => Reader::Pyarrow,
            _ => return None,
        };
        Some(Self { format, reader, losses: Vec::new() })
    }
}

impl Oracle for ReaderOracle {
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String> {
        let canonical = CanonicalRows::new(schema).map_err(|error| error.to_string())?;
        let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        file.write_all(bytes).map_err(|error| error.to_string())?;
        let arrow = canonical.schema().arrow();
        let read =
            Readers::with(|readers| readers.read(self.reader, self.format, file.path(), arrow))?;
        self.losses = read.losses;
        let fields = read.fields.iter();
        let has_fields = matches!(self.format, "votable" | "voparquet");
        if let Some(names) = &read.names
            && !fields.clone().map(|field| &field.name).eq(names)
        {
            return Err("the FIELDs have other names than the Parquet columns".to_owned());
        }
        Ok(Decoded {
            names: fields.clone().map(|field| field.name.clone()).collect(),
            rows: read.rows,
            status: read.status,
            metadata: has_fields
                .then(|| fields.map(|field| (field.unit.clone(), field.ucd.clone())).collect()),
        })
    }

    fn comparable(&self, rows: RecordBatch) -> RecordBatch {
        let rows = match self.format {
            "tsv" => without_tabs(&rows),
            _ => rows,
        };
        as_the_reader_tells_apart(&rows, &self.losses)
    }

    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        match self.format {
            "voparquet" => schema.unique_names(),
            _ => schema.columns().iter().map(|column| column.name().to_owned()).collect(),
        }
    }
}

/// TSV has no tabs and line breaks in values; they are written as spaces.
fn without_tabs(rows: &RecordBatch) -> RecordBatch {
    texts(rows, |text| text.map(|text| text.replace(['\t', '\n', '\r'], " ")))
}

/// Rows in which what a reader can't tell apart is the same; the losses are those that
/// `readers.py` names.
pub fn as_the_reader_tells_apart(rows: &RecordBatch, losses: &[String]) -> RecordBatch {
    let has = |loss: &str| losses.iter().any(|known| known == loss);
    let mut rows = rows.clone();
    if has("empty-string-is-null") || has("null-is-empty-string") {
        rows = texts(&rows, |text| text.filter(|text| !text.is_empty()).map(str::to_owned));
    }
    if has("nan-is-null") || has("null-is-nan") {
        rows = map_columns(&rows, |column| match column.data_type() {
            DataType::Float32 => {
                let cells = column.as_primitive::<Float32Type>().iter();
                let cells = cells.map(|cell| cell.filter(|cell| !cell.is_nan()));
                Arc::new(cells.collect::<Float32Array>())
            }
            DataType::Float64 => {
                let cells = column.as_primitive::<Float64Type>().iter();
                let cells = cells.map(|cell| cell.filter(|cell| !cell.is_nan()));
                Arc::new(cells.collect::<Float64Array>())
            }
            _ => Arc::clone(column),
        });
    }
    rows
}

fn texts(rows: &RecordBatch, change: impl Fn(Option<&str>) -> Option<String>) -> RecordBatch {
    map_columns(rows, |column| match column.as_string_opt::<i32>() {
        Some(texts) => Arc::new(texts.iter().map(&change).collect::<StringArray>()),
        None => Arc::clone(column),
    })
}

fn map_columns(rows: &RecordBatch, change: impl Fn(&ArrayRef) -> ArrayRef) -> RecordBatch {
    let columns = rows.columns().iter().map(change).collect();
    RecordBatch::try_new(rows.schema(), columns).expect("columns of the same types")
}
