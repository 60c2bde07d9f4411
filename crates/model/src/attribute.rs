//! Attributes of VOTable elements whose values have a grammar. Values that break their grammar can't be
//! constructed.
//!
//! The grammars are taken from the XML Schema of VOTable 1.4, with two exceptions that the schema leaves
//! to the text of the standard: `timescale`, `refposition` and `content-role` are terms of vocabularies,
//! and so have no spaces.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::text_serde::text_serde;

/// The attribute `precision` of a FIELD or PARAM: how many digits of a number are significant.
///
/// ```
/// use taploom_model::Precision;
///
/// assert_eq!("F4".parse::<Precision>()?, Precision::Decimals(4));
/// assert_eq!(Precision::Significant(7).to_string(), "E7");
/// assert!("banana".parse::<Precision>().is_err());
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// `4`: digits after the decimal point, without a letter.
    Plain(u32),
    /// `F4`: digits after the decimal point.
    Decimals(u32),
    /// `E4`: digits in all.
    Significant(u32),
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (make, digits): (fn(u32) -> Self, &str) = match text.as_bytes().first() {
            Some(b'F') => (Self::Decimals, &text[1..]),
            Some(b'E') => (Self::Significant, &text[1..]),
            _ => (Self::Plain, text),
        };
        let number = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        let number = number.ok_or_else(|| wrong("precision", text, "of the form 4, F4 or E4"));
        number.map(make)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(digits) => write!(f, "{digits}"),
            Self::Decimals(digits) => write!(f, "F{digits}"),
            Self::Significant(digits) => write!(f, "E{digits}"),
        }
    }
}

/// The attribute `type` of VALUES.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ValuesType {
    /// `legal`: the values that a column may have.
    #[default]
    Legal,
    /// `actual`: the values that the column has.
    Actual,
}

impl ValuesType {
    /// The value of the attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legal => "legal",
            Self::Actual => "actual",
        }
    }
}

impl FromStr for ValuesType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "legal" => Ok(Self::Legal),
            "actual" => Ok(Self::Actual),
            _ => Err(wrong("the type of VALUES", text, "legal or actual")),
        }
    }
}

impl fmt::Display for ValuesType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The attribute `type` of a RESOURCE.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ResourceType {
    /// `results`: the RESOURCE holds a table.
    #[default]
    Results,
    /// `meta`: the RESOURCE describes something, for example a service; DataLink 1.1, 4.
    Meta,
}

impl ResourceType {
    /// The value of the attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Meta => "meta",
        }
    }
}

impl FromStr for ResourceType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "results" => Ok(Self::Results),
            "meta" => Ok(Self::Meta),
            _ => Err(wrong("the type of a RESOURCE", text, "results or meta")),
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Defines types that hold a text of one grammar, and return it unchanged.
macro_rules! checked_texts {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $is_valid:path, $form:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                if $is_valid(&text) { Ok(Self(text.into())) } else { Err(wrong($what, &text, $form)) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into_owned()
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        text_serde!($name);
    )+};
}

checked_texts! {
    /// The ID of an XML element, or a reference to one: an XML name without a colon.
    ///
    /// Letters and digits are the classes of characters that Rust knows, which are a little narrower
    /// than the tables of XML 1.0, 2.3.
    ///
    /// ```
    /// use taploom_model::XmlId;
    ///
    /// let id: XmlId = "col_0".parse()?;
    /// assert_eq!(id, "col_0");
    /// assert!("0_col".parse::<XmlId>().is_err());
    /// # Ok::<(), taploom_model::Error>(())
    /// ```
    XmlId: "the ID",
        is_ncname,
        "an XML name (letters, digits, '_', '-', '.'; the first is a letter or '_')";

    /// A term of a vocabulary: the `timescale` and `refposition` of TIMESYS and COOSYS, and the
    /// `content-role` of LINK.
    ///
    /// The vocabularies grow, so any name is a term: a letter, then letters, digits, `_`, `-`, `.`.
    VocabularyTerm: "the term",
        is_term,
        "a name such as UTC, BARYCENTER or doc (ASCII letters, digits, '_', '-', '.')";

    /// The attributes `epoch` and `equinox` of COOSYS: a year such as `J2000`, `B1950.0` or `2015.5`.
    AstroYear: "the year", is_year, "of the form J2000, B1950.0 or 2015.5";

    /// The attribute `timeorigin` of TIMESYS: the Julian date of the count 0, `MJD-origin` or
    /// `JD-origin`.
    TimeOrigin: "the timeorigin",
        is_time_origin,
        "a Julian date such as 2455197.5, MJD-origin or JD-origin";
}

