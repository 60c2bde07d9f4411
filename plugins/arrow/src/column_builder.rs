//! The cells of a column, from many batches into one array.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, FieldRef};
use taploom_encoder::{Error, ErrorKind, Result};

/// One of the types that carry VOTable's, being filled.
///
/// What is behind a null does not come along: bytes that nobody is to see, and that would make the
/// output depend on more than the cells.
pub(crate) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Byte(PrimitiveBuilder<UInt8Type>),
    Short(PrimitiveBuilder<Int16Type>),
    Int(PrimitiveBuilder<Int32Type>),
    Long(PrimitiveBuilder<Int64Type>),
    Float(PrimitiveBuilder<Float32Type>),
    Double(PrimitiveBuilder<Float64Type>),
    Text(StringBuilder),
    List(Box<ListBuilder>),
}

/// Lists, null ones without elements.
pub(crate) struct ListBuilder {
    item: FieldRef,
    offsets: Vec<i32>,
    validity: NullBufferBuilder,
    elements: ColumnBuilder,
}

impl ColumnBuilder {
    /// An empty column of a canonical type.
    pub(crate) fn new(data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(0)),
            DataType::UInt8 => Self::Byte(PrimitiveBuilder::with_capacity(0)),
            DataType::Int16 => Self::Short(PrimitiveBuilder::with_capacity(0)),
            DataType::Int32 => Self::Int(PrimitiveBuilder::with_capacity(0)),
            DataType::Int64 => Self::Long(PrimitiveBuilder::with_capacity(0)),
            DataType::Float32 => Self::Float(PrimitiveBuilder::with_capacity(0)),
            DataType::Float64 => Self::Double(PrimitiveBuilder::with_capacity(0)),
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(0, 0)),
            DataType::List(item) => Self::List(Box::new(ListBuilder {
                item: Arc::clone(item),
                offsets: vec![0],
                validity: NullBufferBuilder::new(0),
                elements: Self::new(item.data_type())?,
            })),
            other => {
                let message = format!("Arrow type {other} carries no VOTable type");
                return Err(Error::new(ErrorKind::Internal, message));
            }
        })
    }

    /// Appends an array of the same type.
    pub(crate) fn append(&mut self, array: &ArrayRef) -> Result<()> {
        match self {
            Self::Boolean(builder) => match array.as_boolean() {
                bits if bits.null_count() == 0 => builder.append_array(bits),
                bits => builder.extend(bits.iter()),
            },
            Self::Byte(builder) => append_numbers(builder, array),
            Self::Short(builder) => append_numbers(builder, array),
            Self::Int(builder) => append_numbers(builder, array),
            Self::Long(builder) => append_numbers(builder, array),
            Self::Float(builder) => append_numbers(builder, array),
            Self::Double(builder) => append_numbers(builder, array),
            Self::Text(builder) => match array.as_string::<i32>() {
                texts if texts.null_count() == 0 => {
                    builder.append_array(texts).map_err(|cause| broken(&cause))?;
                }
                texts => builder.extend(texts.iter()),
            },
            Self::List(builder) => builder.append(array.as_list())?,
        }
        Ok(())
    }

    /// Takes all cells out.
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
        })
    }

    /// Heap that is taken, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Boolean(builder) => {
                builder.capacity().div_ceil(8) + builder.validity_slice().map_or(0, <[u8]>::len)
            }
            Self::Byte(builder) => numbers_heap(builder),
            Self::Short(builder) => numbers_heap(builder),
            Self::Int(builder) => numbers_heap(builder),
            Self::Long(builder) => numbers_heap(builder),
            Self::Float(builder) => numbers_heap(builder),
            Self::Double(builder) => numbers_heap(builder),
            Self::Text(builder) => {
                let validity = builder.validity_slice().map_or(0, <[u8]>::len);
                builder.values_capacity() + builder.offsets_capacity() * size_of::<i32>() + validity
            }
            Self::List(builder) => {
                builder.offsets.capacity() * size_of::<i32>()
                    + builder.validity.allocated_size()
                    + builder.elements.heap_bytes()
            }
        }
    }
}

impl ListBuilder {
    fn append(&mut self, lists: &ListArray) -> Result<()> {
        let offsets = lists.value_offsets();
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        let end = self.offsets.last().copied().unwrap_or_default();
        if end.checked_add(last - first).is_none() {
            return Err(broken(&ArrowError::OffsetOverflowError(end as usize)));
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
        ListArray::try_new(Arc::clone(&self.item), offsets, elements, validity)
            .map_err(|cause| broken(&cause))
    }
}

fn append_numbers<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>, array: &ArrayRef) {
    match array.as_primitive::<T>() {
        numbers if numbers.null_count() == 0 => builder.append_array(numbers),
        numbers => builder.extend_from_iter_option(numbers.iter()),
    }
}

fn numbers_heap<T: ArrowPrimitiveType>(builder: &PrimitiveBuilder<T>) -> usize {
    builder.capacity() * size_of::<T::Native>() + builder.validity_slice().map_or(0, <[u8]>::len)
}

fn broken(cause: &ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "rows can't be put into one batch")
        .with_source(cause.to_string())
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
        let mut builder = ColumnBuilder::new(&DataType::Int32).unwrap();
        builder.append(&(Arc::new(numbers) as ArrayRef)).unwrap();
        let built = builder.finish().unwrap();
        assert_eq!(built.as_primitive::<Int32Type>().values(), &[1, 0]);

        let (offsets, bytes, _) = StringArray::from(vec!["a", "secret"]).into_parts();
        let texts = StringArray::new(offsets, bytes, nulls);
        let mut builder = ColumnBuilder::new(&DataType::Utf8).unwrap();
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
        let mut builder = ColumnBuilder::new(lists.data_type()).unwrap();
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
