//! What stands within the quotes of a value.

/// Goes through the bytes of a value that begins with a quote, without the quotes around its text and with one quote
/// where two stand. After the quote that closes, further quotes are text.
struct Content {
    quote: u8,
    at: usize,
    is_closed: bool,
}

impl Content {
    fn new(quote: u8) -> Self {
        Self { quote, at: 1, is_closed: false }
    }

    fn next(&mut self, value: &[u8]) -> Option<u8> {
        let mut byte = *value.get(self.at)?;
        self.at += 1;
        if byte == self.quote && !self.is_closed {
            let after = *value.get(self.at)?;
            self.at += 1;
            self.is_closed = after != self.quote;
            byte = after;
        }
        Some(byte)
    }
}

/// Moves the content of a value to the byte after its first quote, and returns the end of the content.
pub(super) fn unquote(value: &mut [u8], quote: u8) -> usize {
    let mut content = Content::new(quote);
    let mut end = 1;
    while let Some(byte) = content.next(value) {
        value[end] = byte;
        end += 1;
    }
    // The rest could begin within a character, and the text has to stay UTF-8.
    value[end..].fill(quote);
    end
}

/// The length of the content of a value, which may not be complete.
pub(super) fn content_length(value: &[u8], quote: u8) -> usize {
    let mut content = Content::new(quote);
    std::iter::from_fn(|| content.next(value)).count()
}

/// Where the first quote stands that closes a value, if any does: two quotes stand for one.
pub(super) fn closing_quote(value: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr(quote, value.get(at..)?)?;
        if value.get(at + 1) != Some(&quote) {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_quotes_are_one_up_to_the_quote_that_closes() {
        for (value, expected) in [
            ("\"\"", ""),
            ("\"a\"", "a"),
            ("\"a\"\"b\"", "a\"b"),
            ("\"\"\"\"\"\"", "\"\""),
            ("\"a\" b", "a b"),
            ("\"a\"b\"\"c\"", "ab\"\"c\""),
            ("\"é\"\"é\"", "é\"é"),
            ("\"a", "a"),
            ("\"a\"\"", "a\""),
        ] {
            let mut text = value.as_bytes().to_vec();
            let end = unquote(&mut text, b'"');
            assert_eq!(&text[1..end], expected.as_bytes(), "{value}");
            assert!(std::str::from_utf8(&text).is_ok(), "{value}");
            assert_eq!(content_length(value.as_bytes(), b'"'), expected.len(), "{value}");
        }
    }

    #[test]
    fn the_first_quote_that_is_not_followed_by_another_one_closes() {
        for (value, expected) in [
            ("\"", None),
            ("\"a", None),
            ("\"\"", Some(1)),
            ("\"\"\"", None),
            ("\"a\"\"", None),
            ("\"a\"\"b\" c\"", Some(5)),
        ] {
            assert_eq!(closing_quote(value.as_bytes(), b'"'), expected, "{value}");
        }
    }
}
