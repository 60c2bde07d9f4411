//! The format of a file and its options in a request: `csv;delimiter=;;comment=#`.

use taploom_model::Result;

use crate::error::invalid;
use crate::plugin::{SourceInfo, SourceOption};

/// A format and its options.
#[derive(Debug, PartialEq)]
pub(crate) struct InputFormat {
    pub(crate) name: String,
    options: Vec<(String, String)>,
}

impl InputFormat {
    /// Parses a format and its options. Each option follows a semicolon. A semicolon is the value of an
    /// option if the end of the text or another option follows it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (name, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut options: Vec<(String, String)> = Vec::new();
        while !rest.trim().is_empty() {
            let Some((key, value)) = rest.split_once('=') else {
                return Err(invalid(format!(
                    "input format {text:?}: {rest:?} is not of the form OPTION=VALUE"
                )));
            };
            let is_semicolon = value == ";" || value.starts_with(";;");
            let end = if is_semicolon { 1 } else { value.find(';').unwrap_or(value.len()) };
            let key = key.trim().to_owned();
            if options.iter().any(|(known, _)| *known == key) {
                return Err(invalid(format!("input format {text:?}: {key} is given twice")));
            }
            options.push((key, value[..end].to_owned()));
            rest = value[end..].strip_prefix(';').unwrap_or("");
        }
        Ok(Self { name: name.trim().to_owned(), options })
    }

    /// The options, if the source has all of them.
    pub(crate) fn checked_options(self, info: &SourceInfo) -> Result<Vec<(String, String)>> {
        let known = |name: &str| info.options.iter().any(|option| option.name == name);
        match self.options.iter().find(|(name, _)| !known(name)) {
            None => Ok(self.options),
            Some((name, _)) => {
                let names: Vec<&str> =
                    info.options.iter().map(|SourceOption { name, .. }| *name).collect();
                let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Err(invalid(format!(
                    "input format {}: option {name} is unknown; known: {list}",
                    info.id
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_and_its_options() {
        for (text, name, options) in [
            ("csv", "csv", &[][..]),
            ("csv;", "csv", &[]),
            ("csv;delimiter=;", "csv", &[("delimiter", ";")]),
            ("csv;delimiter=;;comment=#", "csv", &[("delimiter", ";"), ("comment", "#")]),
            ("csv;comment=#; null=NA", "csv", &[("comment", "#"), ("null", "NA")]),
            ("csv;null=;header=absent", "csv", &[("null", ""), ("header", "absent")]),
            ("csv;names=a b,c", "csv", &[("names", "a b,c")]),
        ] {
            let parsed = InputFormat::parse(text).unwrap();
            let expected =
                options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            assert_eq!((&*parsed.name, parsed.options), (name, expected.collect()), "{text}");
        }
        for text in ["csv;delimiter", "csv;a=1;a=2"] {
            assert!(InputFormat::parse(text).is_err(), "{text}");
        }
    }
}