impl VocabularyTerm {
    /// `UNKNOWN`, which the vocabularies of time scales and of reference positions have.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("UNKNOWN"));

    /// The time scale `UTC`.
    pub const UTC: Self = Self(Cow::Borrowed("UTC"));
}

impl TimeOrigin {
    /// 1970-01-01T00:00:00, as a Julian date.
    pub const UNIX_EPOCH: Self = Self(Cow::Borrowed("2440587.5"));
}

text_serde!(Precision, ValuesType, ResourceType);

fn wrong(what: &str, text: &str, form: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("{what} {text:?} is not {form}"))
}

fn is_ncname(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && characters.all(|c| matches!(c, '_' | '-' | '.') || c.is_alphanumeric())
}

fn is_term(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| matches!(b, b'_' | b'-' | b'.') || b.is_ascii_alphanumeric())
}

/// `[JB]?[0-9]+([.][0-9]*)?`
fn is_year(text: &str) -> bool {
    let year = text.strip_prefix(['J', 'B']).unwrap_or(text);
    let (whole, decimals) = year.split_once('.').unwrap_or((year, ""));
    !whole.is_empty() && are_digits(whole) && are_digits(decimals)
}

/// `[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(JD|MJD)-origin`
fn is_time_origin(text: &str) -> bool {
    if matches!(text, "JD-origin" | "MJD-origin") {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let has_digit = !whole.is_empty() || !decimals.is_empty();
    has_digit
        && are_digits(whole)
        && are_digits(decimals)
        && !exponent.is_empty()
        && are_digits(exponent)
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr + fmt::Display>(right: &[&str], wrong: &[&str]) {
        for text in right {
            let printed = text.parse::<T>().map(|parsed| parsed.to_string());
            assert_eq!(printed.ok().as_deref(), Some(*text));
        }
        for text in wrong {
            assert!(text.parse::<T>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_text_of_the_grammar_is_printed_as_it_was_and_others_are_refused() {
        check::<Precision>(
            &["0", "4", "F2", "E15"],
            &["", "F", "banana", "-1", "F+4", "+4", "f2", "1.5", "E99999999999", " 4", "Fé"],
        );
        check::<ValuesType>(&["legal", "actual"], &["", "banana", "Legal"]);
        check::<ResourceType>(&["results", "meta"], &["", "banana"]);
        check::<XmlId>(&["a", "_1.b-c", "Ä"], &["", "1a", "a:b", "a b", "-a"]);
        check::<VocabularyTerm>(&["UTC", "doc", "a-b_c.d1"], &["", "not a scale", "1a", "é"]);
        check::<AstroYear>(
            &["J2000", "B1950.0", "2015.5", "2000."],
            &["", "J", "K2000", "J2000.5.1", "-1", ".5"],
        );
        check::<TimeOrigin>(
            &["0", "2455197.5", "MJD-origin", "JD-origin", "+1e-3", ".5", "-2E5"],
            &["", ".", "e5", "1e", "1e+", "MJD", "1..2", "--1"],
        );
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        let error = "banana".parse::<Precision>().unwrap_err();
        assert_eq!(error.to_string(), r#"precision "banana" is not of the form 4, F4 or E4"#);
        assert!(error.is_caller_fault());
    }
}
