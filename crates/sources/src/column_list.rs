//! A list of columns, as a JSON file.

use std::path::Path;

use arrow_schema::SchemaRef;
use serde::Deserialize;
use taploom_model::{ColumnMetadata, Result, ResultSchema, TableMetadata};

use crate::error::invalid;

/// The columns of a table: `{"table": "...", "columns": [{"name": "ra", "datatype": "double",
/// "unit": "deg"}, ...]}`, each with the attributes of a VOTable FIELD.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ColumnList {
    /// The name of the table.
    pub table: Option<String>,
    /// A sentence on what the table holds.
    pub description: Option<String>,
    /// Where the list was taken from.
    pub source: Option<String>,
    /// The columns, in order.
    pub columns: Vec<ColumnMetadata>,
    /// What else a VOTable says: PARAMs, GROUPs, COOSYS, TIMESYS, descriptions of services.
    #[serde(default)]
    pub metadata: TableMetadata,
}

impl ColumnList {
    /// A list of these columns, of a table without a name.
    pub fn new(columns: Vec<ColumnMetadata>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Names the table.
    #[must_use]
    pub fn with_table(mut self, name: impl Into<String>) -> Self {
        self.table = Some(name.into());
        self
    }

    /// Sets the metadata of the table.
    #[must_use]
    pub fn with_metadata(mut self, metadata: TableMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) naming the file.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            invalid(format!("can't read the list of columns {name}")).with_source(error)
        })?;
        Self::parse(&text).map_err(|error| {
            invalid(format!("{name} is not a list of columns in JSON")).with_source(error)
        })
    }

    pub(crate) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The schema of a result that this list describes.
    ///
    /// # Errors
    /// As [`ResultSchema::new`].
    pub fn describe(&self, arrow: SchemaRef) -> Result<ResultSchema> {
        let mut table = self.metadata.clone();
        table.name = self.table.clone().or(table.name);
        table.description = self.description.clone().or(table.description);
        Ok(ResultSchema::new(arrow, self.columns.clone())?.with_table(table))
    }
}
