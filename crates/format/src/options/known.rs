//! Lists the options of a format, from the JSON schema of its struct.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::FormatOptions;

/// One option of a format, with its description.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionInfo {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its value if it is not given.
    pub default: String,
    /// The values that it accepts, if they can be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// The options of a format, ordered by name. They are determined once for each type, because every result that starts
/// has its options parsed.
pub(super) fn known_once<T: FormatOptions>() -> Arc<[OptionInfo]> {
    static KNOWN: Mutex<BTreeMap<TypeId, Arc<[OptionInfo]>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of_type = known.entry(TypeId::of::<T>()).or_insert_with(|| found::<T>().into());
    Arc::clone(of_type)
}

/// The options according to the schema of the struct.
fn found<T: FormatOptions>() -> Vec<OptionInfo> {
    let schema = schemars::schema_for!(T);
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(name, property)| OptionInfo {
            name: name.clone(),
            description: property
                .get("description")
                .and_then(|text| text.as_str())
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            default: match &defaults[name] {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Null => String::new(),
                other => other.to_string(),
            },
            values: values_of(property, schema.as_value()),
        })
        .collect()
}

/// The values of an enum in a JSON schema, through the references that schemars makes.
fn values_of(property: &serde_json::Value, root: &serde_json::Value) -> Vec<String> {
    let texts = |values: &[serde_json::Value]| {
        values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    if let Some(value) = property.get("const") {
        return texts(std::slice::from_ref(value));
    }
    if let Some(values) = property.get("enum").and_then(|values| values.as_array()) {
        return texts(values);
    }
    // Variants with a doc comment have separate entries; the others share one.
    if let Some(variants) = property.get("oneOf").and_then(|variants| variants.as_array()) {
        return variants.iter().flat_map(|variant| values_of(variant, root)).collect();
    }
    if property.get("type").is_some_and(|kind| kind == "boolean") {
        return vec!["true".to_owned(), "false".to_owned()];
    }
    property
        .get("$ref")
        .and_then(|reference| reference.as_str())
        .and_then(|reference| root.pointer(reference.trim_start_matches('#')))
        .map(|target| values_of(target, root))
        .unwrap_or_default()
}
