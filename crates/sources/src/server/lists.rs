//! Builds lists whose elements another builder collects.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::FieldRef;
use taploom_model::{Arraysize, ColumnMetadata, Error, ErrorKind, Result, VoType, counted};

use super::cells::{BadCell, Unfit};

/// The dimensions that the lists of a column have to have, if its metadata give a datatype of lists.
pub(crate) fn list_dimensions(metadata: &ColumnMetadata) -> Option<Arraysize> {
    let datatype = metadata.datatype?;
    // Floats without an arraysize are complex numbers in any number.
    let free = datatype.is_complex().then_some(Arraysize::FREE);
    let arraysize = metadata.arraysize.clone().or(free);
    VoType { datatype, arraysize, xtype: None }.cell().dimensions().cloned()
}

/// The ends of lists in the array of their elements.
pub(crate) struct ListEnds {
    item: FieldRef,
    /// The dimensions that every list has to have.
    dimensions: Arraysize,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl ListEnds {
    pub(crate) fn new(item: FieldRef, dimensions: Arraysize) -> Self {
        Self { item, dimensions, offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    /// The dimensions that every list has to have.
    #[cfg(feature = "postgres")]
    pub(crate) fn dimensions(&self) -> &Arraysize {
        &self.dimensions
    }

    /// Ends a list of this number of further elements.
    pub(crate) fn end(&mut self, elements: usize) -> Result<(), BadCell> {
        if !self.dimensions.takes(elements as u64) {
            return Err(self.another_shape(elements as u64));
        }
        let last = self.offsets.last().copied().unwrap_or_default();
        let end = i32::try_from(elements).ok().and_then(|elements| last.checked_add(elements));
        self.offsets.push(end.ok_or_else(BadCell::too_many_elements)?);
        self.nulls.append_non_null();
        Ok(())
    }

    /// The error for a list that does not have the declared number of elements.
    #[cold]
    fn another_shape(&self, elements: u64) -> BadCell {
        let shown = format!("an array of {}", counted(elements, "element"));
        // Any length is no help if the inner dimensions do not divide it.
        let fits = elements.is_multiple_of(self.dimensions.stride());
        let remedy = fits.then(|| "; an arraysize that ends with * takes any length".to_owned());
        BadCell::Unfit(Box::new(Unfit { shown, remedy }))
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
