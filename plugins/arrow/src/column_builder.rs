//! Collects the cells of a column from many batches into one array.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, PrimitiveArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, FieldRef};
use taploom_format::{Error, ErrorKind, Result};

use crate::other_column::OtherBuilder;

/// A column, while it is filled. Columns of canonical types, which most columns have, are copied directly.
///
/// Values at null cells are not copied: they would expose hidden bytes and make the output
/// depend on more than the cells.
pub(crate) enum ColumnBuilder {
    Boolean(BitBuilder),
    Byte(NumberBuilder<UInt8Type>),
    Short(NumberBuilder<Int16Type>),
    Int(NumberBuilder<Int32Type>),
    Long(NumberBuilder<Int64Type>),
    Float(NumberBuilder<Float32Type>),
    Double(NumberBuilder<Float64Type>),
    Text(StringBuilder),
    List(Box<ListBuilder>),
    Other(OtherBuilder),
}

/// Numbers, with zero at null cells.
pub(crate) struct NumberBuilder<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    /// The number of values beyond which memory is not doubled.
    room: usize,
    validity: NullBufferBuilder,
    /// The values of the previous batch, whose memory is reused once it is written.
    lent: Option<Buffer>,
}

/// Booleans, with false at null cells.
pub(crate) struct BitBuilder {
    values: BooleanBufferBuilder,
    validity: NullBufferBuilder,
}

/// Lists, without elements at null cells.
pub(crate) struct ListBuilder {
    item: FieldRef,
    offsets: Vec<i32>,
    validity: NullBufferBuilder,
    elements: ColumnBuilder,
}

impl ColumnBuilder {
    /// An empty column. Its memory for numbers grows by doubling up to this number of rows, which should be the most
    /// rows of a batch.
    pub(crate) fn new(data_type: &DataType, room: usize) -> Result<Self> {
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(BitBuilder::new()),
            DataType::UInt8 => Self::Byte(NumberBuilder::new(room)),
            DataType::Int16 => Self::Short(NumberBuilder::new(room)),
            DataType::Int32 => Self::Int(NumberBuilder::new(room)),
            DataType::Int64 => Self::Long(NumberBuilder::new(room)),
            DataType::Float32 => Self::Float(NumberBuilder::new(room)),
            DataType::Float64 => Self::Double(NumberBuilder::new(room)),
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(0, 0)),
            DataType::List(item) => Self::List(Box::new(ListBuilder {
                item: Arc::clone(item),
                offsets: vec![0],
                validity: NullBufferBuilder::new(0),
                elements: Self::new(item.data_type(), 0)?,
            })),
            other => Self::Other(OtherBuilder::new(other)),
        })
    }

    /// Appends an array of the same type.
    pub(crate) fn append(&mut self, array: &ArrayRef) -> Result<()> {
        match self {
            Self::Boolean(builder) => builder.append(array.as_boolean()),
            Self::Byte(builder) => builder.append(array.as_primitive()),
            Self::Short(builder) => builder.append(array.as_primitive()),
            Self::Int(builder) => builder.append(array.as_primitive()),
            Self::Long(builder) => builder.append(array.as_primitive()),
            Self::Float(builder) => builder.append(array.as_primitive()),
            Self::Double(builder) => builder.append(array.as_primitive()),
            Self::Text(builder) => match array.as_string::<i32>() {
                texts if texts.null_count() == 0 => {
                    builder.append_array(texts).map_err(broken)?;
                }
                texts => builder.extend(texts.iter()),
            },
            Self::List(builder) => builder.append(array.as_list())?,
            Self::Other(builder) => builder.append(array)?,
        }
        Ok(())
    }

    /// Removes and returns all cells.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Byte(builder) => Arc::new(builder.finish()),
            Self::Short(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Long(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::List(builder) => Arc::new(builder.finish()?),
            Self::Other(builder) => builder.finish()?,
        })
    }

    /// Allocated heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Boolean(builder) => builder.heap_bytes(),
            Self::Byte(builder) => builder.heap_bytes(),
            Self::Short(builder) => builder.heap_bytes(),
            Self::Int(builder) => builder.heap_bytes(),
            Self::Long(builder) => builder.heap_bytes(),
            Self::Float(builder) => builder.heap_bytes(),
            Self::Double(builder) => builder.heap_bytes(),
            Self::Text(builder) => {
                let validity = builder.validity_slice().map_or(0, <[u8]>::len);
                builder.values_capacity() + builder.offsets_capacity() * size_of::<i32>() + validity
            }
            Self::Other(builder) => builder.heap_bytes(),
            Self::List(builder) => {
                builder.offsets.capacity() * size_of::<i32>()
                    + builder.validity.allocated_size()
                    + builder.elements.heap_bytes()
            }
        }
    }
}

