//! The Arrow types of the written streams.

use arrow_schema::DataType;
use taploom_format::plain_type;

/// The type in which a column is written; `None` for unions.
///
/// Views and runs become plain values, because a batch of them can carry values of other rows. Dictionaries
/// are kept as columns. Within lists, structs and maps they become plain values.
pub(crate) fn held(data_type: &DataType) -> Option<DataType> {
    let plain = |data_type| plain_type(data_type, &|leaf| Some(leaf.clone()));
    match data_type {
        DataType::Dictionary(keys, values) => {
            let values = plain(values)?;
            let kept = !values.is_nested() && !matches!(values, DataType::Boolean | DataType::Null);
            Some(if kept { DataType::Dictionary(keys.clone(), values.into()) } else { values })
        }
        other => plain(other),
    }
}
