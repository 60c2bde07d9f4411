//! Headers: records of 80 characters, in blocks of 2880 bytes; FITS 4.0, section 4.

use std::collections::HashMap;

/// Size of a block in bytes; FITS 4.0, 3.1.
pub(super) const BLOCK_BYTES: usize = 2880;
/// Size of a record in bytes.
const RECORD_BYTES: usize = 80;
/// Maximum size of a header. A table of 999 columns with ten keywords each takes a tenth of it.
pub(super) const MOST_HEADER_BYTES: usize = 8 << 20;

/// The keywords of a header with their values. If a keyword occurs twice, the first one counts.
#[derive(Debug, Default)]
pub(super) struct Header {
    values: HashMap<String, Value>,
    /// The keyword whose string continues in the next record.
    continued: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    /// A number or a logical value, as text.
    Word(String),
}

impl Header {
    /// Adds the records of a block. Returns whether the header ended in this block.
    pub(super) fn add(&mut self, block: &[u8]) -> bool {
        for record in block.chunks(RECORD_BYTES) {
            let keyword = text(&record[..record.len().min(8)]);
            if keyword == "END" {
                return true;
            }
            let rest = text(record.get(8..).unwrap_or_default());
            match keyword.as_str() {
                "CONTINUE" => self.go_on(&rest),
                _ => {
                    self.continued = None;
                    // The value indicator; FITS 4.0, 4.1.2.2.
                    if let Some(value) = rest.strip_prefix("= ") {
                        self.set(&keyword, value);
                    }
                }
            }
        }
        false
    }

    fn set(&mut self, keyword: &str, text: &str) {
        let value = match quoted(text) {
            Some(string) => {
                if string.ends_with('&') {
                    self.continued = Some(keyword.to_owned());
                }
                Value::Text(string)
            }
            None => Value::Word(text.split('/').next().unwrap_or_default().trim().to_owned()),
        };
        self.values.entry(keyword.to_owned()).or_insert(value);
    }

    /// Continues a string; FITS 4.0, 4.2.1.2.
    fn go_on(&mut self, text: &str) {
        let (Some(keyword), Some(more)) = (self.continued.take(), quoted(text)) else { return };
        if let Some(Value::Text(string)) = self.values.get_mut(&keyword) {
            string.pop();
            string.push_str(&more);
            if more.ends_with('&') {
                self.continued = Some(keyword);
            }
        }
    }

    /// A string without trailing spaces; `None` if it is missing or empty.
    pub(super) fn text(&self, keyword: &str) -> Option<String> {
        match self.values.get(keyword)? {
            Value::Text(text) => {
                Some(text.trim_end()).filter(|text| !text.is_empty()).map(str::to_owned)
            }
            Value::Word(_) => None,
        }
    }

    /// An integer. Some writers write integers as `1.0`.
    pub(super) fn integer(&self, keyword: &str) -> Option<i64> {
        let Value::Word(word) = self.values.get(keyword)? else { return None };
        word.parse().ok().or_else(|| {
            let whole = word.strip_suffix('.').or_else(|| word.strip_suffix(".0"))?;
            whole.parse().ok()
        })
    }

    /// A number. D marks an exponent of double precision; FITS 4.0, 4.2.4.
    pub(super) fn number(&self, keyword: &str) -> Option<f64> {
        let Value::Word(word) = self.values.get(keyword)? else { return None };
        word.replace(['D', 'd'], "E").parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether a logical value is true.
    pub(super) fn is_true(&self, keyword: &str) -> bool {
        self.values.get(keyword) == Some(&Value::Word("T".to_owned()))
    }

    pub(super) fn has(&self, keyword: &str) -> bool {
        self.values.contains_key(keyword)
    }
}

/// The characters of a record without trailing spaces. Characters other than ASCII are not allowed in it.
fn text(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    text.trim_end_matches([' ', '\0']).to_owned()
}

/// The contents of a quoted string, in which a quote is written twice.
fn quoted(text: &str) -> Option<String> {
    let mut rest = text.trim_start().strip_prefix('\'')?;
    let mut string = String::new();
    loop {
        let (head, tail) = rest.split_once('\'').unwrap_or((rest, ""));
        string.push_str(head);
        match tail.strip_prefix('\'') {
            Some(tail) => {
                string.push('\'');
                rest = tail;
            }
            None => return Some(string.trim_end().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(records: &[&str]) -> Header {
        let mut header = Header::default();
        let block: String = records.iter().map(|record| format!("{record:<80}")).collect();
        header.add(block.as_bytes());
        header
    }

    #[test]
    fn values_are_read_in_every_form() {
        let header = header(&[
            "NAXIS   =                    2 / a comment",
            "TZERO1  =  3.2768D+04",
            "PCOUNT  = 7.",
            "EXTNAME = 'it''s a / name  '   / comment",
            "TCOMM1  = 'one &'",
            "CONTINUE  'and two&'",
            "CONTINUE  ''",
            "TUCD1   = '        '",
            "ZIMAGE  =                    T",
            "COMMENT = 'no value'",
            "NAXIS   =                    3",
        ]);
        assert_eq!((header.integer("NAXIS"), header.integer("PCOUNT")), (Some(2), Some(7)));
        assert_eq!(header.number("TZERO1"), Some(32768.0));
        assert_eq!(header.text("EXTNAME").as_deref(), Some("it's a / name"));
        assert_eq!(header.text("TCOMM1").as_deref(), Some("one and two"));
        assert_eq!((header.text("TUCD1"), header.text("NAXIS")), (None, None));
        assert!(header.is_true("ZIMAGE") && !header.is_true("NAXIS"));
    }
}
