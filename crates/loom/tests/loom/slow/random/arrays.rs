//! Random arrays.

use std::sync::Arc;

use arrow_array::builder::GenericByteViewBuilder;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer,
    i256,
};
use arrow_schema::{DataType, Field, FieldRef, Fields, SchemaRef};

use crate::common::scatter;

/// Makes arrays. Values in the buffers at null cells are random too.
pub(crate) struct Random(pub(crate) usize);

impl Random {
    /// Rows of a table.
    pub(crate) fn batch(&mut self, schema: &SchemaRef, rows: usize) -> RecordBatch {
        let columns = schema.fields().iter().map(|field| match field.data_type() {
            // The values of runs may be nullable even if the column is not.
            runs @ DataType::RunEndEncoded(_, _) => self.array(runs, rows, None, true),
            _ => self.column(field, rows, None),
        });
        let columns = columns.collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).unwrap()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        scatter(self.0)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        let one_in = [0, 0, 1, 2, 10, 100][self.below(6)];
        let valid = |random: &mut Self| one_in == 0 || !random.one_in(one_in);
        (one_in > 0 || self.one_in(2)).then(|| (0..rows).map(|_| valid(self)).collect())
    }

    /// A column for a field. A field that is not nullable may have nulls if its parent is null.
    pub(crate) fn column(
        &mut self,
        field: &Field,
        rows: usize,
        parent: Option<&NullBuffer>,
    ) -> ArrayRef {
        let nulls = if field.is_nullable() {
            self.nulls(rows)
        } else {
            parent.cloned().filter(|_| self.one_in(2))
        };
        self.array(field.data_type(), rows, nulls, field.is_nullable())
    }

    pub(crate) fn array(
        &mut self,
        data_type: &DataType,
        rows: usize,
        nulls: Option<NullBuffer>,
        nullable: bool,
    ) -> ArrayRef {
        match data_type {
            DataType::Null => Arc::new(NullArray::new(rows)),
            DataType::Boolean => {
                let values: BooleanBuffer = (0..rows).map(|_| self.one_in(2)).collect();
                Arc::new(BooleanArray::new(values, nulls))
            }
            DataType::Utf8 => Arc::new(StringArray::from(self.text::<i32>(rows, nulls))),
            DataType::LargeUtf8 => Arc::new(LargeStringArray::from(self.text::<i64>(rows, nulls))),
            DataType::Binary => Arc::new(BinaryArray::from(self.text::<i32>(rows, nulls))),
            DataType::LargeBinary => {
                Arc::new(LargeBinaryArray::from(self.text::<i64>(rows, nulls)))
            }
            DataType::Utf8View => Arc::new(self.views::<StringViewType>(rows, nulls)),
            DataType::BinaryView => Arc::new(self.views::<BinaryViewType>(rows, nulls)),
            DataType::FixedSizeBinary(width) => {
                let bytes = self.fixed(data_type, *width as usize, rows);
                Arc::new(FixedSizeBinaryArray::new(*width, bytes, nulls))
            }
            DataType::List(item) => Arc::new(self.list::<i32>(item, rows, nulls)),
            DataType::LargeList(item) => Arc::new(self.list::<i64>(item, rows, nulls)),
            DataType::ListView(item) => Arc::new(self.list_view::<i32>(item, rows, nulls)),
            DataType::LargeListView(item) => Arc::new(self.list_view::<i64>(item, rows, nulls)),
            DataType::FixedSizeList(item, length) => {
                let each = *length as usize;
                let parents = nulls.as_ref().map(|nulls| nulls.expand(each));
                let values = self.column(item, rows * each, parents.as_ref());
                Arc::new(FixedSizeListArray::new(Arc::clone(item), *length, values, nulls))
            }
            DataType::Struct(fields) => Arc::new(self.structs(fields, rows, nulls)),
            DataType::Map(entries, sorted) => {
                let DataType::Struct(fields) = entries.data_type() else { unreachable!() };
                let (offsets, count) = self.offsets::<i32>(rows);
                let structs = self.structs(fields, count, None);
                let entries = Arc::clone(entries);
                Arc::new(MapArray::new(entries, offsets, structs, nulls, *sorted))
            }
            DataType::Dictionary(keys, values) => {
                let count = 1 + self.below(60);
                let value_nulls = if nullable { self.nulls(count) } else { None };
                let values = self.array(values, count, value_nulls, nullable);
                downcast_integer! {
                    **keys => (dictionary, self, rows, nulls, values),
                    _ => unreachable!()
                }
            }
            DataType::RunEndEncoded(ends, values) => {
                let nullable = nullable && values.is_nullable();
                let values = Field::clone(values).with_nullable(nullable);
                match ends.data_type() {
                    DataType::Int32 => self.runs::<Int32Type>(data_type, &values, rows),
                    _ => self.runs::<Int64Type>(data_type, &values, rows),
                }
            }
            primitive => {
                let width = primitive.primitive_width().unwrap();
                let bytes = self.fixed(primitive, width, rows);
                downcast_primitive! {
                    primitive => (primitive_array, bytes, nulls, primitive),
                    _ => unreachable!()
                }
            }
        }
    }

    /// Values of `width` bytes: a few different ones, or many.
    fn fixed(&mut self, data_type: &DataType, width: usize, rows: usize) -> Buffer {
        let mut bytes = MutableBuffer::from_len_zeroed(rows * width);
        let few = self.few();
        let seed = self.next() as usize;
        for (row, value) in bytes.chunks_exact_mut(width).enumerate() {
            Self(seed.wrapping_add(few.map_or(row * 8, |few| self.below(few) * 8)))
                .value(data_type, value);
        }
        bytes.into()
    }

    fn few(&mut self) -> Option<usize> {
        [None, None, Some(1), Some(5), Some(200)][self.below(5)]
    }

    /// Random bits; for decimals, only values within the digits of the type.
    fn value(&mut self, data_type: &DataType, value: &mut [u8]) {
        let width = value.len();
        let digits = match data_type {
            DataType::Decimal32(digits, _)
            | DataType::Decimal64(digits, _)
            | DataType::Decimal128(digits, _)
            | DataType::Decimal256(digits, _) => *digits,
            _ => {
                match self.below(20) {
                    // The least and the largest number, -0.0, and NaN.
                    0 => value[width - 1] = 0x80,
                    1 => value.fill(0xff),
                    2 => (value.fill(0xff), value[width - 1] = 0x7f).1,
                    3 => value.fill(0),
                    _ => value.chunks_mut(8).for_each(|bytes| {
                        bytes.copy_from_slice(&self.next().to_le_bytes()[..bytes.len()]);
                    }),
                }
                return;
            }
        };
        let ten = |exponent: u8| i256::from_i128(10).wrapping_pow(u32::from(exponent));
        let decimal = match self.below(20) {
            0 => ten(digits) - i256::ONE,
            1 => i256::ONE - ten(digits),
            _ => {
                let (high, low) = (self.next(), self.next());
                let number = (i128::from(high as i64) << 64) | i128::from(low);
                let number = i256::from_i128(number).wrapping_mul(ten(digits.saturating_sub(38)));
                number % ten(digits)
            }
        };
        value.copy_from_slice(&decimal.to_le_bytes()[..width]);
    }

    fn word(&mut self) -> String {
        let random = self.next();
        match random % 40 {
            0 => String::new(),
            1 => "longer than others ".repeat(self.below(100)),
            2 => "\0\u{10ffff}\n".to_owned(),
            _ => "αlpha-βeta ".repeat((random % 4) as usize) + &(random % 5000).to_string(),
        }
    }

    fn words(&mut self, rows: usize) -> Vec<String> {
        let few = self.few();
        let seed = self.next() as usize;
        let at = |random: &mut Self, row| few.map_or(row, |few| random.below(few));
        (0..rows).map(|row| Self(seed.wrapping_add(at(self, row) * 8)).word()).collect()
    }

    fn text<O: OffsetSizeTrait>(
        &mut self,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericStringArray<O> {
        let words = self.words(rows);
        let offsets = OffsetBuffer::from_lengths(words.iter().map(String::len));
        GenericStringArray::new(offsets, Buffer::from(words.concat().into_bytes()), nulls)
    }

    fn views<T: ByteViewType>(
        &mut self,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericByteViewArray<T>
    where
        String: AsRef<T::Native>,
    {
        let mut builder = GenericByteViewBuilder::<T>::new().with_fixed_block_size(200);
        self.words(rows).iter().for_each(|word| builder.append_value(word));
        let (views, buffers, _) = builder.finish().into_parts();
        GenericByteViewArray::new(views, buffers, nulls)
    }

    /// Offsets of lists, which need not begin at zero, and the number of elements that they need.
    fn offsets<O: OffsetSizeTrait>(&mut self, rows: usize) -> (OffsetBuffer<O>, usize) {
        let mut end = self.below(4);
        let mut offsets = vec![O::usize_as(end)];
        for _ in 0..rows {
            end += if self.one_in(100) { self.below(60) } else { self.below(4) };
            offsets.push(O::usize_as(end));
        }
        (OffsetBuffer::new(offsets.into()), end + self.below(3))
    }

    fn list<O: OffsetSizeTrait>(
        &mut self,
        item: &FieldRef,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericListArray<O> {
        let (offsets, count) = self.offsets(rows);
        let values = self.column(item, count, None);
        GenericListArray::new(Arc::clone(item), offsets, values, nulls)
    }

    /// Lists that share elements, in any order.
    fn list_view<O: OffsetSizeTrait>(
        &mut self,
        item: &FieldRef,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> GenericListViewArray<O> {
        let count = rows + self.below(9);
        let sizes: Vec<usize> = (0..rows).map(|_| self.below(4).min(count)).collect();
        let offsets = sizes.iter().map(|size| O::usize_as(self.below(count - size + 1)));
        let offsets: Vec<O> = offsets.collect();
        let sizes: Vec<O> = sizes.into_iter().map(O::usize_as).collect();
        let values = self.column(item, count, None);
        GenericListViewArray::new(Arc::clone(item), offsets.into(), sizes.into(), values, nulls)
    }

    fn structs(&mut self, fields: &Fields, rows: usize, nulls: Option<NullBuffer>) -> StructArray {
        let columns = fields.iter().map(|field| self.column(field, rows, nulls.as_ref()));
        let columns = columns.collect();
        StructArray::new(fields.clone(), columns, nulls)
    }

    fn runs<E: RunEndIndexType>(
        &mut self,
        data_type: &DataType,
        values: &Field,
        rows: usize,
    ) -> ArrayRef {
        let mut ends = Vec::new();
        let mut end = 0;
        while end < rows {
            end = rows.min(end + 1 + self.below(9));
            ends.push(E::Native::usize_as(end));
        }
        let values = self.column(values, ends.len(), None);
        let ends = PrimitiveArray::<E>::new(ends.into(), None);
        let runs = RunArray::try_new(&ends, &values).unwrap().into_data();
        // The constructor makes a type whose values may be null.
        make_array(runs.into_builder().data_type(data_type.clone()).build().unwrap())
    }
}

macro_rules! dictionary {
    ($keys:ty, $random:ident, $rows:ident, $nulls:ident, $values:ident) => {{
        let null = |row| $nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let keys = (0..$rows).map(|row| match null(row) {
            true => <$keys as ArrowPrimitiveType>::Native::MAX,
            false => <$keys as ArrowPrimitiveType>::Native::usize_as($random.below($values.len())),
        });
        let keys = PrimitiveArray::<$keys>::new(keys.collect(), $nulls);
        Arc::new(DictionaryArray::new(keys, $values))
    }};
}
use dictionary;

macro_rules! primitive_array {
    ($primitive:ty, $bytes:ident, $nulls:ident, $data_type:ident) => {{
        let values = ScalarBuffer::from($bytes);
        let array = PrimitiveArray::<$primitive>::new(values, $nulls);
        Arc::new(array.with_data_type($data_type.clone()))
    }};
}
use primitive_array;
