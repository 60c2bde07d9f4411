//! `taploom show --json`.

use serde_json::{Value, json};
use taploom::{Completion, Error, ErrorKind, Result};

use super::FirstRows;

/// The rows as the format `json` writes them, and further information about them.
pub(super) fn document(first: &FirstRows) -> Result<String> {
    let sink = Written::default();
    let spec = taploom::registry()?.request("json")?;
    let mut encoder = spec.start(&first.schema, Box::new(sink.clone()))?;
    first.batches.iter().try_for_each(|batch| encoder.write_batch(batch))?;
    encoder.finish(Completion::Complete)?;
    let not_json = |error: serde_json::Error| {
        Error::new(ErrorKind::Internal, "the rows are not JSON").with_source(error)
    };
    let document: Value = serde_json::from_slice(&sink.bytes()).map_err(not_json)?;
    let mut columns = document["metadata"].as_array().cloned().unwrap_or_default();
    for (index, column) in columns.iter_mut().enumerate() {
        let arrays = first.batches.iter().map(|batch| batch.column(index));
        let nulls: usize = arrays.map(|array| array.logical_null_count()).sum();
        column["arrow_type"] = first.schema.arrow().field(index).data_type().to_string().into();
        column["nulls"] = nulls.into();
    }
    let shown = json!({
        "rows": first.total,
        "rows_shown": first.shown,
        "more": first.has_more,
        "columns": columns,
        "data": document["data"],
        "notes": first.notes,
    });
    serde_json::to_string_pretty(&shown).map(|text| text + "\n").map_err(not_json)
}

/// Collects bytes in memory.
#[derive(Clone, Default)]
struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Written {
    fn bytes(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
