//! Compares cells by their values, whatever the kind of array.
//!
//! Arrow's kernels are not used here, because the loom uses them, and the tests would share their
//! defects.

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, RecordBatch, downcast_dictionary_array, downcast_primitive_array,
    downcast_run_array,
};
use arrow_buffer::{ArrowNativeType, ToByteSlice};
use arrow_schema::{DataType, Field, FieldRef, Schema};

/// Returns the place of the first cell that differs. A value in a dictionary equals the same value
/// in a plain array, floats are equal if their bits are, and a null equals only a null.
pub(crate) fn same_cells(got: &[RecordBatch], wanted: &[RecordBatch]) -> Result<(), String> {
    let rows =
        |batches: &[RecordBatch]| -> usize { batches.iter().map(RecordBatch::num_rows).sum() };
    if rows(got) != rows(wanted) {
        return Err(format!("{} rows, wanted are {}", rows(got), rows(wanted)));
    }
    let Some(first) = wanted.first() else { return Ok(()) };
    for (column, field) in first.schema().fields().iter().enumerate() {
        let mut got = got.iter().flat_map(|batch| cells_of(batch.column(column)));
        let wanted = wanted.iter().flat_map(|batch| cells_of(batch.column(column)));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (row, (array, at)) in wanted.enumerate() {
            let Some((got, got_at)) = got.next() else { return Err("too few rows".to_owned()) };
            left.clear();
            right.clear();
            put(got, got_at, &mut left);
            put(array, at, &mut right);
            if left != right {
                return Err(format!(
                    "column {:?}, row {row}: got {:?}, wanted is {:?}",
                    field.name(),
                    got.slice(got_at, 1),
                    array.slice(at, 1),
                ));
            }
        }
    }
    Ok(())
}

fn cells_of(array: &ArrayRef) -> impl Iterator<Item = (&ArrayRef, usize)> {
    (0..array.len()).map(move |row| (array, row))
}

/// Appends a cell in a form that is unique among the cells of its type.
fn put(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    match array.data_type() {
        DataType::Null => return out.push(0),
        DataType::Dictionary(_, _) if array.is_valid(row) => {
            return downcast_dictionary_array!(
                array => put(array.values(), array.keys().value(row).as_usize(), out),
                _ => unreachable!()
            );
        }
        DataType::RunEndEncoded(_, _) => {
            return downcast_run_array!(
                array => put(array.values(), array.get_physical_index(row), out),
                _ => unreachable!()
            );
        }
        _ => {}
    }
    out.push(u8::from(array.is_valid(row)));
    if array.is_null(row) {
        return;
    }
    match array.data_type() {
        DataType::Boolean => out.push(u8::from(array.as_boolean().value(row))),
        DataType::Utf8 => put_bytes(array.as_string::<i32>().value(row).as_bytes(), out),
        DataType::LargeUtf8 => put_bytes(array.as_string::<i64>().value(row).as_bytes(), out),
        DataType::Utf8View => put_bytes(array.as_string_view().value(row).as_bytes(), out),
        DataType::Binary => put_bytes(array.as_binary::<i32>().value(row), out),
        DataType::LargeBinary => put_bytes(array.as_binary::<i64>().value(row), out),
        DataType::BinaryView => put_bytes(array.as_binary_view().value(row), out),
        DataType::FixedSizeBinary(_) => put_bytes(array.as_fixed_size_binary().value(row), out),
        DataType::List(_) => put_list(&array.as_list::<i32>().value(row), out),
        DataType::LargeList(_) => put_list(&array.as_list::<i64>().value(row), out),
        DataType::ListView(_) => put_list(&array.as_list_view::<i32>().value(row), out),
        DataType::LargeListView(_) => put_list(&array.as_list_view::<i64>().value(row), out),
        DataType::FixedSizeList(_, _) => put_list(&array.as_fixed_size_list().value(row), out),
        DataType::Map(_, _) => put_list(&array.as_map().value(row), out),
        DataType::Struct(_) => {
            array.as_struct().columns().iter().for_each(|child| put(child, row, out));
        }
        other => downcast_primitive_array!(
            array => out.extend_from_slice(array.value(row).to_byte_slice()),
            _ => panic!("cells of {other} are not compared")
        ),
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&bytes.len().to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_list(values: &dyn Array, out: &mut Vec<u8>) {
    out.extend_from_slice(&values.len().to_le_bytes());
    (0..values.len()).for_each(|value| put(values, value, out));
}

/// The columns of a file of `schema` when it is read back. Arrow's schema is in its footer, so that
/// all types are restored except
/// - runs, which are read as their values,
/// - dictionaries of lists and structs, which are read as these,
/// - dictionaries of dictionaries, which are read as one.
pub(crate) fn read_schema(schema: &Schema) -> Schema {
    let fields: Vec<FieldRef> = schema.fields().iter().map(read_field).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn read_field(field: &FieldRef) -> FieldRef {
    let (data_type, nullable) = read_type(field.data_type());
    let nullable = nullable || field.is_nullable();
    Field::clone(field).with_data_type(data_type).with_nullable(nullable).into()
}

/// A type as it is read back, and whether the type itself allows nulls.
fn read_type(data_type: &DataType) -> (DataType, bool) {
    match data_type {
        DataType::RunEndEncoded(_, values) => {
            let values = read_field(values);
            (values.data_type().clone(), values.is_nullable())
        }
        DataType::Dictionary(keys, values) => {
            let (values, nullable) = read_type(values);
            let values = match values {
                DataType::Dictionary(_, values) => values,
                nested if nested.is_nested() => return (nested, nullable),
                flat => Box::new(flat),
            };
            (DataType::Dictionary(keys.clone(), values), nullable)
        }
        DataType::List(item) => (DataType::List(read_field(item)), false),
        DataType::LargeList(item) => (DataType::LargeList(read_field(item)), false),
        DataType::ListView(item) => (DataType::ListView(read_field(item)), false),
        DataType::LargeListView(item) => (DataType::LargeListView(read_field(item)), false),
        DataType::FixedSizeList(item, length) => {
            (DataType::FixedSizeList(read_field(item), *length), false)
        }
        DataType::Struct(fields) => {
            (DataType::Struct(fields.iter().map(read_field).collect()), false)
        }
        DataType::Map(entries, sorted) => (DataType::Map(read_field(entries), *sorted), false),
        other => (other.clone(), false),
    }
}
