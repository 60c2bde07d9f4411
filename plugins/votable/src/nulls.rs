//! Values that stand for null in serializations without null flags; VOTable 1.4, section 5.5.

use arrow_schema::{DataType, Field};
use taploom_format::{Datatype, Result, ResultSchema, VoType};

/// The null value of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NullValue {
    /// Given in the metadata or missing: a cell with this value is meant to be null.
    AsGiven,
    /// Chosen by Taploom: a cell with this value would wrongly be read as null.
    Chosen,
}

/// The schema, unchanged.
pub(crate) fn with_nulls_as_given(schema: &ResultSchema) -> (ResultSchema, Vec<NullValue>) {
    (schema.clone(), vec![NullValue::AsGiven; schema.columns().len()])
}

/// The schema with a null value for every integer column that may need one and has none.
pub(crate) fn with_nulls_chosen(schema: &ResultSchema) -> Result<(ResultSchema, Vec<NullValue>)> {
    let mut values = Vec::with_capacity(schema.columns().len());
    for (column, field) in schema.columns().iter().zip(schema.arrow().fields()) {
        let vo_type = column.vo_type()?;
        let needed = column.metadata().null_value.is_none() && needs_null(field, vo_type);
        values.push(if needed { rarest(vo_type.datatype) } else { None });
    }
    let kinds = values.iter().map(|value| match value {
        Some(_) => NullValue::Chosen,
        None => NullValue::AsGiven,
    });
    let kinds = kinds.collect();
    Ok((schema.clone().with_null_values(&values), kinds))
}

/// A null cell of variable length is written as an empty one; other null cells, and null
/// elements, need a value.
fn needs_null(field: &Field, vo_type: &VoType) -> bool {
    let is_variable = vo_type.is_list() && vo_type.fixed_elements().is_none();
    field.is_nullable() && !is_variable || has_nullable_items(field.data_type())
}

fn has_nullable_items(data_type: &DataType) -> bool {
    use DataType::{
        Dictionary, FixedSizeList, LargeList, LargeListView, List, ListView, RunEndEncoded,
    };
    match data_type {
        List(item)
        | LargeList(item)
        | ListView(item)
        | LargeListView(item)
        | FixedSizeList(item, _) => item.is_nullable() || has_nullable_items(item.data_type()),
        Dictionary(_, values) => has_nullable_items(values),
        RunEndEncoded(_, values) => has_nullable_items(values.data_type()),
        _ => false,
    }
}

/// The value that is least likely to occur: an end of the range.
fn rarest(datatype: Datatype) -> Option<String> {
    match datatype {
        Datatype::UnsignedByte => Some(u8::MAX.to_string()),
        Datatype::Short => Some(i16::MIN.to_string()),
        Datatype::Int => Some(i32::MIN.to_string()),
        Datatype::Long => Some(i64::MIN.to_string()),
        _ => None,
    }
}

/// The reason why a null element of an array of integers is an error.
pub(crate) const NO_NULL_ELEMENT: &str = "an element of the array is null, and the column has no null \
    value; give one as \"null\" in the metadata of the column";

/// The reason why a null bit in an array is an error.
pub(crate) const NO_NULL_BIT: &str =
    "a bit of the array is null, and VOTable has no null bits; declare the datatype boolean";
