//! Options of a format: text from users and clients, parsed into one struct per format.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};

use taploom_model::{Error, ErrorKind, Result};

/// The options of a format: a serde struct with a default for every field.
///
/// The names of its fields are the names of the options, and their doc comments are what
/// `taploom formats` prints. Give it `#[serde(default, deny_unknown_fields)]`.
pub trait FormatOptions:
    Serialize + DeserializeOwned + JsonSchema + Default + Send + Sync + 'static
{
}

impl<T: Serialize + DeserializeOwned + JsonSchema + Default + Send + Sync + 'static> FormatOptions
    for T
{
}

/// The options of a format that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoOptions {}

/// Options as they are given: names in lower case, and values, both as text.
///
/// They are the same whether they come as parameters of a media type, as `--option key=value`, or as JSON.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use taploom_format::Options;
///
/// #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
/// #[serde(default, deny_unknown_fields)]
/// struct Csv {
///     /// Whether the first record holds the names.
///     header: Header,
/// }
///
/// #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
/// #[serde(rename_all = "lowercase")]
/// enum Header {
///     #[default]
///     Present,
///     Absent,
/// }
///
/// let mut options = Options::default();
/// options.set("Header", "ABSENT")?;
/// assert_eq!(options.parse::<Csv>()?.header, Header::Absent);
///
/// let mut wrong = Options::default();
/// wrong.set("headr", "absent")?;
/// assert_eq!(
///     wrong.parse::<Csv>().unwrap_err().to_string(),
///     "option headr is unknown; known: header"
/// );
/// # Ok::<(), taploom_format::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<String, String>);

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

impl Options {
    /// Sets an option. The case of its name does not matter.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if the option already has another value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<()> {
        let (name, value) = (name.to_ascii_lowercase(), value.into());
        match self.0.get(&name) {
            Some(before) if !before.eq_ignore_ascii_case(&value) => Err(Error::new(
                ErrorKind::InvalidOption,
                format!("option {name} is given twice, as {before:?} and as {value:?}"),
            )),
            _ => {
                self.0.insert(name, value);
                Ok(())
            }
        }
    }

    /// Sets options from a JSON object with scalar values.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for anything but an object of strings, numbers and booleans.
    pub fn set_json(&mut self, json: &serde_json::Value) -> Result<()> {
        use serde_json::Value;
        let wrong = |what: &str| {
            Error::new(
                ErrorKind::InvalidOption,
                format!("{what} is not an object of strings, numbers and booleans"),
            )
        };
        for (name, value) in json.as_object().ok_or_else(|| wrong("the JSON of the options"))? {
            match value {
                Value::String(text) => self.set(name, text)?,
                Value::Number(_) | Value::Bool(_) => self.set(name, value.to_string())?,
                _ => return Err(wrong(&format!("option {name}"))),
            }
        }
        Ok(())
    }

    /// The options as a struct of the format.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] naming the option, and the known options or the values that it takes.
    pub fn parse<T: FormatOptions>(&self) -> Result<T> {
        // Every result that starts calls this function, and nearly all options are right. The known options
        // and their values are listed only for an error, because that takes as long as encoding some rows.
        let all = self.0.iter().map(|(name, value)| (name.as_str(), Text(value)));
        T::deserialize(MapDeserializer::new(all)).or_else(|error| self.explained::<T>(&error))
    }

    /// An error that names the wrong option, and the values that it takes.
    fn explained<T: FormatOptions>(&self, error: &de::value::Error) -> Result<T> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidOption, message);
        let known = known_once::<T>();
        if let Some(name) = self.0.keys().find(|&name| known.iter().all(|o| o.name != *name)) {
            let names: Vec<&str> = known.iter().map(|option| option.name.as_str()).collect();
            return Err(invalid(match names.as_slice() {
                [] => format!("option {name} is unknown; this format has none"),
                _ => format!("option {name} is unknown; known: {}", names.join(", ")),
            }));
        }
        // One at a time, so that the error can name the option that is wrong.
        for (name, value) in &self.0 {
            let one = MapDeserializer::new(std::iter::once((name.as_str(), Text(value))));
            if let Err(error) = T::deserialize(one) {
                let values = known
                    .iter()
                    .find(|option| option.name == *name)
                    .map(|option| option.values.join(", "))
                    .filter(|values| !values.is_empty())
                    .map_or_else(|| in_words(&error), |values| format!("known: {values}"));
                return Err(invalid(format!("option {name} can't be {value:?}; {values}")));
            }
        }
        Err(invalid(error.to_string()))
    }

    /// The options that a format has, ordered by name.
    pub fn known<T: FormatOptions>() -> Vec<OptionInfo> {
        known_once::<T>().to_vec()
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
}

/// The values that a field takes, without the Rust terms that serde uses.
fn in_words(error: &de::value::Error) -> String {
    let text = error.to_string();
    if text.contains("a nonzero") { "it takes a whole number from 1".to_owned() } else { text }
}

