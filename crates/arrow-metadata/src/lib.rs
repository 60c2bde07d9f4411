#![doc = include_str!("../README.md")]

use arrow_schema::{Field, Metadata, Schema};
use serde_json::{Map, Value};
use taploom_model::{ColumnMetadata, Error, ErrorKind, Result, ResultSchema, TableMetadata};

/// What all keys begin with.
pub const PREFIX: &str = "vo:";

/// The key of the table in the metadata of the schema.
pub const TABLE_KEY: &str = "vo:table";

/// Members of a column's JSON that are text, and the others.
const AS_TEXT: [&str; 12] = [
    "ID",
    "arraysize",
    "datatype",
    "description",
    "name",
    "null",
    "precision",
    "ref",
    "ucd",
    "unit",
    "utype",
    "xtype",
];
const AS_JSON: [&str; 3] = ["links", "values", "width"];

/// The Arrow schema `written`, whose fields hold the columns of `result` by position, with the
/// metadata of the result; keys that are there stay, but for those with the [`PREFIX`].
///
/// # Errors
/// [`ErrorKind::Internal`] where metadata can't be told in JSON.
pub fn annotated(result: &ResultSchema, written: &Schema) -> Result<Schema> {
    let mut fields = Vec::with_capacity(written.fields().len());
    for (column, field) in result.columns().iter().zip(written.fields()) {
        let mut known = column.resolved();
        known.name = known.name.filter(|name| name != field.name());
        let mut keys = without_ours(field.metadata());
        if let Value::Object(members) = json(&known)? {
            for (name, value) in members {
                let text = match value {
                    Value::String(text) => text,
                    other => compact(other).to_string(),
                };
                keys.insert(format!("{PREFIX}{name}"), text);
            }
        }
        fields.push(field.as_ref().clone().with_metadata(keys));
    }
    let mut keys = without_ours(written.metadata());
    match compact(json(result.table())?) {
        Value::Object(table) if table.is_empty() => {}
        table => {
            keys.insert(TABLE_KEY, table.to_string());
        }
    }
    Ok(Schema::new_with_metadata(fields, keys))
}

/// What [`annotated`] has written: the columns by position, and the table; `None` where nothing is.
///
/// Keys with the [`PREFIX`] and a name that is not known are passed over.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] naming the column and the key whose value is damaged.
pub fn described(schema: &Schema) -> Result<Option<(Vec<ColumnMetadata>, TableMetadata)>> {
    let ours = |metadata: &Metadata| metadata.iter().any(|(key, _)| key.starts_with(PREFIX));
    if !ours(schema.metadata()) && !schema.fields().iter().any(|field| ours(field.metadata())) {
        return Ok(None);
    }
    let columns = schema.fields().iter().map(|field| column(field));
    let table = match schema.metadata().get(TABLE_KEY) {
        Some(table) => serde_json::from_str(table).map_err(|error| damaged(TABLE_KEY, error))?,
        None => TableMetadata::default(),
    };
    Ok(Some((columns.collect::<Result<_>>()?, table)))
}

fn column(field: &Field) -> Result<ColumnMetadata> {
    let mut members = Map::new();
    for (key, text) in field.metadata() {
        let name = key.strip_prefix(PREFIX).unwrap_or_default();
        let member = if AS_TEXT.contains(&name) {
            Value::String(text.to_owned())
        } else if AS_JSON.contains(&name) {
            serde_json::from_str(text)
                .map_err(|error| damaged(key, error).with_column(field.name()))?
        } else {
            continue;
        };
        members.insert(name.to_owned(), member);
    }
    let parse = |members| serde_json::from_value::<ColumnMetadata>(Value::Object(members));
    parse(members.clone()).map_err(|error| {
        let mut alone = members.into_iter().map(|(name, member)| {
            let is_right = parse(Map::from_iter([(name.clone(), member)])).is_ok();
            (name, is_right)
        });
        let culprit = alone.find(|(_, is_right)| !is_right).map(|(name, _)| name);
        let key = format!("{PREFIX}{}", culprit.unwrap_or_default());
        damaged(&key, error).with_column(field.name())
    })
}

