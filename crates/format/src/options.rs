//! Options of a format: text from users and clients, parsed into one struct per format.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Serialize};

use taploom_model::{Error, ErrorKind, Result};

pub use self::known::OptionInfo;
use self::known::known_once;
use self::text::Text;

mod known;
mod text;

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
}

/// The values that a field takes, without the Rust terms that serde uses.
fn in_words(error: &de::value::Error) -> String {
    let text = error.to_string();
    if text.contains("a nonzero") { "it takes a whole number from 1".to_owned() } else { text }
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
