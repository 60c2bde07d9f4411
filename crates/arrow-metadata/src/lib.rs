#![doc = include_str!("../README.md")]

use arrow_schema::{Field, Metadata, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use taploom_model::{ColumnMetadata, Error, ErrorKind, Result, ResultSchema, TableMetadata};

/// The prefix of all keys.
pub const PREFIX: &str = "vo:";

/// The key of the table's metadata in the metadata of the schema.
pub const TABLE_KEY: &str = "vo:table";

/// Members of a column's JSON that are stored as plain text, and members that are stored as JSON.
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

/// Adds the metadata of `result` to the Arrow schema `written`, whose fields are the columns of `result`
/// by position. Other keys of `written` are kept; keys with the [`PREFIX`] are replaced.
///
/// # Errors
/// [`ErrorKind::Internal`] if metadata can't be written as JSON.
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

/// The metadata found in an Arrow schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Described {
    /// The columns, by position.
    pub columns: Vec<ColumnMetadata>,
    /// The table.
    pub table: TableMetadata,
    /// Notes on metadata that were ignored because they are invalid, one sentence each.
    pub notes: Vec<String>,
}

/// Reads the metadata that [`annotated`] has written. `None` if the schema has none.
///
/// Keys with the [`PREFIX`] and an unknown name are ignored. A value that breaks the grammar of its
/// attribute is ignored, too, and named in the notes.
pub fn described(schema: &Schema) -> Option<Described> {
    let ours = |metadata: &Metadata| metadata.iter().any(|(key, _)| key.starts_with(PREFIX));
    if !ours(schema.metadata()) && !schema.fields().iter().any(|field| ours(field.metadata())) {
        return None;
    }
    let mut notes = Vec::new();
    let columns = schema.fields().iter().map(|field| column(field, &mut notes)).collect();
    let table = schema.metadata().get(TABLE_KEY).map(|text| table(text, &mut notes));
    Some(Described { columns, table: table.unwrap_or_default(), notes })
}

fn column(field: &Field, notes: &mut Vec<String>) -> ColumnMetadata {
    let mut note = |note: String| notes.push(format!("column {:?}: {note}", field.name()));
    let mut members = Map::new();
    for (key, text) in field.metadata() {
        let name = key.strip_prefix(PREFIX).unwrap_or_default();
        let member = if AS_TEXT.contains(&name) {
            Value::String(text.to_owned())
        } else if AS_JSON.contains(&name) {
            match serde_json::from_str(text) {
                Ok(member) => member,
                Err(error) => {
                    note(ignored(key, &error));
                    continue;
                }
            }
        } else {
            continue;
        };
        members.insert(name.to_owned(), member);
    }
    let mut wrong = |path: &Path, error: &serde_json::Error| {
        note(ignored(&format!("{PREFIX}{path}"), error));
    };
    without_errors(Value::Object(members), &mut wrong)
}

fn table(text: &str, notes: &mut Vec<String>) -> TableMetadata {
    match serde_json::from_str(text) {
        Ok(table) => without_errors(table, &mut |path, error| {
            notes.push(ignored(&format!("{TABLE_KEY}.{path}"), error));
        }),
        Err(error) => {
            notes.push(ignored(TABLE_KEY, &error));
            TableMetadata::default()
        }
    }
}

fn ignored(place: &str, error: &serde_json::Error) -> String {
    format!("the metadata of the file at {place} are ignored: {error}")
}

/// The metadata in `json` without the members that are wrong. Calls `wrong` for each of these.
fn without_errors<T: DeserializeOwned + Default>(
    mut json: Value,
    wrong: &mut dyn FnMut(&Path, &serde_json::Error),
) -> T {
    loop {
        let error = match serde_path_to_error::deserialize(&json) {
            Ok(metadata) => return metadata,
            Err(error) => error,
        };
        wrong(error.path(), error.inner());
        if !remove(&mut json, error.path()) {
            return T::default();
        }
    }
}

