//! Merges small batches.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use crate::transform::{Flow, Transform};

/// Merges small batches, because encoders work column by column and each batch has a fixed cost.
///
/// It collects batches until they have the wanted number of rows or bytes, and copies them into one. A
/// batch that is large enough is passed on without a copy, and no batch is ever split. The rows that wait
/// stay below `rows` rows and `bytes` bytes.
///
/// Rows that wait reach the reader later. Leave this transform out if the source is slow and its reader
/// waits.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_model::{BatchSource, ResultSchema, RowSource};
/// use taploom_pipeline::{Coalesce, Transformed};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let source = BatchSource::new(schema, std::iter::repeat_n(batch, 5).map(Ok));
/// let coalesce = Coalesce::new(source.schema(), 6, 1 << 20);
/// let mut source = Transformed::new(source, coalesce);
/// futures::executor::block_on(async {
///     assert_eq!(source.next().await?.rows().unwrap().num_rows(), 6);
///     assert_eq!(source.next().await?.rows().unwrap().num_rows(), 4);
///     Ok::<(), taploom_model::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Coalesce {
    schema: ResultSchema,
    wanted: Size,
    held: Vec<RecordBatch>,
    held_size: Size,
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    rows: usize,
    bytes: usize,
}

impl Size {
    fn reaches(self, wanted: Self) -> bool {
        self.rows >= wanted.rows || self.bytes >= wanted.bytes
    }
}

impl Coalesce {
    /// Makes batches of at least `rows` rows or `bytes` bytes, whichever is reached first. The last one may
    /// be smaller.
    pub fn new(schema: &ResultSchema, rows: usize, bytes: usize) -> Self {
        Self {
            schema: schema.clone(),
            wanted: Size { rows, bytes },
            held: Vec::new(),
            held_size: Size::default(),
        }
    }

    fn release(&mut self) -> Result<RecordBatch> {
        let held = std::mem::take(&mut self.held);
        self.held_size = Size::default();
        if let [batch] = &held[..] {
            return Ok(batch.clone());
        }
        concat_batches(self.schema.arrow(), &held).map_err(|cause| {
            Error::new(ErrorKind::Internal, "can't put batches together").with_source(cause)
        })
    }
}

impl Transform for Coalesce {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        self.held_size.rows += batch.num_rows();
        self.held_size.bytes += bytes_of(&batch);
        let none = batch.slice(0, 0);
        self.held.push(batch);
        Ok(Flow::More(if self.held_size.reaches(self.wanted) { self.release()? } else { none }))
    }

    fn rest(&mut self) -> Result<Option<RecordBatch>> {
        if self.held.is_empty() { Ok(None) } else { self.release().map(Some) }
    }
}

/// The bytes of these rows only, even if their arrays are slices of larger buffers. If the size of a slice
/// is not known, all buffers of the array are counted.
fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = batch.columns().iter().map(|array| {
        let exact = array.to_data().get_slice_memory_size();
        exact.unwrap_or_else(|_| array.get_array_memory_size())
    });
    bytes.sum()
}
