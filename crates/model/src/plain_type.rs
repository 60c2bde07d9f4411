//! Arrow types without dictionaries, runs and views.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};

/// The type of the same values without dictionaries, runs and views, at any depth. `leaf` returns the type in
/// which a format holds a type that is not nested, or `None` if the format can't hold it. In that case, and
/// for unions, the result is `None`.
///
/// ```
/// use arrow_schema::DataType;
/// use taploom_model::plain_type;
///
/// let names = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
/// let lists = DataType::new_list(names, true);
/// let plain = plain_type(&lists, &|leaf| Some(leaf.clone()));
/// assert_eq!(plain, Some(DataType::new_list(DataType::Utf8, true)));
/// assert_eq!(plain_type(&lists, &|leaf| leaf.is_integer().then(|| leaf.clone())), None);
/// ```
pub fn plain_type(
    data_type: &DataType,
    leaf: &dyn Fn(&DataType) -> Option<DataType>,
) -> Option<DataType> {
    use DataType::{
        BinaryView, Dictionary, FixedSizeList, LargeList, LargeListView, List, ListView, Map,
        RunEndEncoded, Struct, Union, Utf8View,
    };
    let field = |field: &FieldRef| -> Option<FieldRef> {
        let plain = plain_type(field.data_type(), leaf)?;
        let has_nulls_elsewhere =
            matches!(field.data_type(), Dictionary(_, _) | RunEndEncoded(_, _));
        let nullable = field.is_nullable() || has_nulls_elsewhere;
        Some(Arc::new(Field::clone(field).with_data_type(plain).with_nullable(nullable)))
    };
    Some(match data_type {
        Dictionary(_, values) => plain_type(values, leaf)?,
        RunEndEncoded(_, values) => plain_type(values.data_type(), leaf)?,
        Utf8View => leaf(&DataType::Utf8)?,
        BinaryView => leaf(&DataType::Binary)?,
        List(item) | ListView(item) => List(field(item)?),
        LargeList(item) | LargeListView(item) => LargeList(field(item)?),
        FixedSizeList(item, length) => FixedSizeList(field(item)?, *length),
        Struct(fields) => Struct(fields.iter().map(field).collect::<Option<Fields>>()?),
        Map(entries, sorted) => Map(field(entries)?, *sorted),
        Union(_, _) => return None,
        other => leaf(other)?,
    })
}
