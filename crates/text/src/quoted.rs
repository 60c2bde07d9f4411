//! Values in quotes.

/// Appends a value in quotes, those in it doubled; RFC 4180, 2.7.
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
