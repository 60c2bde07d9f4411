//! The differences between CSV and TSV.

use taploom_text::{Escaping, append_quoted};

/// U+FEFF. Readers skip a byte order mark at the beginning of a file, so a text that begins
/// with it is quoted.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Texts that are the same in CSV. An empty text is quoted, and so is one that begins with a byte order mark.
pub(crate) fn plain_csv() -> Escaping<impl Fn(u8) -> bool, impl Fn(&[u8]) -> bool> {
    Escaping {
        quotes: "",
        is_special: |byte| {
            let is_end = (byte == b'\n') | (byte == b'\r');
            (byte == b',') | (byte == b'"') | is_end | (byte == BYTE_ORDER_MARK[0])
        },
        is_plain: |text: &[u8]| !text.is_empty(),
    }
}

/// Texts that are the same in TSV.
pub(crate) fn plain_tsv() -> Escaping<impl Fn(u8) -> bool, impl Fn(&[u8]) -> bool> {
    Escaping {
        quotes: "",
        is_special: |byte| {
            let is_end = (byte == b'\n') | (byte == b'\r');
            (byte == b'\t') | (byte == b'"') | is_end | (byte == BYTE_ORDER_MARK[0])
        },
        is_plain: |text: &[u8]| !text.is_empty(),
    }
}

/// How values are separated and quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// RFC 4180.
    Csv,
    /// IANA, text/tab-separated-values.
    Tsv,
}

impl Dialect {
    /// The separator between two values.
    pub(crate) fn separator(self) -> u8 {
        match self {
            Self::Csv => b',',
            Self::Tsv => b'\t',
        }
    }

    /// The end of a record.
    pub(crate) fn record_end(self) -> &'static [u8] {
        match self {
            Self::Csv => b"\r\n",
            Self::Tsv => b"\n",
        }
    }

    /// Appends a text as a value; returns whether characters had to be replaced.
    ///
    /// An empty text is quoted, to distinguish it from null.
    pub(crate) fn append_text(self, bytes: &[u8], to: &mut Vec<u8>) -> bool {
        match self {
            Self::Csv => {
                let plain = !bytes.is_empty()
                    && !bytes.starts_with(BYTE_ORDER_MARK)
                    && memchr::memchr3(b',', b'"', b'\n', bytes).is_none()
                    && memchr::memchr(b'\r', bytes).is_none();
                if plain {
                    to.extend_from_slice(bytes);
                } else {
                    append_quoted(bytes, to);
                }
                false
            }
            Self::Tsv => {
                let from = to.len();
                let is_quoted = bytes.first().is_none_or(|first| *first == b'"');
                if is_quoted || bytes.starts_with(BYTE_ORDER_MARK) {
                    append_quoted(bytes, to);
                } else {
                    to.extend_from_slice(bytes);
                }
                let mut altered = false;
                while let Some(found) = memchr::memchr3(b'\t', b'\n', b'\r', &to[from..]) {
                    to[from + found] = b' ';
                    altered = true;
                }
                altered
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dialect: Dialect, text: &str) -> (String, bool) {
        let mut bytes = Vec::new();
        let altered = dialect.append_text(text.as_bytes(), &mut bytes);
        (String::from_utf8(bytes).unwrap(), altered)
    }

    #[test]
    fn csv_quotes_what_would_be_misread() {
        for (text, csv) in [
            ("a", "a"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("\"", "\"\"\"\""),
            ("say \"a\"\"b\"", "\"say \"\"a\"\"\"\"b\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("a\rb", "\"a\rb\""),
            ("a\tb", "a\tb"),
            ("α😀", "α😀"),
            ("\u{feff}a", "\"\u{feff}a\""),
        ] {
            assert_eq!(written(Dialect::Csv, text), (csv.to_owned(), false));
        }
    }

    #[test]
    fn tsv_holds_no_tab_and_no_line_break() {
        for (text, tsv, altered) in [
            ("a,b", "a,b", false),
            ("", "\"\"", false),
            ("5\" disk", "5\" disk", false),
            ("\"a\"", "\"\"\"a\"\"\"", false),
            ("a\tb\r\nc", "a b  c", true),
            ("\u{feff}a", "\"\u{feff}a\"", false),
        ] {
            assert_eq!(written(Dialect::Tsv, text), (tsv.to_owned(), altered));
        }
    }
}