impl<T: ArrowPrimitiveType> NumberBuilder<T> {
    fn new(room: usize) -> Self {
        Self { values: Vec::new(), room, validity: NullBufferBuilder::new(0), lent: None }
    }

    fn append(&mut self, numbers: &PrimitiveArray<T>) {
        if let Some(lent) = self.lent.take() {
            self.values = lent.into_vec().unwrap_or_default();
            self.values.clear();
        }
        let first = self.values.len();
        let length = first + numbers.len();
        if self.values.capacity() < length {
            let doubled = (2 * self.values.capacity()).min(self.room);
            self.values.reserve_exact(doubled.max(length) - first);
        }
        self.values.extend_from_slice(numbers.values());
        match numbers.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.validity.append_n_non_nulls(numbers.len()),
            Some(nulls) => {
                self.validity.append_buffer(nulls);
                for null in (!nulls.inner()).set_indices() {
                    self.values[first + null] = T::default_value();
                }
            }
        }
    }

    fn finish(&mut self) -> PrimitiveArray<T> {
        let values = Buffer::from_vec(std::mem::take(&mut self.values));
        self.lent = Some(values.clone());
        PrimitiveArray::new(ScalarBuffer::from(values), self.validity.finish())
    }

    fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<T::Native>()
            + self.lent.as_ref().map_or(0, Buffer::capacity)
            + self.validity.allocated_size()
    }
}

impl BitBuilder {
    fn new() -> Self {
        Self { values: BooleanBufferBuilder::new(0), validity: NullBufferBuilder::new(0) }
    }

    fn append(&mut self, bits: &BooleanArray) {
        match bits.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => {
                self.values.append_buffer(bits.values());
                self.validity.append_n_non_nulls(bits.len());
            }
            Some(nulls) => {
                self.values.append_buffer(&(bits.values() & nulls.inner()));
                self.validity.append_buffer(nulls);
            }
        }
    }

    fn finish(&mut self) -> BooleanArray {
        BooleanArray::new(self.values.finish(), self.validity.finish())
    }

    fn heap_bytes(&self) -> usize {
        self.values.capacity().div_ceil(8) + self.validity.allocated_size()
    }
}

impl ListBuilder {
    fn append(&mut self, lists: &ListArray) -> Result<()> {
        let offsets = lists.value_offsets();
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        let end = self.offsets.last().copied().unwrap_or_default();
        if end.checked_add(last - first).is_none() {
            return Err(broken(ArrowError::OffsetOverflowError(end as usize)));
        }
        self.offsets.extend(offsets[1..].iter().map(|offset| offset - first + end));
        match lists.nulls() {
            Some(nulls) => self.validity.append_buffer(nulls),
            None => self.validity.append_n_non_nulls(lists.len()),
        }
        let length = (last - first) as usize;
        self.elements.append(&lists.values().slice(*first as usize, length))
    }

    fn finish(&mut self) -> Result<ListArray> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let (elements, validity) = (self.elements.finish()?, self.validity.finish());
        ListArray::try_new(Arc::clone(&self.item), offsets, elements, validity).map_err(broken)
    }
}

pub(crate) fn broken(cause: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "rows can't be put into one batch").with_source(cause)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, StringArray};
    use arrow_buffer::NullBuffer;

    use super::*;

    #[test]
    fn what_is_behind_a_null_does_not_come_along() {
        let nulls = Some(NullBuffer::from(vec![true, false]));
        let numbers = Int32Array::new(vec![1, 42].into(), nulls.clone());
        let mut builder = ColumnBuilder::new(&DataType::Int32, 0).unwrap();
        builder.append(&(Arc::new(numbers) as ArrayRef)).unwrap();
        let built = builder.finish().unwrap();
        assert_eq!(built.as_primitive::<Int32Type>().values(), &[1, 0]);

        let (offsets, bytes, _) = StringArray::from(vec!["a", "secret"]).into_parts();
        let texts = StringArray::new(offsets, bytes, nulls);
        let mut builder = ColumnBuilder::new(&DataType::Utf8, 0).unwrap();
        builder.append(&(Arc::new(texts) as ArrayRef)).unwrap();
        let built = builder.finish().unwrap();
        assert_eq!(built.as_string::<i32>().value_data(), b"a");
        assert!(built.is_null(1));
    }

    #[test]
    fn slices_of_lists_are_put_together() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(2)]),
        ]);
        let lists = Arc::new(lists) as ArrayRef;
        let mut builder = ColumnBuilder::new(lists.data_type(), 2).unwrap();
        for _ in 0..2 {
            builder.append(&lists.slice(3, 1)).unwrap();
            builder.append(&lists.slice(0, 3)).unwrap();
            let built = builder.finish().unwrap();
            let expected = ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some(vec![Some(2)]),
                Some(vec![Some(1), None]),
                None,
                Some(vec![]),
            ]);
            assert_eq!(built.as_list::<i32>(), &expected);
        }
    }
}
