//! Replaces values that a format can't hold: nulls in columns without nulls, and values that stand
//! for null in formats without null flags.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Int32Array, ListArray, RecordBatch, StringArray, UInt32Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::interleave::interleave;
use arrow_select::take::take;
use taploom_format::{ColumnMetadata, Datatype, VoType};

use crate::tables::{Table, TestColumn};

impl Table {
    /// Replaces reserved values by the values next to them.
    pub(crate) fn without(mut self, reserves: fn(Datatype) -> Option<i64>) -> Self {
        self.given = self.replaced(&self.given, reserves);
        self.expected = self.replaced(&self.expected, reserves);
        self
    }

    /// Replaces nulls by values in columns that can't have nulls. Such columns are given in their
    /// canonical Arrow type.
    #[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
    pub(crate) fn with_nulls_in(self, has_null: fn(&VoType) -> bool) -> Self {
        let types: Vec<VoType> = self
            .schema
            .columns()
            .iter()
            .map(|column| column.vo_type().expect("a column that has a datatype").clone())
            .collect();
        if types.iter().all(has_null) {
            return self;
        }
        let columns = types.into_iter().enumerate().map(|(index, vo_type)| {
            let column = &self.schema.columns()[index];
            let mut given = Arc::clone(self.given.column(index));
            let mut expected = Arc::clone(self.expected.column(index));
            if !has_null(&vo_type) && expected.null_count() > 0 {
                expected = filled(&expected, &vo_type);
                given = Arc::clone(&expected);
            }
            let metadata = ColumnMetadata {
                name: Some(column.name().to_owned()),
                datatype: Some(vo_type.datatype),
                arraysize: vo_type.arraysize.clone(),
                xtype: vo_type.xtype,
                ..column.metadata().clone()
            };
            TestColumn { metadata, given, expected }
        });
        Self::of(self.name, columns.collect())
    }

    #[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
    fn replaced(&self, rows: &RecordBatch, reserves: fn(Datatype) -> Option<i64>) -> RecordBatch {
        let columns = rows.columns().iter().zip(self.schema.columns()).map(|(array, column)| {
            match column.vo_type().ok().and_then(|vo_type| reserves(vo_type.datatype)) {
                Some(reserved) => replace(array, reserved),
                None => Arc::clone(array),
            }
        });
        RecordBatch::try_new(rows.schema(), columns.collect()).expect("columns of the same types")
    }
}

/// Zeros, false, empty strings and arrays where the nulls were.
#[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
fn filled(array: &ArrayRef, vo_type: &VoType) -> ArrayRef {
    let zero: ArrayRef = match vo_type.datatype.element() {
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false])),
        DataType::Utf8 => Arc::new(StringArray::from(vec![""])),
        number => cast(&Int32Array::from(vec![0]), &number).expect("0 in a type of numbers"),
    };
    let fill: ArrayRef = match array.data_type() {
        DataType::List(item) => {
            let length = vo_type.fixed_elements().unwrap_or(0) as usize;
            let zeros = take(&zero, &UInt32Array::from(vec![0; length]), None).expect("zeros");
            let offsets = OffsetBuffer::from_lengths([length]);
            Arc::new(ListArray::new(Arc::clone(item), offsets, zeros, None))
        }
        _ => zero,
    };
    let picks = (0..array.len()).map(|row| if array.is_null(row) { (1, 0) } else { (0, row) });
    interleave(&[array.as_ref(), fill.as_ref()], &picks.collect::<Vec<_>>()).expect("one type")
}

/// Replaces values of integers that carry a datatype, and of lists of them. Other arrays are
/// returned unchanged.
fn replace(array: &ArrayRef, reserved: i64) -> ArrayRef {
    macro_rules! integers {
        ($type:ty, $native:ty) => {{
            let other = |value| if value == <$native>::MAX { value - 1 } else { value + 1 };
            let change = |value| if i64::from(value) == reserved { other(value) } else { value };
            Arc::new(array.as_primitive::<$type>().unary::<_, $type>(change))
        }};
    }
    match array.data_type() {
        DataType::UInt8 => integers!(UInt8Type, u8),
        DataType::Int16 => integers!(Int16Type, i16),
        DataType::Int32 => integers!(Int32Type, i32),
        DataType::Int64 => integers!(Int64Type, i64),
        DataType::List(item) => {
            let (_, offsets, values, nulls) = array.as_list::<i32>().clone().into_parts();
            Arc::new(ListArray::new(Arc::clone(item), offsets, replace(&values, reserved), nulls))
        }
        _ => Arc::clone(array),
    }
}
