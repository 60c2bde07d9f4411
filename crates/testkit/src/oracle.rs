//! Readers that are not the writer's own.

use arrow_array::RecordBatch;
use taploom_format::ResultSchema;

/// What a reader made of a file.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The names of the columns, as the reader gives them.
    pub names: Vec<String>,
    /// All rows, in the canonical types of the schema.
    pub rows: RecordBatch,
    /// The last QUERY_STATUS of the document, where the format has one.
    pub status: Option<String>,
    /// Unit and UCD of every column, where the format has them.
    pub metadata: Option<Vec<(Option<String>, Option<String>)>>,
}

/// An independent reader of one format.
pub trait Oracle {
    /// Decodes a whole file.
    ///
    /// # Errors
    /// A sentence, where the bytes are no whole file.
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String>;

    /// Rows as the format and this reader can tell them apart, done to those that were read and those
    /// that are expected: characters that the format has to replace, nulls that the reader takes for
    /// empty strings. Asked after [`decode`](Self::decode). By default everything is told apart.
    fn comparable(&self, rows: RecordBatch) -> RecordBatch {
        rows
    }

    /// The names that columns of these names have in the format. By default the same.
    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        schema.columns().iter().map(|column| column.name().to_owned()).collect()
    }
}
