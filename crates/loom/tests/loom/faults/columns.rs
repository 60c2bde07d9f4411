//! Values that a column can't hold, and batches with other columns than the file.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use taploom_loom::{Error, LoomOptions};

use super::{MIB, error_of, one_column};

use crate::common::every_type;

/// The schema of a batch, with no nulls at the top.
fn without_nulls(batch: &RecordBatch) -> SchemaRef {
    let fields = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(false))
        .collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

/// Text with one null, which is a value of the dictionary: no key is null.
fn hidden_null(rows: usize) -> DictionaryArray<Int32Type> {
    let values = StringArray::from(vec![Some("star"), None]);
    let keys: Int32Array = (0..rows as i32).map(|row| Some(i32::from(row == 7))).collect();
    DictionaryArray::new(keys, Arc::new(values))
}

/// Writes the rows from memory, through scratch, and as a small slice of a large batch.
#[track_caller]
fn is_the_columns_error(schema: &SchemaRef, batch: &RecordBatch) {
    let name = schema.field(0).name();
    let part = batch.slice(0, 10);
    for (batch, budget) in [(batch, 64 * MIB), (batch, MIB), (&part, MIB)] {
        for threads in [1, 3] {
            let options = LoomOptions::new().with_memory_budget(budget).with_threads(threads);
            match error_of(schema, &[batch.clone(), batch.clone()], options) {
                Error::Column { column, .. } => assert_eq!(&column, name),
                other => panic!("{} rows, {budget} bytes: {other:?}", batch.num_rows()),
            }
        }
    }
}

/// Rows that do not fit into a memory budget of 1 MiB.
const MANY: usize = 40_000;

#[test]
fn a_null_where_none_is_allowed_is_the_columns_error() {
    let numbers: Float64Array = (0..MANY).map(|row| (row != 7).then_some(1.0)).collect();
    let batch = one_column("ra", Arc::new(numbers), true);
    is_the_columns_error(&without_nulls(&batch), &batch);
}

#[test]
fn a_null_struct_where_none_is_allowed_is_the_columns_error() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0; MANY]));
    let field = Field::new("ra", DataType::Float64, true);
    let nulls = NullBuffer::from_iter((0..MANY).map(|row| row != 7));
    let place = StructArray::new(vec![field].into(), vec![numbers], Some(nulls));
    let batch = one_column("place", Arc::new(place), true);
    is_the_columns_error(&without_nulls(&batch), &batch);
}

#[test]
fn a_null_among_the_values_of_a_dictionary_is_the_columns_error() {
    let batch = one_column("class", Arc::new(hidden_null(MANY)), false);
    is_the_columns_error(&batch.schema(), &batch);
}

#[test]
fn a_null_inside_a_struct_is_the_columns_error() {
    let class = one_column("class", Arc::new(hidden_null(MANY)), false);
    let batch = one_column("object", Arc::new(StructArray::from(class)), false);
    is_the_columns_error(&batch.schema(), &batch);
}

#[test]
fn a_batch_with_another_schema_is_refused() {
    let batch = every_type(0, 10);
    let schema = batch.schema();
    let few = batch.project(&[0, 1, 2]).unwrap();
    let mut other_types: Vec<usize> = (0..batch.num_columns()).collect();
    other_types.swap(0, 5);
    let other_types = batch.project(&other_types).unwrap();
    let child = |child: DataType| {
        let child = Field::new("child", child, true);
        let array = StructArray::new_null(vec![child].into(), 10);
        one_column("parent", Arc::new(array), true)
    };
    let (parent, other_child) = (child(DataType::Int32), child(DataType::Int64));
    for (schema, good, bad) in [
        (schema.clone(), &batch, few),
        (schema, &batch, other_types),
        (parent.schema(), &parent, other_child),
    ] {
        for batches in [vec![bad.clone()], vec![good.clone(), bad]] {
            let error = error_of(&schema, &batches, LoomOptions::new());
            assert!(matches!(error, Error::SchemaMismatch(_)), "{error:?}");
        }
    }
}
