//! The dialect of separated text, which `--input-format` can change.

use taploom_model::Result;

use crate::error::invalid;
use crate::plugin::SourceOption;
use crate::request::Request;

/// The options of CSV and TSV files.
pub(super) const OPTIONS: &[SourceOption] = &[
    SourceOption::new("delimiter", "the character between values, or tab"),
    SourceOption::new("quote", "the character around values, or none"),
    SourceOption::new("comment", "the character that begins a line without values"),
    SourceOption::new("null", "a word for null"),
    SourceOption::new("header", "present or absent: whether the first record names the columns"),
    SourceOption::new("names", "names of the columns, between commas"),
    SourceOption::new("spaces", "keep or trim: whether spaces around a value belong to it"),
    SourceOption::new("short", "error or null: how to read a record with too few values"),
];

/// How a text is divided into values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::file) struct Dialect {
    pub(super) separator: u8,
    pub(super) quotes: Quotes,
    pub(super) comment: Option<u8>,
    /// An unquoted value that stands for null.
    pub(super) null: Option<String>,
    pub(super) has_header: bool,
    pub(super) names: Option<Vec<String>>,
    /// Whether spaces and TABs around a value do not belong to it, unless they are within quotes.
    pub(super) trims: bool,
    /// Whether a record with too few values is completed with nulls.
    pub(super) fills: bool,
    /// Whether an empty line is a null in a table of one column.
    pub(super) has_empty_rows: bool,
}

/// The meaning of quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quotes {
    /// A quote begins a value that may have separators and line breaks; RFC 4180.
    Around(u8),
    /// A value is quoted if it begins with a quote and ends with the quote that closes it: `"x"y"` is text as it stands.
    /// Separators and line breaks end a value even within quotes, so an unpaired quote is ambiguous.
    WithinValue,
    /// Quotes have no meaning.
    None,
}

impl Dialect {
    pub(super) fn csv() -> Self {
        Self::new(b',', Quotes::Around(b'"'))
    }

    /// IANA's text/tab-separated-values has no quotes, but files of Taploom and of others use them.
    pub(super) fn tsv() -> Self {
        Self::new(b'\t', Quotes::WithinValue)
    }

    /// The rows of an ECSV file. astropy reads several blanks between values as one, and drops those at the ends of a
    /// line, and empty lines.
    #[cfg(feature = "ecsv")]
    pub(in crate::file) fn ecsv(separator: u8) -> Self {
        Self {
            comment: Some(b'#'),
            trims: true,
            has_empty_rows: false,
            ..Self::new(separator, Quotes::Around(b'"'))
        }
    }

    fn new(separator: u8, quotes: Quotes) -> Self {
        Self {
            separator,
            quotes,
            comment: None,
            null: None,
            has_header: true,
            names: None,
            trims: false,
            fills: false,
            has_empty_rows: true,
        }
    }

    /// Changes the dialect by the options of a request.
    pub(super) fn with_options(mut self, request: &Request<'_>) -> Result<Self> {
        if let Some(text) = request.option("delimiter") {
            self.separator = character("delimiter", text)?;
        }
        match request.option("quote") {
            Some("none") => self.quotes = Quotes::None,
            Some(text) => self.quotes = Quotes::Around(character("quote", text)?),
            None => {}
        }
        if let Some(text) = request.option("comment") {
            self.comment = Some(character("comment", text)?);
        }
        self.null = request.option("null").map(str::to_owned);
        self.names =
            request.option("names").map(|names| names.split(',').map(str::to_owned).collect());
        let has_header = either(request, "header", "present", "absent")?;
        self.has_header = has_header.unwrap_or(self.names.is_none());
        self.trims = either(request, "spaces", "trim", "keep")?.unwrap_or(false);
        self.fills = either(request, "short", "null", "error")?.unwrap_or(false);
        let quote = match self.quotes {
            Quotes::Around(quote) => Some(quote),
            Quotes::WithinValue => Some(b'"'),
            Quotes::None => None,
        };
        let signs = [Some(self.separator), quote, self.comment];
        for (index, sign) in signs.iter().enumerate() {
            if sign.is_some() && signs[index + 1..].contains(sign) {
                return Err(invalid(
                    "input options: delimiter, quote and comment have to be different characters",
                ));
            }
        }
        Ok(self)
    }
}

/// Whether an option has the value `yes` rather than `no`; `None` if it is not given.
fn either(request: &Request<'_>, option: &str, yes: &str, no: &str) -> Result<Option<bool>> {
    match request.option(option) {
        None => Ok(None),
        Some(value) if value == yes => Ok(Some(true)),
        Some(value) if value == no => Ok(Some(false)),
        Some(other) => Err(invalid(format!("input option {option}={other}: it is {yes} or {no}"))),
    }
}

fn character(option: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Ok(*byte),
        _ => Err(invalid(format!(
            "input option {option}={text}: it has to be one ASCII character, or tab"
        ))),
    }
}
