//! Other values in the places of those that stand for null in a format.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch};
use arrow_schema::DataType;
use taploom_encoder::Datatype;

use crate::tables::Table;

impl Table {
    /// The same with the values next to those that are reserved.
    pub(crate) fn without(mut self, reserves: fn(Datatype) -> Option<i64>) -> Self {
        self.given = self.replaced(&self.given, reserves);
        self.expected = self.replaced(&self.expected, reserves);
        self
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

/// Integers that carry a datatype, and lists of them; others are as they were.
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
