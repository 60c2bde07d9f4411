//! Readers that are not the writer's own.

use arrow_array::RecordBatch;
use taploom_format::{ColumnMetadata, ResultSchema, TableMetadata};

/// What a reader made of a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The names of the columns, as the reader gives them.
    pub names: Vec<String>,
    /// All rows, in the canonical types of the schema.
    pub rows: RecordBatch,
    /// The last QUERY_STATUS of the document, if the format has one.
    pub status: Option<String>,
    /// The message that stands with the status of a result that failed.
    pub message: Option<String>,
    /// The metadata of every column; empty if the format keeps none.
    pub columns: Vec<ColumnMetadata>,
    /// The metadata of the table; without members if the format keeps none.
    pub table: TableMetadata,
}

impl Decoded {
    /// Rows without status and metadata.
    pub fn new(names: Vec<String>, rows: RecordBatch) -> Self {
        let table = TableMetadata::default();
        Self { names, rows, status: None, message: None, columns: Vec::new(), table }
    }

    /// The same with the QUERY_STATUS, and the message of a result that failed.
    #[must_use]
    pub fn with_status(mut self, status: Option<String>, message: Option<String>) -> Self {
        (self.status, self.message) = (status, message);
        self
    }

    /// The same with metadata: of every column, and of the table.
    #[must_use]
    pub fn with_metadata(mut self, columns: Vec<ColumnMetadata>, table: TableMetadata) -> Self {
        (self.columns, self.table) = (columns, table);
        self
    }
}

/// An independent reader of one format.
pub trait Oracle {
    /// Decodes a whole file.
    ///
    /// # Errors
    /// A sentence, if the bytes are not a whole file.
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String>;

    /// Rows without the differences that the format and this reader can't tell: it is applied to the
    /// rows that were read and to those that are expected. A format may have to replace characters;
    /// a reader may take nulls for empty strings. Called after [`decode`](Self::decode). By default
    /// nothing is changed.
    fn comparable(&self, rows: RecordBatch) -> RecordBatch {
        rows
    }

    /// The metadata of a column without the differences that the format and this reader can't tell.
    /// By default nothing is changed.
    fn comparable_metadata(&self, metadata: ColumnMetadata) -> ColumnMetadata {
        metadata
    }

    /// The names that the columns of a schema have in the format. By default the same.
    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        schema.columns().iter().map(|column| column.name().to_owned()).collect()
    }
}
