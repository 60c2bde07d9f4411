//! Tests which schemas and options are refused before the first row.

use std::sync::Arc;

use arrow_array::*;
use arrow_schema::{DataType, Field, IntervalUnit, Schema, UnionFields, UnionMode};
use parquet::basic::Encoding;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use taploom_loom::{Error, LoomOptions, LoomWriter};

use crate::common::{arrow_writer, as_set, every_type, loom, read};

fn start(schema: Schema, properties: WriterProperties) -> Result<(), Error> {
    let options = LoomOptions::new().with_properties(properties);
    LoomWriter::try_new(std::io::sink(), Arc::new(schema), options).map(drop)
}

fn one(data_type: DataType) -> Schema {
    Schema::new(vec![Field::new("column", data_type, true)])
}

#[test]
fn types_that_parquet_does_not_hold() {
    let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let nested = DataType::List(Arc::new(Field::new_list_field(union.clone(), true)));
    for data_type in [union, interval, nested, DataType::FixedSizeBinary(0)] {
        let error = start(one(data_type.clone()), WriterProperties::default());
        assert!(matches!(error, Err(Error::Schema(_))), "{data_type}: {error:?}");
    }
    assert!(matches!(start(Schema::empty(), WriterProperties::default()), Err(Error::Options(_))));
}

#[test]
fn encodings_of_other_types() {
    for (encoding, data_type) in [
        (Encoding::BYTE_STREAM_SPLIT, DataType::Boolean),
        (Encoding::BYTE_STREAM_SPLIT, DataType::Utf8),
        (Encoding::DELTA_BINARY_PACKED, DataType::Float64),
        (Encoding::DELTA_BYTE_ARRAY, DataType::Int32),
        (Encoding::RLE, DataType::Int64),
    ] {
        let properties = WriterProperties::builder().set_encoding(encoding).build();
        let error = start(one(data_type.clone()), properties);
        let Err(Error::Options(message)) = error else {
            unreachable!("{encoding} for {data_type}: {error:?}")
        };
        assert!(message.contains("column") && message.contains(&encoding.to_string()), "{message}");
    }
}

#[test]
fn what_needs_memory_without_a_limit() {
    let builder = WriterProperties::builder;
    let refused = |properties: WriterPropertiesBuilder| {
        let error = start(one(DataType::Int32), properties.build());
        assert!(matches!(error, Err(Error::Options(_))), "{error:?}");
    };
    refused(builder().set_column_index_truncate_length(None));
    refused(builder().set_write_row_group_number_distinct_values(true));
}

#[test]
fn a_struct_with_its_fields_in_another_order() {
    let numbers = |values: [i32; 2]| Arc::new(Int32Array::from(values.to_vec())) as ArrayRef;
    let field = |name: &str| Arc::new(Field::new(name, DataType::Int32, false));
    let structs = |names: [&str; 2]| {
        let columns =
            vec![(field(names[0]), numbers([1, 2])), (field(names[1]), numbers([10, 20]))];
        RecordBatch::try_from_iter([("s", Arc::new(StructArray::from(columns)) as ArrayRef)])
            .unwrap()
    };
    let schema = structs(["a", "b"]).schema();
    let mut writer = LoomWriter::try_new(std::io::sink(), schema, LoomOptions::new()).unwrap();
    let error = writer.write(&structs(["b", "a"])).unwrap_err();
    assert!(matches!(error, Error::SchemaMismatch(_)), "{error}");
}

#[test]
fn a_budget_without_a_limit_is_taken() {
    let batch = every_type(0, 100);
    let expected = arrow_writer(std::slice::from_ref(&batch), WriterProperties::default());
    let options = as_set(WriterProperties::default()).with_memory_budget(usize::MAX);
    assert_eq!(read(loom(std::slice::from_ref(&batch), options).0), read(expected));
}

#[test]
fn words_in_lists_get_a_dictionary_where_it_pays() {
    let words = (0..100_000).map(|word| format!("a word of some length {}", word * 7 % 500));
    let words = StringArray::from_iter_values(words);
    let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let offsets = arrow_buffer::OffsetBuffer::from_lengths([500; 200]);
    let lists: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(words), None));
    let batch = RecordBatch::try_from_iter([("lists", lists)]).unwrap();
    let with = loom(std::slice::from_ref(&batch), LoomOptions::new()).0.len();
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    let without = loom(&[batch], as_set(plain)).0.len();
    assert!(with * 5 < without, "{with} bytes with dictionaries where they pay, {without} without");
}