/// Removes the member or item at a path. Returns whether there was one.
fn remove(json: &mut Value, path: &Path) -> bool {
    let mut segments: Vec<&Segment> = path.iter().collect();
    let Some(last) = segments.pop() else { return false };
    let mut parent = json;
    for segment in segments {
        let inner = match segment {
            Segment::Map { key } => parent.get_mut(key),
            Segment::Seq { index } => parent.get_mut(*index),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        let Some(inner) = inner else { return false };
        parent = inner;
    }
    match (last, parent) {
        (Segment::Map { key }, Value::Object(members)) => members.remove(key).is_some(),
        (Segment::Seq { index }, Value::Array(items)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    }
}

fn without_ours(metadata: &Metadata) -> Metadata {
    let theirs = metadata.iter().filter(|(key, _)| !key.starts_with(PREFIX));
    theirs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Removes members that are null or empty, which are the defaults.
fn compact(value: Value) -> Value {
    let is_kept = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, compact(value)));
            Value::Object(members.filter(|(_, value)| is_kept(value)).collect())
        }
        // An item counts even if all of its members are the defaults.
        Value::Array(items) => Value::Array(items.into_iter().map(compact).collect()),
        scalar => scalar,
    }
}

fn json(metadata: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(metadata).map_err(|error| {
        Error::new(ErrorKind::Internal, "the metadata can't be written as JSON").with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::DataType;
    use serde_json::json;

    use super::*;

    fn read_back(result: &ResultSchema) -> ResultSchema {
        let schema = annotated(result, result.arrow()).unwrap();
        let Described { columns, table, notes } = described(&schema).unwrap();
        assert_eq!(notes, [""; 0]);
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
        assert!(described(&Schema::new(vec![field])).is_none());
    }

    #[test]
    fn what_is_unknown_is_ignored_and_what_is_wrong_is_named() {
        let with = |key: &str, value: &str| {
            let field = Field::new("n", DataType::Int64, true);
            let unit = owned(("vo:unit", "m"));
            described(&Schema::new(vec![field.with_metadata([owned((key, value)), unit])])).unwrap()
        };
        let right = ColumnMetadata { unit: Some("m".to_owned()), ..Default::default() };
        let unknown = with("vo:colour", "red");
        assert_eq!((unknown.columns, unknown.notes.len()), (vec![right.clone()], 0));
        for (key, value, place, why) in [
            ("vo:width", "wide", "vo:width", "expected value at line 1 column 1"),
            ("vo:width", "0", "vo:width", "invalid value"),
            ("vo:datatype", "quad", "vo:datatype", "unknown variant `quad`"),
            ("vo:links", "{}", "vo:links", "invalid type"),
            ("vo:precision", "banana", "vo:precision", "not of the form 4, F4 or E4"),
            ("vo:values", r#"{"type": "banana"}"#, "vo:values.type", "not legal or actual"),
            ("vo:values", r#"{"least": 1}"#, "vo:values.least", "unknown field"),
        ] {
            let Described { mut columns, notes, .. } = with(key, value);
            columns[0].values = None;
            assert_eq!(columns[..], *std::slice::from_ref(&right));
            let [note] = &notes[..] else { panic!("{notes:?}") };
            let start = format!("column \"n\": the metadata of the file at {place} are ignored: ");
            assert!(note.starts_with(&start) && note.contains(why), "{note}");
        }
    }

    #[test]
    fn what_is_wrong_in_the_table_is_left_out_alone() {
        let table = json!({
            "name": "stars",
            "resource": {
                "type": "banana",
                "timesys": [
                    {"ID": "t", "timescale": "not a scale", "refposition": "UNKNOWN"},
                    {"ID": "u", "timescale": "UTC", "refposition": "UNKNOWN"},
                ],
            },
        });
        let keys: Metadata = [owned((TABLE_KEY, &table.to_string()))].into_iter().collect();
        let fields = vec![Field::new("n", DataType::Int64, true)];
        let read = described(&Schema::new_with_metadata(fields, keys)).unwrap();
        assert_eq!(read.table.name.as_deref(), Some("stars"));
        let systems: Vec<_> = read.table.resource.timesys.iter().map(|t| t.id.as_str()).collect();
        assert_eq!(systems, ["u"]);
        let places: Vec<_> = read.notes.iter().map(|note| note.split(' ').nth(6)).collect();
        assert_eq!(
            places,
            [
                Some("vo:table.resource.timesys[0].timescale"),
                Some("vo:table.resource.timesys[0]"),
                Some("vo:table.resource.type"),
            ]
        );
    }

    fn owned((key, value): (&str, &str)) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }
}
