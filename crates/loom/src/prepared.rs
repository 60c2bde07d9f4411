//! What is the same for all files with the same columns and options.

use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::error::Result;
use crate::options::LoomOptions;
use crate::plan::Plan;
use crate::table::Table;

/// The columns and options of files that are written one after the other. Preparing them takes longer than writing some
/// rows, so a program that writes many small files with the same columns prepares them once.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, RecordBatch};
/// use taploom_loom::{LoomOptions, LoomWriter, PreparedFile, ScratchSpace};
///
/// let ra: ArrayRef = Arc::new(Float64Array::from(vec![83.822, 201.365]));
/// let batch = RecordBatch::try_from_iter([("ra", ra)])?;
/// let file = PreparedFile::new(batch.schema(), &LoomOptions::new())?;
/// let write = || {
///     let mut written = Vec::new();
///     let mut writer = LoomWriter::prepared(&mut written, &file, &ScratchSpace::default())?;
///     writer.write(&batch)?;
///     writer.close()?;
///     Ok::<_, taploom_loom::Error>(written)
/// };
/// assert_eq!(write()?, write()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PreparedFile {
    pub(crate) table: Arc<Table>,
    pub(crate) plan: Plan,
}

impl PreparedFile {
    /// Prepares files with the columns of `schema`. Each of their writers has a memory budget of the size in `options`,
    /// and does not use their scratch space.
    ///
    /// # Errors
    /// As [`LoomWriter::try_new`](crate::LoomWriter::try_new).
    pub fn new(schema: SchemaRef, options: &LoomOptions) -> Result<Self> {
        let (table, plan) = Table::new(schema, options)?;
        Ok(Self { table: Arc::new(table), plan })
    }
}

impl fmt::Debug for PreparedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedFile")
            .field("columns", &self.table.columns.len())
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