fn without_ours(metadata: &Metadata) -> Metadata {
    let theirs = metadata.iter().filter(|(key, _)| !key.starts_with(PREFIX));
    theirs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Without members that are null or empty: they are what is there by default.
fn compact(value: Value) -> Value {
    let is_said = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, compact(value)));
            Value::Object(members.filter(|(_, value)| is_said(value)).collect())
        }
        // An item stands for itself, even where all that it says is the default.
        Value::Array(items) => Value::Array(items.into_iter().map(compact).collect()),
        scalar => scalar,
    }
}

fn json(metadata: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(metadata).map_err(|error| {
        Error::new(ErrorKind::Internal, "the metadata can't be told in JSON").with_source(error)
    })
}

fn damaged(key: &str, error: serde_json::Error) -> Error {
    let message = format!("the metadata key {key} is damaged");
    Error::new(ErrorKind::InvalidRequest, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::DataType;
    use serde_json::json;

    use super::*;

    fn read_back(result: &ResultSchema) -> ResultSchema {
        let schema = annotated(result, result.arrow()).unwrap();
        let (columns, table) = described(&schema).unwrap().unwrap();
        ResultSchema::new(Arc::clone(result.arrow()), columns).unwrap().with_table(table)
    }

    #[test]
    fn everything_comes_back() {
        let list = DataType::new_list(DataType::Float64, true);
        let arrow = Schema::new(vec![
            Field::new("ra", DataType::Float64, true),
            Field::new("z", list, true),
            Field::new("n", DataType::Int64, true),
        ]);
        let columns = json!([
            {
                "name": "RA", "unit": "deg", "ucd": "pos.eq.ra", "utype": "a:b", "ID": "ra",
                "ref": "icrs", "description": "1 < 2", "width": 9, "precision": "F4",
                "values": {"min": {"value": "0", "inclusive": true}, "options": [{"value": "1"}]},
                "links": [{"href": "https://example.org/"}],
            },
            {"datatype": "doubleComplex", "arraysize": "1"},
            {"null": "-1", "unit": ""},
        ]);
        let table: TableMetadata = serde_json::from_value(json!({
            "name": "stars",
            "infos": [{"name": "empty", "value": ""}],
            "groups": [{"field_refs": [{"ref": "ra"}]}, {}],
            "resource": {"coosys": [{"ID": "icrs", "system": "ICRS"}]},
        }))
        .unwrap();
        let columns = serde_json::from_value(columns).unwrap();
        let result = ResultSchema::new(Arc::new(arrow), columns).unwrap().with_table(table);
        let back = read_back(&result);
        assert_eq!(back.table(), result.table());
        for (back, given) in back.columns().iter().zip(result.columns()) {
            assert_eq!(back.resolved(), given.resolved());
            assert_eq!(back.vo_type().unwrap(), given.vo_type().unwrap());
        }
        assert_eq!(back.columns()[1].vo_type().unwrap().arraysize, None, "one complex number");
    }

    #[test]
    fn a_schema_without_our_keys_says_nothing() {
        let field = Field::new("n", DataType::Int64, true);
        let field = field.with_metadata([("PARQUET:field_id", "1")].map(owned));
        assert!(described(&Schema::new(vec![field])).unwrap().is_none());
    }

    #[test]
    fn what_is_unknown_is_passed_over_and_what_is_damaged_is_named() {
        let with = |key: &str, value: &str| {
            let field = Field::new("n", DataType::Int64, true);
            described(&Schema::new(vec![field.with_metadata([owned((key, value))])]))
        };
        let (columns, _) = with("vo:colour", "red").unwrap().unwrap();
        assert_eq!(columns, [ColumnMetadata::default()]);
        for (key, value) in [("vo:width", "wide"), ("vo:datatype", "quad"), ("vo:links", "{}")] {
            let error = with(key, value).unwrap_err();
            assert_eq!(error.column(), Some("n"));
            assert_eq!(error.message(), format!("the metadata key {key} is damaged"));
        }
    }

    fn owned((key, value): (&str, &str)) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }
}