/// [`Options::known`], looked up once for each type: every result that starts has its options parsed.
fn known_once<T: FormatOptions>() -> Arc<[OptionInfo]> {
    static KNOWN: Mutex<BTreeMap<TypeId, Arc<[OptionInfo]>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of_type = known.entry(TypeId::of::<T>()).or_insert_with(|| Options::found::<T>().into());
    Arc::clone(of_type)
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

/// A value as text, which is converted to the type of the struct's field.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl<'de> IntoDeserializer<'de> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Text<'_> {
    fn number<T: std::str::FromStr>(self, what: &str) -> Result<T, de::value::Error> {
        self.0.trim().parse().map_err(|_| de::Error::custom(format!("it takes {what}")))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $what:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.$visit(self.number($what)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_bool(self.number("true or false")?)
    }

    numbers! {
        deserialize_u8 visit_u8 "a whole number from 0 to 255",
        deserialize_u16 visit_u16 "a whole number from 0 to 65535",
        deserialize_u32 visit_u32 "a whole number",
        deserialize_u64 visit_u64 "a whole number",
        deserialize_i8 visit_i8 "a whole number from -128 to 127",
        deserialize_i16 visit_i16 "a whole number from -32768 to 32767",
        deserialize_i32 visit_i32 "a whole number",
        deserialize_i64 visit_i64 "a whole number",
        deserialize_f32 visit_f32 "a number",
        deserialize_f64 visit_f64 "a number",
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        // Values of media type parameters are compared in any case: serialization=binary2.
        let variant = variants
            .iter()
            .find(|variant| variant.eq_ignore_ascii_case(self.0))
            .ok_or_else(|| de::Error::custom(format!("known: {}", variants.join(", "))))?;
        visitor.visit_enum(StrDeserializer::new(variant))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    /// The value of a field that the struct does not have: an unknown option, whether or not the struct denies
    /// unknown fields.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("the option is unknown"))
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Example {
        /// Rows in a
        /// row group.
        rows: u64,
        step: Option<std::num::NonZero<u64>>,
        exact: bool,
        level: Option<i8>,
        mode: Mode,
    }

    impl Default for Example {
        fn default() -> Self {
            Self { rows: 10, step: None, exact: false, level: None, mode: Mode::Fast }
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        /// Quick.
        Fast,
        /// Slow.
        Small,
    }

    fn given(pairs: &[(&str, &str)]) -> Options {
        let mut options = Options::default();
        for (name, value) in pairs {
            options.set(name, *value).unwrap();
        }
        options
    }

    #[test]
    fn text_becomes_what_the_struct_wants() {
        let options =
            given(&[("ROWS", "5"), ("exact", "true"), ("level", "-3"), ("mode", "Small")]);
        assert_eq!(
            options.parse::<Example>().unwrap(),
            Example { rows: 5, step: None, exact: true, level: Some(-3), mode: Mode::Small }
        );
        let mut json = Options::default();
        json.set_json(&serde_json::json!({"rows": 5, "exact": true, "level": -3, "mode": "small"}))
            .unwrap();
        assert_eq!(json.parse::<Example>().unwrap(), options.parse().unwrap());
    }

    #[test]
    fn errors_name_the_option_and_what_is_right() {
        let message = |pairs| given(pairs).parse::<Example>().unwrap_err().to_string();
        assert_eq!(
            message(&[("row", "1")]),
            "option row is unknown; known: exact, level, mode, rows, step"
        );
        assert_eq!(
            message(&[("rows", "-1")]),
            r#"option rows can't be "-1"; it takes a whole number"#
        );
        assert_eq!(
            message(&[("step", "0")]),
            r#"option step can't be "0"; it takes a whole number from 1"#
        );
        assert_eq!(
            message(&[("mode", "slow")]),
            r#"option mode can't be "slow"; known: fast, small"#
        );
        let mut twice = given(&[("rows", "1")]);
        assert!(twice.set("Rows", "1").is_ok());
        assert!(twice.set("rows", "2").unwrap_err().is_caller_fault());
    }

    #[test]
    fn an_unknown_option_is_refused_also_by_a_struct_that_would_ignore_it() {
        #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        struct Lax {
            rows: u64,
        }
        assert_eq!(given(&[("rows", "3")]).parse::<Lax>().unwrap().rows, 3);
        let error = given(&[("row", "3")]).parse::<Lax>().unwrap_err();
        assert_eq!(error.to_string(), "option row is unknown; known: rows");
    }

    #[test]
    fn known_options_come_with_default_and_values() {
        let known = Options::known::<Example>();
        let names: Vec<&str> = known.iter().map(|option| option.name.as_str()).collect();
        assert_eq!(names, ["exact", "level", "mode", "rows", "step"]);
        assert_eq!(known[3].description, "Rows in a row group.");
        assert_eq!(known[3].default, "10");
        assert_eq!(known[2].values, ["fast", "small"]);
    }
}
