//! Builds lists whose elements another builder collects.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::FieldRef;
use taploom_model::{Error, ErrorKind, Result};

/// The ends of lists in the array of their elements.
pub(crate) struct ListEnds {
    item: FieldRef,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl ListEnds {
    pub(crate) fn new(item: FieldRef) -> Self {
        Self { item, offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    /// Ends a list of this number of further elements. `None` if there are too many in the batch.
    pub(crate) fn end(&mut self, elements: usize) -> Option<()> {
        let last = *self.offsets.last()?;
        self.offsets.push(last.checked_add(i32::try_from(elements).ok()?)?);
        self.nulls.append_non_null();
        Some(())
    }

    pub(crate) fn end_null(&mut self) {
        let last = self.offsets.last().copied().unwrap_or_default();
        self.offsets.push(last);
        self.nulls.append_null();
    }

    /// Returns the lists so far, with their elements, and starts a new array.
    pub(crate) fn finish(&mut self, elements: ArrayRef) -> Result<ArrayRef> {
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, vec![0]).into());
        let lists =
            ListArray::try_new(Arc::clone(&self.item), offsets, elements, self.nulls.finish());
        let lists = lists.map_err(|error| {
            Error::new(ErrorKind::Internal, "list elements and offsets do not match")
                .with_source(error)
        })?;
        Ok(Arc::new(lists))
    }
}
