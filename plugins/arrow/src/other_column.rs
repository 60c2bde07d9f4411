//! Collects the cells of a column whose type is not one of the canonical types.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, make_array, new_empty_array};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;
use taploom_format::{Error, ErrorKind, Result};

use crate::column_builder::broken;

/// A column of any type, as copies of the rows of each batch.
///
/// Values at null cells are not copied. The values of a dictionary are in the order of their first rows, so
/// that the output depends only on the cells.
pub(crate) struct OtherBuilder {
    written: DataType,
    /// The type of the copies: for dictionaries, the type of their values.
    plain: DataType,
    parts: Vec<ArrayRef>,
    held: usize,
}

impl OtherBuilder {
    pub(crate) fn new(written: &DataType) -> Self {
        let plain = match written {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            other => other.clone(),
        };
        Self { written: written.clone(), plain, parts: Vec::new(), held: 0 }
    }

    pub(crate) fn append(&mut self, array: &ArrayRef) -> Result<()> {
        let plain = cast(array, &self.plain).map_err(broken)?;
        let copy = without_hidden_values(&plain).map_err(broken)?;
        self.held += copy.get_array_memory_size();
        self.parts.push(copy);
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let parts = std::mem::take(&mut self.parts);
        self.held = 0;
        let whole = match &parts[..] {
            [] => new_empty_array(&self.plain),
            [only] => Arc::clone(only),
            parts => {
                let parts: Vec<&dyn Array> = parts.iter().map(|part| &**part).collect();
                concat(&parts).map_err(broken)?
            }
        };
        cast(&whole, &self.written).map_err(|cause| {
            let message = "a batch has more different values than the keys of the dictionary can count; give the \
                           column a datatype, and its values are written without a dictionary";
            Error::new(ErrorKind::InvalidValue, message).with_source(cause)
        })
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.held
    }
}

/// A copy of the rows without the values in the buffers at null cells.
fn without_hidden_values(array: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], true, data.len());
    let mut end = 0;
    let all = NullBuffer::new_valid(array.len());
    let nulls = array.logical_nulls().unwrap_or(all);
    for (from, to) in nulls.valid_slices() {
        copy.try_extend_nulls(from - end)?;
        copy.try_extend(0, from, to)?;
        end = to;
    }
    copy.try_extend_nulls(array.len() - end)?;
    Ok(make_array(copy.freeze()))
}

fn cast(array: &ArrayRef, to: &DataType) -> std::result::Result<ArrayRef, ArrowError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, to, &CastOptions { safe: false, ..Default::default() })
}
