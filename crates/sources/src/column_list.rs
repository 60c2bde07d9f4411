//! A list of columns, as a JSON file.

use std::path::Path;

use arrow_schema::SchemaRef;
use serde::Deserialize;
use serde_path_to_error::{Path as JsonPath, Segment};
use taploom_model::{ColumnMetadata, Result, ResultSchema, TableMetadata};

use crate::error::invalid;

/// The columns of a table: `{"table": "...", "columns": [{"name": "ra", "datatype": "double",
/// "unit": "deg"}, ...]}`, each with the attributes of a VOTable FIELD.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the member \"columns\"")]
#[non_exhaustive]
pub struct ColumnList {
    /// The name of the table.
    pub table: Option<String>,
    /// A description of the table.
    pub description: Option<String>,
    /// The origin of the list.
    pub source: Option<String>,
    /// The columns, in order.
    pub columns: Vec<ColumnMetadata>,
    /// All other metadata of a VOTable: PARAMs, GROUPs, COOSYS, TIMESYS, descriptions of services.
    #[serde(default)]
    pub metadata: TableMetadata,
}

impl ColumnList {
    /// A list of these columns, without a name for the table.
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
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) naming the file, and the
    /// column and member that are wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            invalid(format!("can't read the list of columns {name}")).with_source(error)
        })?;
        let mut json = serde_json::Deserializer::from_str(&text);
        let list = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            let column = column_at(&text, error.path());
            let cause = error.into_inner();
            let refused = match cause.is_data() && place != "." {
                true => invalid(format!("{name}, {place}: {cause}")),
                false => {
                    invalid(format!("{name} is not a list of columns in JSON")).with_source(cause)
                }
            };
            match column {
                Some(column) => refused.with_column(column),
                None => refused,
            }
        })?;
        json.end().map_err(|error| {
            invalid(format!("{name} is not a list of columns in JSON")).with_source(error)
        })?;
        Ok(list)
    }

    /// Parses a list that is embedded in the program.
    #[cfg(feature = "demo")]
    pub(crate) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The schema of a result with the Arrow types of `arrow` and the metadata of this list.
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

/// The name of the column at a position in the JSON.
fn column_at(text: &str, place: &JsonPath) -> Option<String> {
    let mut segments = place.iter();
    let (Some(Segment::Map { key }), Some(Segment::Seq { index })) =
        (segments.next(), segments.next())
    else {
        return None;
    };
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(json.get(key).filter(|_| key == "columns")?.get(index)?.get("name")?.as_str()?.to_owned())
}
