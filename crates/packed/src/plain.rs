//! Arrays without the indirection of dictionaries, views and runs.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields};
use arrow_select::take::take;

/// The type in which an array is packed: the same values without dictionaries, views and runs, because every
/// slice of these would carry the values of other rows. Parquet stores both types in the same way.
pub fn plain_type(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| plain_field(field);
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(field(item))
        }
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(field(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Fields>()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}

/// The field with its [`plain_type`].
pub fn plain_field(field: &FieldRef) -> FieldRef {
    let plain = plain_type(field.data_type());
    if plain == *field.data_type() {
        return Arc::clone(field);
    }
    // The values of runs and dictionaries may be null even if the field is not nullable.
    let nullable = field.is_nullable() || has_nullable_values(field.data_type());
    Arc::new(Field::clone(field).with_data_type(plain).with_nullable(nullable))
}

fn has_nullable_values(data_type: &DataType) -> bool {
    match data_type {
        DataType::RunEndEncoded(_, values) => {
            values.is_nullable() || has_nullable_values(values.data_type())
        }
        DataType::Dictionary(_, values) => has_nullable_values(values),
        _ => false,
    }
}

/// The same values as an array of the type `plain_type`.
pub fn plain(array: &ArrayRef, plain_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == plain_type {
        return Ok(Arc::clone(array));
    }
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let values = dictionary.values();
        let taken = match values.data_type() {
            // Only values that keys refer to are converted, because a dictionary may be much larger than
            // its batch.
            DataType::Utf8View | DataType::BinaryView | DataType::Dictionary(_, _) => {
                plain(&take(values, dictionary.keys(), None)?, plain_type)?
            }
            // Converted first, because Arrow's `take` can't make nulls in runs.
            _ => take(&plain(values, plain_type)?, dictionary.keys(), None)?,
        };
        return Ok(taken);
    }
    cast(array, plain_type)
}
