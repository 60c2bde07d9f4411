//! Media types, as RESPONSEFORMAT and Content-Type have them.

use std::fmt;

use taploom_model::{Error, ErrorKind, Result};

/// A parsed media type: type and subtype in lower case, parameters in their order.
///
/// Never compared as text: `application/x-votable+xml; serialization=binary2` and
/// `Application/X-VOTable+XML;serialization=BINARY2` ask for the same; RFC 6838, 4.2 and 4.3.
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

    /// Parameters: names in lower case, values as given, without the quotes.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The media type without one of its parameters, and the value of that.
    pub(crate) fn split_off(mut self, name: &str) -> (Self, Option<String>) {
        let place = self.parameters.iter().position(|(known, _)| known == name);
        let value = place.map(|place| self.parameters.remove(place).1);
        (self, value)
    }

    /// Case folded, and no parameter twice; else what is wrong.
    pub(crate) fn of(parsed: &mediatype::MediaType<'_>) -> Result<Self, String> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in mediatype::ReadParams::params(parsed) {
            let name = name.as_str().to_ascii_lowercase();
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(format!("parameter {name} stands twice"));
            }
            parameters.push((name, value.unquoted_str().into_owned()));
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
            Error::new(ErrorKind::UnknownFormat, format!("{text:?} is no media type: {why}"))
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
            // Quoted where the value is no name: RFC 6838, 4.2, which allows less than the tokens of
            // RFC 9110, 5.6.2, so that both take it.
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
    fn what_is_written_is_read() {
        for value in ["ut`-8", "a%b", "a b", "a\\\"b", "a|b~*'", ""] {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let media_type: MediaType = format!("text/csv;a=\"{quoted}\"").parse().unwrap();
            assert_eq!(media_type.parameters()[0].1, value);
            assert_eq!(media_type.to_string().parse::<MediaType>().unwrap(), media_type);
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
