//! Media types: the values of RESPONSEFORMAT, Accept and Content-Type.

use std::fmt;

use taploom_model::{Error, ErrorKind, Result};

/// A parsed media type: type and subtype in lower case, parameters in their order.
///
/// Media types are not compared as text: `application/x-votable+xml; serialization=binary2` and
/// `Application/X-VOTable+XML;serialization=BINARY2` ask for the same; RFC 6838, 4.2 and 4.3.
///
/// A value may be quoted, with any character but control characters; RFC 9110, 5.6.4. The printed form
/// parses to the same media type.
///
/// ```
/// use taploom_format::MediaType;
///
/// let asked: MediaType = "text/CSV; Header=absent".parse()?;
/// assert_eq!(asked.essence(), "text/csv");
/// assert_eq!(asked.parameters(), [("header".to_owned(), "absent".to_owned())]);
/// assert!("text".parse::<MediaType>().is_err());
/// # Ok::<(), taploom_format::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Type and subtype, in lower case, without parameters.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The parameters: names in lower case, values without quotes and backslashes.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The media type without one of its parameters, and the value of that parameter.
    pub(crate) fn split_off(mut self, name: &str) -> (Self, Option<String>) {
        let place = self.parameters.iter().position(|(known, _)| known == name);
        let value = place.map(|place| self.parameters.remove(place).1);
        (self, value)
    }

    /// Folds the case of names. The error says which parameter has two values, or a control character.
    pub(crate) fn of(parsed: &mediatype::MediaType<'_>) -> Result<Self, String> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in mediatype::ReadParams::params(parsed) {
            let name = name.as_str().to_ascii_lowercase();
            let value = value.unquoted_str();
            // The parser takes any character after a backslash. A quoted pair is a visible character,
            // a space or a tab; RFC 9110, 5.6.4.
            if let Some(control) = value.chars().find(|c| c.is_ascii_control() && *c != '\t') {
                return Err(format!("parameter {name} has the control character {control:?}"));
            }
            match parameters.iter().find(|(known, _)| *known == name) {
                None => parameters.push((name, value.into_owned())),
                Some((_, before)) if *before == value => {}
                Some((_, before)) => {
                    return Err(format!(
                        "parameter {name} is given twice, as {before:?} and as {value:?}"
                    ));
                }
            }
        }
        let mut essence = format!("{}/{}", parsed.ty, parsed.subty);
        if let Some(suffix) = parsed.suffix {
            essence = format!("{essence}+{suffix}");
        }
        Ok(Self { essence: essence.to_ascii_lowercase(), parameters })
    }
}

impl std::str::FromStr for MediaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Error::new(ErrorKind::UnknownFormat, format!("{text:?} is not a media type: {why}"))
        };
        let parsed = mediatype::MediaType::parse(text.trim());
        let parsed = parsed.map_err(|error| wrong(error.to_string()))?;
        Self::of(&parsed).map_err(wrong)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.parameters {
            // Only values that are names by RFC 6838, 4.2, stay unquoted. These are a part of the tokens of
            // RFC 9110, 5.6.2, so that readers of both grammars understand them.
            let token = !value.is_empty()
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&+-.^_".contains(&b));
            if token {
                write!(f, ";{name}={value}")?;
            } else {
                write!(f, ";{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_space_and_quotes_do_not_matter() {
        let a: MediaType = "application/x-votable+xml; serialization=binary2".parse().unwrap();
        let b: MediaType = "Application/X-VOTable+XML;Serialization=\"binary2\"".parse().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "application/x-votable+xml;serialization=binary2");
    }

    #[test]
    fn a_parameter_has_one_value() {
        let twice: MediaType = "text/csv;header=absent;Header=\"absent\"".parse().unwrap();
        assert_eq!(twice, "text/csv;header=absent".parse().unwrap());
        let error = "text/csv;header=absent;header=present".parse::<MediaType>().unwrap_err();
        let expected = "parameter header is given twice, as \"absent\" and as \"present\"";
        assert!(error.to_string().ends_with(expected), "{error}");
    }

    #[test]
    fn what_is_written_is_read() {
        for value in ["ut`-8", "a%b", "a b", "a\\\"b", "a|b~*'", ""] {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let media_type: MediaType = format!("text/csv;a=\"{quoted}\"").parse().unwrap();
            assert_eq!(media_type.parameters()[0].1, value);
            assert_eq!(media_type.to_string().parse::<MediaType>().unwrap(), media_type);
        }
    }

    /// Tries all values of up to four characters, some with a meaning in the grammar and some
    /// without. Each value is either printed in a form that parses to the same value, or refused.
    #[test]
    fn what_is_parsed_is_printed_as_the_same() {
        let signs = ['a', '"', '\\', '\r', '\n', '\t', ' ', '\0', '\u{7f}', 'é', ';', '=', '%'];
        let mut values = vec![String::new()];
        let mut first = 0;
        for _ in 0..4 {
            let next = values.len();
            for place in first..next {
                for sign in signs {
                    let value = format!("{}{sign}", values[place]);
                    values.push(value);
                }
            }
            first = next;
        }
        let (mut parsed, mut refused) = (0, 0);
        for value in values {
            for text in [format!("text/csv;t={value}"), format!("text/csv;t=\"{value}\"")] {
                match text.parse::<MediaType>() {
                    Ok(media_type) => {
                        let printed = media_type.to_string();
                        assert_eq!(printed.parse::<MediaType>().ok(), Some(media_type), "{text:?}");
                        parsed += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = format!("text/csv;t=\"{quoted}\"").parse::<MediaType>();
            let is_right = value.chars().all(|c| c == '\t' || !c.is_ascii_control());
            assert_eq!(read.is_ok(), is_right, "{value:?}");
            assert!(read.is_err() || read.is_ok_and(|read| read.parameters()[0].1 == value));
        }
        assert!(parsed > 1_000 && refused > 1_000, "{parsed} parsed, {refused} refused");
    }

    #[test]
    fn control_characters_are_refused() {
        for value in ["\\\\\\\\\\\\\\\r\0haryhars/t", "\\\n", "\u{1}", "\\\u{7f}"] {
            let error = format!("text/csent;t=\"{value}\"").parse::<MediaType>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFormat, "{value:?}");
        }
    }

    #[test]
    fn what_is_no_media_type_is_an_error() {
        for text in
            ["", "/", "text/", "text/csv;header", "text/csv;a=1;A=2", "text/csv;=", "téxt/csv"]
        {
            assert!(text.parse::<MediaType>().is_err(), "{text:?}");
        }
    }
}
