//! Readers that are independent of the writer.

use arrow_array::RecordBatch;
use taploom_format::{ColumnMetadata, ResultSchema, TableMetadata};

/// The contents of a file according to a reader.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The names of the columns, as the reader returns them.
    pub names: Vec<String>,
    /// All rows, in the canonical types of the schema.
    pub rows: RecordBatch,
    /// The last QUERY_STATUS of the document, if the format has one.
    pub status: Option<String>,
    /// The message of the status, if the result failed.
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
    /// A sentence, if the bytes are not a complete file.
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String>;

    /// Removes differences that the format or this reader can't represent. It is applied to the rows
    /// that were read and to the expected rows. A format may have to replace characters; a reader
    /// may take nulls for empty strings. Called after [`decode`](Self::decode). By default nothing
    /// is changed.
    fn comparable(&self, rows: RecordBatch) -> RecordBatch {
        rows
    }

    /// Removes differences in the metadata of a column that the format or this reader can't
    /// represent. By default nothing is changed.
    fn comparable_metadata(&self, metadata: ColumnMetadata) -> ColumnMetadata {
        metadata
    }

    /// The names that the columns of a schema have in the format. By default the same.
    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        schema.columns().iter().map(|column| column.name().to_owned()).collect()
    }
}
