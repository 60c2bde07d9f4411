//! Values in quotes.

/// Appends a value in quotes, and doubles the quotes in it; RFC 4180, section 2, rule 7.
///
/// ```
/// let mut text = Vec::new();
/// taploom_text::append_quoted(b"5\" disk", &mut text);
/// assert_eq!(text, b"\"5\"\" disk\"");
/// ```
pub fn append_quoted(value: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    let mut from = 0;
    for quote in memchr::memchr_iter(b'"', value) {
        to.extend_from_slice(&value[from..=quote]);
        from = quote;
    }
    to.extend_from_slice(&value[from..]);
    to.push(b'"');
}
